"""`mlfuzz harness run`: a campaign of one or several harnesses, and what it says at the end."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from mlfuzz.budget import Budget, count, duration, size
from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.finding_selection import REGRESSIONS
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.terminal.code_panel import CodePanel
from mlfuzz.codefuzz.events import Result
from mlfuzz.codefuzz.failure.sandbox_refusal import sentence
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.harness.trust import is_ours, noted
from mlfuzz.codefuzz.native.variants import NATIVE, lane
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_INTERRUPTED, MlfuzzError, UsageError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.promote import folder_name, records_in
from mlfuzz.findings.record import read_record
from mlfuzz.findings.trust import Trust
from mlfuzz.report.summary import FaultGroup, group, headline
from mlfuzz.report.visible import visible
from mlfuzz.storage.durable import read_regular
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.workdir import Workdir, campaign_root


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    load: str = ""


class _Begun(msgspec.Struct, frozen=True):
    """Of a campaign's worker.json what says whose it is."""

    side: str = ""
    harnesses: list[_Named] = []


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as typed."""

    harnesses: tuple[str, ...] = ()
    time: str = "10m"
    inputs: str = ""
    max_findings: str = ""
    workers: int = 1
    name: str = ""
    seeds: str = ""
    lane: str = "plain"
    sandbox: str = "auto"
    max_disk: str = ""
    fail_on: str = "any"
    folder: str = ""
    report: bool = True
    fresh: bool = False
    again: str = ""
    """The command that goes on with it; "": `mlfuzz harness run`."""


def harness_run(
    *harnesses: str,
    time: str | None = None,
    inputs: str = "",
    max_findings: str = "",
    workers: int = 1,
    name: str = "",
    seeds: str = "",
    lane: str = "plain",
    sandbox: Literal["auto", "none"] = "auto",
    max_disk: str = "",
    fail_on: Literal["any", "new", "none"] = "any",
    dir: str = "",
    report: Annotated[bool, Parameter(negative="--no-report")] = True,
    context: Here,
) -> int:
    """Fuzz with one or several harnesses; go on with the campaign where one of that name is there.

    Several share the time by what they still find. It goes on after findings, for 10 minutes unless told otherwise.
    Ctrl-C saves, confirms what it can and reports. Exit code 1 where anything was found, 3 where a harness is broken.

    Args:
        harnesses: Names (mlfuzz harness list) or files; without, all of the project's harnesses/.
        time: How long: 30s, 10m, 2h; on resuming, additional time; none: no limit.
        inputs: Stop after so many inputs: 5000, 10k, 1M.
        max_findings: Stop after so many saved findings.
        workers: Processes that fuzz at once, on one corpus a harness.
        name: Of the campaign; the harness's by default, "harnesses" for several.
        seeds: File or folder of seeds, instead of the declared ones; for one harness.
        lane: plain, or a native build: address, undefined (mlfuzz harness build-native).
        sandbox: auto (what the system has), or none.
        max_disk: What the campaign's directory may grow to: 500MB, 2GB.
        fail_on: Which findings make the exit code 1; new: of a fault that neither the corpus nor the campaign had.
        dir: Where campaigns lie, instead of the configured folder.
        report: Write the HTML report at the end.
    """
    limited = bool(inputs or max_findings)
    return run(context, Wish(
        harnesses, time or ("none" if limited else "10m"), inputs, max_findings, workers, name, seeds, lane, sandbox,
        max_disk, fail_on, dir, report,
    ))  # fmt: skip


def run(context: Context, wish: Wish) -> int:
    """Run, report, and say what to type next; the exit code."""
    from mlfuzz.codefuzz.campaign.campaign import run as campaign
    from mlfuzz.codefuzz.engine.default_engine import engine
    from mlfuzz.codefuzz.request import CampaignRequest

    found = context.resolve()
    base = context.path(wish.folder) if wish.folder else found.state_dir
    chosen = _chosen(context, wish, found.root, base)
    name = wish.name or (chosen[0].name if len(chosen) == 1 else "harnesses")
    workdir = Workdir(campaign_root(base, _plain(name)))
    if wish.workers < 1:
        raise UsageError(f"--workers is a count of at least 1, not {wish.workers}")
    budget = Budget(
        seconds=None if wish.time == "none" else duration(wish.time),
        inputs=count(wish.inputs) if wish.inputs else None,
        findings=count(wish.max_findings) if wish.max_findings else None,
    )  # fmt: skip
    options = Options(
        project=str(found.root.resolve()), lane=lane(wish.lane, base / NATIVE, _packages(chosen)), sandbox=wish.sandbox,
        seed=found.config.seed or 1,
    )  # fmt: skip
    request = CampaignRequest(
        workdir=workdir.root, harnesses=tuple(chosen), engine=engine(), budget=budget, options=options,
        workers=wish.workers, confirm_share=found.config.fuzz.confirm_share, fail_on=wish.fail_on,
        max_disk=size(wish.max_disk) if wish.max_disk else found.config.fuzz.max_disk or 0,
        regressions=tuple(_regressions(found.corpus_dir / REGRESSIONS, chosen)),
    )  # fmt: skip
    if wish.fresh and workdir.is_campaign:  # once all that was asked for is understood
        with Lock.acquire(workdir.lock):
            shutil.rmtree(workdir.root)
    context.note_begun(found.root, [noted(harness) for harness in chosen])
    typed = ", ".join(harness.name for harness in chosen)
    context.terminal.say((f"fuzzing {typed}", "bold"), f", campaign {workdir.name}; Ctrl-C saves and reports")
    try:
        with CodePanel(context.terminal, f"mlfuzz · {typed} · {workdir.name}", name, budget.seconds) as panel:
            result = campaign(request, panel)
    except BrokenPipeError:  # the reader has gone: what was found is kept, but nobody may take this for clean
        return EXIT_INTERRUPTED
    path = _write_report(context, workdir) if wish.report else None
    _close(context, wish, workdir, result, path)
    return result.exit_code


def _chosen(context: Context, wish: Wish, root: Path, base: Path) -> list[Harness]:
    typed = wish.harnesses or _begun_with(base, wish.name)
    if not wish.harnesses:
        _require_ours(Trust.of(context.resolve()), typed, wish.name)
    if typed:
        chosen = [discovery.find(one, root) for one in dict.fromkeys(typed)]
    else:
        chosen = [one for one in discovery.listed(root) if isinstance(one, Harness) and not one.shipped]
        if not chosen:
            raise UsageError("which harness? mlfuzz harness list shows them; mlfuzz harness new NAME writes one")
    if not wish.seeds:
        return chosen
    if len(chosen) > 1:
        raise UsageError("--seeds is for one harness; several have each their own")
    seeds = str(context.path(wish.seeds).resolve())
    declaration = msgspec.structs.replace(chosen[0].declaration, seeds=seeds)
    return [Harness(declaration, chosen[0].project, chosen[0].load, chosen[0].shipped)]


def _require_ours(trust: Trust, loads: Sequence[str], name: str) -> None:
    """Raises UsageError where a campaign names a harness that is nobody's here."""
    for load in loads:
        if not is_ours(trust, load):
            raise UsageError(
                f"campaign {name} names {load!a}, which neither lies in this project's harnesses/ nor comes with "
                "mlfuzz, and was not fuzzed with here; if you know it: mlfuzz harness run "
                f"{shlex.quote(load.partition(':')[0])} --name {name}"
            )


def _begun_with(base: Path, name: str) -> tuple[str, ...]:
    """The harnesses of the campaign of that name, where there is one. Raises UsageError where it is a model's."""
    workdir = Workdir(campaign_root(base, name)) if name else None
    if workdir is None or not workdir.spec.is_file():
        return ()
    try:
        told = msgspec.json.decode(read_regular(workdir.spec), type=_Begun)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(
            f"{workdir.spec} is damaged; say which harness the campaign is of: mlfuzz harness run HARNESS --name {name}"
        ) from None
    if told.side != "code":
        raise UsageError(f"campaign {name} is of a model: mlfuzz fuzz --name {name} goes on with it")
    return tuple(one.load or one.name for one in told.harnesses)


def _regressions(folder: Path, harnesses: list[Harness]) -> Iterator[Finding]:
    """What is kept of these harnesses; a damaged record is pytest's to tell."""
    for harness in harnesses:
        for path in records_in(folder / folder_name(harness.name)):
            with suppress(MlfuzzError):
                yield read_record(path)


def _packages(harnesses: list[Harness]) -> list[str]:
    return [package for harness in harnesses for package in harness.declaration.instrument]


def _write_report(context: Context, workdir: Workdir) -> Path | None:
    """What goes wrong with the report must not hide what the campaign found."""
    from mlfuzz.report import html
    from mlfuzz.report.summary import summarise

    settings = context.resolve().config.report
    try:
        return html.write(summarise(workdir), workdir.report, title=settings.title, inline_limit=settings.inline_limit)
    except Exception as error:  # noqa: BLE001  # a fault in a page must not change a campaign's exit code
        context.terminal.warn(
            f"no report: {visible(f'{type(error).__name__}: {error}')}; again: mlfuzz report {workdir.name}"
        )
        return None


def _close(context: Context, wish: Wish, workdir: Workdir, result: Result, report: Path | None) -> None:
    terminal, stats = context.terminal, result.stats
    faults = group([one for one in result.findings if one.verdict == "confirmed" and one.triage in ("open", "fixed")])
    flaky = sum(one.verdict == "flaky" for one in result.findings)
    waiting = sum(one.verdict == "candidate" for one in result.findings)
    terminal.emit(
        {
            "event": "result", "exit_code": result.exit_code, "reason": str(result.stop), "campaign": workdir.name,
            "faults": [{"key": one.key, "best": one.best.id, "inputs": len(one.members)} for one in faults],
            "flaky": flaky, "broken": dict(result.broken), "stats": msgspec.to_builtins(stats),
            "report": str(report) if report else None,
        }
    )  # fmt: skip
    spent = stats.timing.get("fuzz", 0.0)
    speed = f"{stats.inputs / spent:,.0f}" if spent else "0"
    counted = _counted(faults, waiting) if stats.inputs or faults or waiting else "nothing ran"
    head = f"{counted}{f', {flaky} flaky set aside' if flaky else ''}"
    terminal.result(
        ("done: ", "bold"), (head, "bold red" if faults or waiting or not stats.inputs else "bold green"),
        f"  ({result.stop}; {stats.inputs:,} inputs, {speed}/s, {stats.coverage.get('edges', 0):.0f} edges)",
    )  # fmt: skip
    for what, command in _next(context, wish, workdir, faults, report, result.exit_code):
        terminal.result((f"  {what:<9}", "dim"), command)
    for row in stats.harnesses:
        if refused := row.get("refused"):
            told = sentence(refused, str(row["name"]))
            aside = f" {row['barred']:,} failures of that were set aside." if row.get("barred") else ""
            terminal.result((f"  {'sandbox':<9}", "dim"), visible(f"{row['name']}: {told}{aside}"))
    for name, why in result.broken.items():
        told = _brief(why)
        terminal.error(visible(told if name in told else f"harness {name}: {told}"))


def _brief(why: str) -> str:
    """One line of it: the warning when it happened had all."""
    first, _, rest = why.strip().partition("\n")
    return f"{first} {rest.rpartition(chr(10))[2]}" if rest else first


def _counted(faults: tuple[FaultGroup, ...], waiting: int) -> str:
    if not faults:
        return "nothing confirmed yet" if waiting else "nothing found"
    return headline(faults)


def _next(
    context: Context, wish: Wish, workdir: Workdir, faults: tuple[FaultGroup, ...], report: Path | None, code: int
) -> list[tuple[str, str]]:
    lines = [("report", shown_path(report, context.directory))] if report else []
    there = f" --dir {shlex.quote(wish.folder)}" if wish.folder else ""
    names = " ".join(shlex.quote(one) for one in wish.harnesses)
    again = wish.again or f"mlfuzz harness run {names} --name {workdir.name}{there}".replace("  ", " ")
    if faults:
        best = f"{faults[0].best.id[:SHORT_ID]}{there}"
        lines += [
            ("look", f"mlfuzz findings show {best}"), ("replay", f"mlfuzz replay {best}"),
            ("keep", f"mlfuzz findings promote {best}"),
        ]  # fmt: skip
    elif code == EXIT_CLEAN:
        lines.append(("longer", f"{again} --time 1h"))
    if code == EXIT_BROKEN:
        lines.append(("list", "mlfuzz harness list"))
    elif faults or code > EXIT_BROKEN:
        lines.append(("resume", again))
    return lines


def _plain(name: str) -> str:
    """A harness's name as a campaign's."""
    return "".join(char if char.isalnum() or char in "_.+-" else "-" for char in name).lstrip("-.+") or "harness"
