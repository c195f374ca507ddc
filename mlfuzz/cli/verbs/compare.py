"""`mlfuzz compare A B`: two models on the same inputs, or two campaigns."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here, Trusted
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.cli.resolve.targets import find_target
from mlfuzz.cli.terminal.damage import tell_damage, worst
from mlfuzz.cli.terminal.progress_line import ProgressLine
from mlfuzz.comparison import (
    SURE,
    Comparison,
    FailureShare,
    Gate,
    Pair,
    compare_campaigns,
    compare_models,
    compare_training,
)
from mlfuzz.config import Resolved
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS, UsageError
from mlfuzz.findings.record import RECORD
from mlfuzz.findings.trust import Trust
from mlfuzz.integrity.inspect import inspect
from mlfuzz.regressions.runner import Settings
from mlfuzz.report.numbers import percent
from mlfuzz.report.robustness import area_text, changed, curve_line, paired_document, strengths_line
from mlfuzz.report.visible import visible
from mlfuzz.robustness import Paired, PairedRobustness
from mlfuzz.storage.workdir import campaigns, find_campaign
from mlfuzz.verdict import BatchVerdict, verdict_on

MOST_TOLD = 20
ROBUSTNESS_SEEDS = 50
"""On so many, signed ranks show a shift of .42 of its (normal) spread in .8 of all cases: twenty would show .65."""

MESSAGE = 1000
"""Characters of a problem: what to type stands at its end."""


def compare(
    before: str,
    after: str,
    /,
    *,
    findings: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    name: str = "",
    seeds: str = "",
    gate: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    train: str = "",
    robustness_seeds: int | None = None,
    trust: Trusted = (),
    device: str | None = None,
    dir: str = "",
    context: Here,
) -> int:
    """Compare two models on the same findings and clean seeds, or two campaigns.

    Exit code 1 where a gate does not hold or a batch is rejected, 3 where nothing could be compared or told.

    Args:
        before: A campaign, or a target of the configuration, a shipped one, or module:attribute.
        after: The other one, of the same kind.
        findings: Ids, files or folders to run on both models; by default those kept in the corpus.
        name: Run the confirmed findings of this campaign.
        seeds: Clean labelled inputs for the accuracy; by default the first model's own.
        gate: A condition: fail-rate<=+0.5%, newly-broken<=0, accuracy>=-1%, class-accuracy>=-5%; may be repeated.
        train: "module:function", from folders of training data to a target. BEFORE and AFTER are then such folders, the
            data so far and a new batch, which is rejected (exit code 1), may be taken (0), or neither (3): where there
            are too few clean inputs to tell.
        robustness_seeds: Of two models, tell how far so many seeds are from breaking (50); 0 leaves it out.
        device: cpu, cuda, cuda:1.
        dir: Where campaigns lie, instead of the configured folder.
    """
    gates = [Gate.parse(text) for text in gate]
    if robustness_seeds is not None and robustness_seeds < 0:
        raise UsageError(f"--robustness-seeds must be 0 or more, not {robustness_seeds}")
    found = context.resolve({"fuzz": {"device": device}})
    settings = _settings(found, trust, shlex.join(["mlfuzz", "compare", before, after]))
    base = context.path(dir) if dir else found.state_dir
    known = {each.name for each in campaigns(base)}
    damaged = EXIT_CLEAN
    if robustness_seeds and (train or (before in known and after in known)):
        raise UsageError("--robustness-seeds is for two models; leave it out, or name two targets")
    if train:
        result = _training(context, train, (before, after), _records(context, findings, name, dir), seeds, settings)
    elif before in known and after in known:
        both = [find_campaign(base, before), find_campaign(base, after)]
        damaged = worst(EXIT_CLEAN, *(tell_damage(context.terminal, inspect(one), folder=dir) for one in both))
        result = compare_campaigns(both[0], both[1])
    else:
        records = _records(context, findings, name, dir)
        most = ROBUSTNESS_SEEDS if robustness_seeds is None else robustness_seeds
        result = _models(context, (before, after), records, seeds, settings, most)
    failed = [one for one in gates if not one.holds(result)]
    verdict = verdict_on(result, gates) if train else None
    context.terminal.emit(_document(result, gates, failed, verdict))
    _tell(context, result)
    for one in failed:
        context.terminal.result(("gate failed  ", "bold red"), one.text)
    if verdict is not None:
        for reason in verdict.harm:
            context.terminal.result(("harm  ", "bold red"), visible(reason))
        context.terminal.result(visible(verdict.sentence))
        return verdict.exit_code
    if not result.failing.before.rows and not result.accuracy and result.robustness is None:
        return EXIT_BROKEN
    return worst(damaged, EXIT_FINDINGS if failed else EXIT_CLEAN)


def _records(context: Context, findings: tuple[str, ...], name: str, dir: str) -> list[Path]:
    cases = Cases(context, folder=dir)
    if findings or name:
        picked = cases.pick(findings, campaign=name)
        picked = picked if findings else [case for case in picked if case.finding.verdict == "confirmed"]
    else:
        picked = [case for case in cases.all() if not case.path.is_dir()]
    return [case.path / RECORD if case.path.is_dir() else case.path for case in picked]


def _models(
    context: Context, typed: tuple[str, str], records: list[Path], seeds: str, settings: Settings, most: int
) -> Comparison:
    loads = [find_target(context.resolve().config.targets, text)[1].load for text in typed]
    if loads[0] == loads[1]:
        raise UsageError(f"{typed[0]} and {typed[1]} are one and the same target; name two models or two campaigns")
    with ProgressLine(context.terminal) as pace:
        return compare_models(
            records, (loads[0], loads[1]), settings, seeds=context.path(seeds) if seeds else None,
            robustness_seeds=most, rng_seed=context.resolve().config.seed, tell=lambda text: pace.at(visible(text)),
        )  # fmt: skip


def _training(
    context: Context, train: str, folders: tuple[str, str], records: list[Path], seeds: str, settings: Settings
) -> Comparison:
    from mlfuzz.targets.load import load_attribute

    function = load_attribute(train, directory=settings.directory)
    data, batch = (context.path(folder) for folder in folders)
    return compare_training(function, data, batch, records, settings, seeds=context.path(seeds) if seeds else None)


def _settings(found: Resolved, trust: Sequence[str], again: str) -> Settings:
    held = Trust.of(found, given=trust, again=again, option="--trust")
    return Settings(found.root, {}, found.config.plugins, found.config.fuzz.device, trust=held)


def _tell(context: Context, result: Comparison) -> None:
    terminal, failing = context.terminal, result.failing
    what = "findings" if result.paired else "inputs"
    if failing.before.rows or failing.after.rows:
        count = f"same {failing.before.rows} {what}" if result.paired else "each its own inputs"
        terminal.result(
            f"{count}   fail rate {_share(failing.before)} -> {_share(failing.after)}   {_verdict(failing, less=True)}"
        )
        words = ("fixed", "newly broken", "still failing") if result.paired else ("faults gone", "new", "in both")
        parts = zip(words, (result.fixed, result.broken, result.still), strict=True)
        terminal.result("   ".join(f"{word} {len(names)}" for word, names in parts))
        for names, word, style in ((result.broken, words[1], "red"), (result.fixed, words[0], "green")):
            for each in names[:MOST_TOLD]:
                terminal.say((f"  {word}  ", style), visible(each))
            if len(names) > MOST_TOLD:
                terminal.say(f"  {word}  and {len(names) - MOST_TOLD} more")
    else:
        terminal.result("no findings to compare")
    if result.robustness is not None:
        _tell_robustness(context, result.robustness)
    for label, pair in result.accuracy.items():
        if label == "":
            text = f"{_share(pair.before)} -> {_share(pair.after)}   {_verdict(pair, less=False)}"
            terminal.result(f"clean accuracy on {pair.before.rows} seeds   {text}")
        elif pair.before != pair.after:
            terminal.result(
                f"  class {visible(label)}  {percent(pair.before.value)} -> {percent(pair.after.value)}"
                f" of {pair.before.rows}"
            )
    for name, problem in result.problems[:MOST_TOLD]:
        terminal.warn(f"left out {name[:10]}: {visible(problem, limit=MESSAGE)}")
    if len(result.problems) > MOST_TOLD:
        terminal.warn(f"and {len(result.problems) - MOST_TOLD} more could not be compared")


def _tell_robustness(context: Context, pair: PairedRobustness) -> None:
    terminal, whole = context.terminal, pair.whole
    text = f"{area_text(whole.before)} -> {area_text(whole.after)}   {_moved(whole)}"
    terminal.result(f"robustness on {whole.before.seeds} seeds, {len(pair.operators)} operators   {text}")
    width = max(map(len, ("strength", *pair.names)))
    terminal.say(f"  {'strength':{width}}  {strengths_line()}")
    for name, points in zip(pair.names, pair.curves, strict=True):
        terminal.say(f"  {visible(name):{width}}  {curve_line(points)}")
    moved = list(changed(pair, sure=SURE))
    for name, one in moved[:MOST_TOLD]:
        terminal.say(f"  {visible(name)}  {one.before.value:.3f} -> {one.after.value:.3f}   {_moved(one)}")
    if len(moved) > MOST_TOLD:
        terminal.say(f"  and {len(moved) - MOST_TOLD} operators more")
    for text in pair.left_out[:MOST_TOLD]:
        terminal.warn(f"robustness leaves out {visible(text)}")
    if len(pair.left_out) > MOST_TOLD:
        terminal.warn(f"robustness leaves out {len(pair.left_out) - MOST_TOLD} more")


def _moved(pair: Paired) -> str:
    """Of areas, of which more is better; how many seeds moved."""
    if not pair.better and not pair.worse:
        return "the same"
    word = ("better" if pair.after.value > pair.before.value else "worse") if pair.p < SURE else "no difference shown"
    return f"{word}, p={pair.p:.2g}; {pair.better} seeds better, {pair.worse} worse"


def _share(share: FailureShare) -> str:
    low, high = share.interval
    return f"{percent(share.value)} ({100 * low:.2g}-{100 * high:.3g})"


def _verdict(pair: Pair, *, less: bool) -> str:
    """less: whether less is better."""
    if pair.before.value == pair.after.value:
        return "the same"
    better = (pair.change < 0) == less
    word = ("better" if better else "worse") if pair.p < SURE else "no difference shown"
    return f"{word}, p={pair.p:.2g}"


def _document(
    result: Comparison, gates: list[Gate], failed: list[Gate], verdict: BatchVerdict | None
) -> dict[str, object]:
    def share(pair: Pair) -> dict[str, object]:
        return {
            "before": [pair.before.hits, pair.before.rows, *pair.before.interval],
            "after": [pair.after.hits, pair.after.rows, *pair.after.interval],
            "p": pair.p,
        }

    return {
        "before": result.names[0], "after": result.names[1], "paired": result.paired, "failing": share(result.failing),
        "fixed": result.fixed, "broken": result.broken, "still": result.still,
        "accuracy": {label: share(pair) for label, pair in result.accuracy.items()},
        **({"robustness": paired_document(result.robustness)} if result.robustness else {}),
        "problems": dict(result.problems), "gates": {one.text: one not in failed for one in gates},
        **({"verdict": {"decision": verdict.decision, "sentence": verdict.sentence, "harm": verdict.harm,
                        "exit_code": verdict.exit_code}} if verdict else {}),
    }  # fmt: skip
