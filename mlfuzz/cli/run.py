"""A planned campaign, run before people's eyes, and what it says at the end: shared by `fuzz` and `demo`."""

from __future__ import annotations

import shlex
import shutil
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from mlfuzz.campaign.events import Event, Outcome, Started
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import Plan, shown_path
from mlfuzz.cli.terminal import findings_table
from mlfuzz.cli.terminal.panel import Panel
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_INTERRUPTED, MlfuzzError
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.findings.known import Known
from mlfuzz.findings.labels import labels_kept
from mlfuzz.findings.weakness import weaknesses
from mlfuzz.progress import SeedStats
from mlfuzz.report.numbers import counted
from mlfuzz.report.summary import FaultGroup, group, headline
from mlfuzz.report.visible import visible

MOST_WEAKNESSES = 8
"""Lines at the end; the others are in the list and in the report."""


def run(context: Context, plan: Plan, *, report: bool = True) -> int:
    """Run, report, and say what to type next; the exit code."""
    from mlfuzz.campaign.supervisor.supervise import run as supervise

    terminal, spec = context.terminal, plan.request.spec
    title = f"mlfuzz · {plan.typed} · {spec.device} · campaign {plan.name}"
    terminal.say(
        (f"fuzzing {plan.typed}", "bold"), f" on {spec.device}, campaign {plan.name}; Ctrl-C saves and reports"
    )
    fresh = not plan.workdir.root.exists()
    try:
        with Panel(
            terminal, title, plan.name, plan.request.budget.total_seconds, options=_there(plan),
            known=Known(plan.request.regressions),
        ) as panel:  # fmt: skip
            context.note_begun(plan.resolved.root, plan.names)
            outcome = supervise(plan.request, lambda event: _told(event, plan, panel))
    except MlfuzzError as error:
        if fresh and not plan.workdir.stats.exists() and str(plan.workdir.root) not in str(error):
            shutil.rmtree(plan.workdir.root, ignore_errors=True)  # a mistyped target leaves no campaign behind
        raise
    except BrokenPipeError:  # the reader has gone: what was found is kept, but nobody may take this for clean
        return EXIT_INTERRUPTED
    path = write_report(context, plan) if report and plan.workdir.stats.exists() else None  # it may have ended before
    code = outcome.exit_code
    if not outcome.stats.inputs and code == EXIT_CLEAN:
        code = EXIT_BROKEN
    _close(context, plan, outcome, path, code)
    return code


def _told(event: Event, plan: Plan, panel: Panel) -> None:
    """Freeze the configuration only once the campaign is held: one that is refused must not touch another's."""
    if isinstance(event, Started):
        plan.freeze()
    panel(event)


def write_report(context: Context, plan: Plan) -> Path | None:
    """The campaign's HTML report; what goes wrong with it must not hide what the campaign found."""
    from mlfuzz.report import html
    from mlfuzz.report.summary import summarise

    settings = plan.resolved.config.report
    try:
        return html.write(
            summarise(plan.workdir), plan.workdir.report, title=settings.title, inline_limit=settings.inline_limit
        )
    except Exception as error:  # noqa: BLE001  # a fault in a page must not change a campaign's exit code
        if context.terminal.verbose:
            context.terminal.warn(visible(traceback.format_exc(), keep="\n"))
        context.terminal.warn(
            f"no report: {visible(f'{type(error).__name__}: {error}')}; again: mlfuzz report {plan.name}{_there(plan)}"
        )
        return None


def _close(context: Context, plan: Plan, outcome: Outcome, report: Path | None, code: int) -> None:
    terminal, stats, known = context.terminal, outcome.stats, outcome.known
    candidates = [one for one in outcome.findings if one.verdict == "candidate"]
    waiting = len(candidates)
    faults = group([one for one in outcome.findings if one.verdict == "confirmed" and one.triage in ("open", "fixed")])
    flaky = sum(one.verdict == "flaky" for one in outcome.findings)
    terminal.emit(
        {
            "event": "result",
            "exit_code": code,
            "reason": str(outcome.stop),
            "campaign": plan.name,
            "faults": [
                {"key": one.key, "best": one.best.id, "inputs": len(one.members), "known": _is_known(one, known)}
                for one in faults
            ],
            "weaknesses": len(weaknesses(one for fault in faults for one in fault.members)),
            "candidates": waiting,
            "flaky": flaky,
            "labels_kept": msgspec.to_builtins(labels_kept(outcome.findings)),
            "stats": msgspec.to_builtins(stats),
            "report": str(report) if report else None,
        }
    )
    speed = f"{stats.inputs / stats.seconds:,.0f}" if stats.seconds else "0"
    said = _counted(
        faults, waiting, known_faults=sum(_is_known(one, known) for one in faults),
        known_waiting=sum(one.id in known for one in candidates),
    )  # fmt: skip
    head = f"{said}{f', {flaky} flaky set aside' if flaky else ''}"
    terminal.result(
        ("done: ", "bold"), (head, "bold red" if faults or waiting else "bold green"),
        f"  ({outcome.stop}; {stats.inputs:,} inputs, {speed}/s)",
    )  # fmt: skip
    _tell_weaknesses(context, faults)
    labels = labels_kept([one for one in outcome.findings if one.verdict == "confirmed"])
    if str(labels):
        terminal.result(("  labels   ", "dim"), str(labels))
    for text in (*_seeds_told(stats.seeds), *stats.warnings):
        terminal.warn(text)
    for what, command in _next(context, plan, faults, report, code, waiting, known):
        terminal.result((f"  {what:<9}", "dim"), command)


def _seeds_told(seeds: SeedStats) -> list[str]:
    """What of the seeds folder was not fuzzed: whoever gave it takes it for used."""
    told = []
    if seeds.skipped:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in seeds.skipped.items())
        told.append(f"seeds left out: {reasons}; mlfuzz check names them")
    if seeds.failing:
        name, expected, got = seeds.failing[0]
        count = len(seeds.failing)
        told.append(
            f"{count} seed{'' if count == 1 else 's'} not fuzzed, wrong as given: {name} (expected {expected}, "
            f"got {got}){', ...' if count > 1 else ''}"
        )
    return told


def _counted(
    faults: Sequence[FaultGroup], waiting: int, *, known_faults: int = 0, known_waiting: int = 0
) -> str:  # fmt: skip
    if not faults:
        return f"nothing confirmed yet, {_to_confirm(waiting, known_waiting)}" if waiting else "nothing found"
    told = f"{headline(faults)}{_known_of(len(faults), known_faults)}"
    return f"{told}; {_to_confirm(waiting, known_waiting)}" if waiting else told


def _to_confirm(count: int, known: int) -> str:
    return f"{counted(count, 'candidate')} not yet confirmed{_known_of(count, known)}"


def _known_of(count: int, known: int) -> str:
    if not known:
        return ""
    return ", known already" if count == 1 else f", {'all' if known == count else known} known already"


def _is_known(fault: FaultGroup, known: Collection[str]) -> bool:
    return all(one.id in known for one in fault.members)


def _tell_weaknesses(context: Context, faults: tuple[FaultGroup, ...]) -> None:
    """What is wrong, in a few lines: a line a fault would be a screenful and more."""
    found = weaknesses(one for fault in faults for one in fault.members)
    if len(faults) > len(found):
        context.terminal.result(f"  in {counted(len(found), 'weakness', 'weaknesses')}, the worst first:")
    for one in found[:MOST_WEAKNESSES]:
        context.terminal.result(("  weak     ", "dim"), findings_table.title(one))
    if len(found) > MOST_WEAKNESSES:
        context.terminal.result((f"           and {len(found) - MOST_WEAKNESSES} more", "dim"))


def _next(
    context: Context, plan: Plan, faults: tuple[FaultGroup, ...], report: Path | None, code: int, waiting: int = 0,
    known: Collection[str] = (),
) -> list[tuple[str, str]]:  # fmt: skip
    start = context.directory
    lines = [("report", shown_path(report, start))] if report else []
    there = _there(plan)
    again = f"mlfuzz fuzz {shlex.quote(plan.typed)} --name {plan.name}{there}"
    if faults:
        new = [one for one in faults if not _is_known(one, known)]
        best = f"{(new or faults)[0].best.id[:SHORT_ID]}{there}"
        lines.append(("list", f"mlfuzz findings list --name {plan.name}{there}"))
        lines.append(("look", f"mlfuzz findings show {best}"))
        lines.append(("replay", f"mlfuzz replay {best}"))
        if new:
            lines.append(("keep", f"mlfuzz findings promote {best}"))
    elif code == EXIT_CLEAN:
        lines.append(("longer", f"{again} --time 1h"))
    if waiting:
        lines.append(("confirm", f"mlfuzz findings confirm --name {plan.name}{there}"))
    if faults or code > EXIT_BROKEN:
        lines.append(("resume", again))
    if code == EXIT_BROKEN:
        lines.append(("see why", f"mlfuzz check {shlex.quote(plan.typed)}"))
    return lines


def _there(plan: Plan) -> str:
    return f" --dir {shlex.quote(plan.folder)}" if plan.folder else ""
