"""`mlfuzz findings promote`: keep findings in the corpus, where git and pytest see them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here, Trusted, surroundings
from mlfuzz.cli.resolve.finding_selection import REGRESSIONS, Cases
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.resolve.targets import instead
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.trust import noted
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_USAGE, CorruptRecordError, UsageError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.promote import PER_FAULT, Regressions
from mlfuzz.findings.store import read
from mlfuzz.findings.trust import Trust
from mlfuzz.replay import Case, Replayed
from mlfuzz.report.visible import visible


def promote(
    *ids: str,
    name: str = "",
    target: str = "",
    trust: Trusted = (),
    replay: Annotated[bool, Parameter(negative="--no-replay")] = True,
    per_fault: int = PER_FAULT,
    device: str | None = None,
    dir: str = "",
    context: Here,
) -> int:
    """Keep findings in corpus/regressions: pytest runs them from then on.

    Each is run again first, and must still fail. Exit code 2 where one is refused, 3 where one cannot be run.

    Args:
        ids: Ids or their beginnings, or files; with --name all confirmed ones of the campaign.
        name: Look in this campaign only.
        target: Run them against this target, and keep them as findings of it.
        replay: Run each again first.
        per_fault: Keep at most so many of one fault.
        device: cpu, cuda, cuda:1.
        dir: Where campaigns lie, instead of the configured folder.
    """
    if not ids and not name:
        raise UsageError("name the findings to keep: mlfuzz findings promote ID...; mlfuzz findings list shows them")
    found = context.resolve({"fuzz": {"device": device}})
    project = Cases(context, folder=dir)
    cases = project.pick(ids, campaign=name)
    if not ids:
        cases = [case for case in cases if case.finding.verdict == "confirmed"]
    load = instead(found, target, (case.finding for case in cases))
    results = _replayed(context, cases, load, device, trust) if replay else {}
    shelf = Regressions(found.corpus_dir / REGRESSIONS, per_fault=per_fault)
    code, kept = EXIT_CLEAN, 0
    lines: dict[str, None] = {}
    for case in cases:
        again = results.get(case.finding.id)
        finding = _with_verdict(case.finding, again, load)
        try:
            _require_failing(again)
            path = shelf.keep(finding, read(case.path)[1])
        except (UsageError, CorruptRecordError) as error:
            context.terminal.warn(f"not kept: {visible(str(error))}")
            context.terminal.emit({"id": finding.id, "kept": None, "reason": str(error)})
            broken = isinstance(error, CorruptRecordError) or (again is not None and again.state == "error")
            code = max(code, EXIT_BROKEN if broken else EXIT_USAGE)
            continue
        kept += 1
        lines |= dict.fromkeys(Trust.of(found).elsewhere(finding))
        context.terminal.emit({"id": finding.id, "kept": str(path)})
        context.terminal.say(("kept ", "green"), f"{finding.id[:SHORT_ID]}  {shown_path(path, context.directory)}")
    if kept and load:
        # Kept as findings of it: pytest runs them here from now on.
        context.note_begun(found.root, [_noted(found.root, load, cases[0].finding)])
    if kept:
        corpus = shown_path(found.corpus_dir, context.directory)
        context.terminal.say(
            (f"  {'guard':<7}", "dim"), f"pytest {shlex.quote(corpus)}    (and git add {shlex.quote(corpus)})"
        )
    for line in lines:
        context.terminal.say((f"  {'clone':<7}", "dim"), f"a fresh checkout asks for a line {visible(line)}")
    return project.exit_code(code)


def _noted(root: Path, load: str, finding: Finding) -> str:
    return noted(discovery.find(load, root)) if finding.side == "code" else load


def _replayed(
    context: Context, cases: list[Case], load: str, device: str | None, trust: Sequence[str]
) -> dict[str, Replayed]:
    from mlfuzz.replay import replay as run

    found = context.resolve({"fuzz": {"device": device}})
    results = run(cases, target=load, **surroundings(found, trust=trust, again="mlfuzz findings promote {}"))
    return {result.finding.id: result for result in results}


def _require_failing(again: Replayed | None) -> None:
    if again is None or again.state == "fails":
        return
    short = again.finding.id[:SHORT_ID]
    if again.state == "error":  # its message ends with what to do
        raise UsageError(f"finding {short} cannot be run (--no-replay keeps it as it was recorded): {again.message}")
    flaky = f"is flaky: it failed {again.failed} of {again.times} times"
    reason = flaky if again.state == "flaky" else "does not fail any more"
    raise UsageError(f"finding {short} {reason}; --no-replay keeps it as it was recorded")


def _with_verdict(finding: Finding, again: Replayed | None, load: str) -> Finding:
    """A candidate that has just failed each time, alone and in a fresh process, is confirmed by that."""
    if load:
        finding = msgspec.structs.replace(finding, load=load)
    if again is not None and again.state == "fails" and finding.verdict == "candidate":
        finding = msgspec.structs.replace(
            finding, verdict="confirmed", confirmed=f"{again.failed}/{again.times}", after=again.after or finding.after,
            evidence={**finding.evidence, "confirmed_in": "fresh process"},
        )  # fmt: skip
    return finding
