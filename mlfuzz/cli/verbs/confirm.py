"""`mlfuzz findings confirm`: work off the candidates that a campaign had no time for."""

from __future__ import annotations

import shlex
from functools import partial

import msgspec

from mlfuzz.budget import duration
from mlfuzz.cli.resolve.context import Here, Trusted, surroundings
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.cli.terminal.announcements import Announcements
from mlfuzz.cli.terminal.campaign_view import fault_of
from mlfuzz.cli.terminal.panel import new_line
from mlfuzz.cli.terminal.progress_line import ProgressLine
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS, EXIT_INTERRUPTED, MlfuzzError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.weakness import weaknesses
from mlfuzz.report.numbers import counted
from mlfuzz.report.visible import visible


def confirm(
    *ids: str, time: str = "60s", name: str = "", trust: Trusted = (), device: str | None = None, dir: str = "",
    context: Here,
) -> int:  # fmt: skip
    """Run candidates again, each alone, three times, in a process of its own; shrink those that fail again.

    Breadth first: each way of failing once before any comes twice. Exit code 1 where any is confirmed, 3 where one
    cannot be run.

    Args:
        ids: Ids or their beginnings; by default all candidates.
        time: How long in all.
        name: Of this campaign only.
        device: cpu, cuda, cuda:1.
        dir: Where campaigns lie, instead of the configured folder.
    """
    from mlfuzz.replay import confirm as run

    found = context.resolve({"fuzz": {"device": device}})
    project = Cases(context, folder=dir)
    every = project.pick(ids, campaign=name)
    cases = [case for case in every if case.finding.verdict == "candidate" and case.path.is_dir()]
    terminal = context.terminal
    if not cases:
        terminal.result("no candidates: everything found has its verdict; mlfuzz findings list shows it")
        return project.exit_code(EXIT_CLEAN)
    known = {fault_of(case.finding) for case in every if case.finding.verdict == "confirmed"}
    news = Announcements(terminal, known, further="further faults are counted")
    results: list[Finding] = []
    failures: list[MlfuzzError] = []
    there = f" --dir {shlex.quote(dir)}" if dir else ""

    def show(result: Finding | MlfuzzError) -> None:
        if isinstance(result, MlfuzzError):
            failures.append(result)
            terminal.warn(visible(str(result)))
            return
        results.append(result)
        terminal.emit({"event": "verdict", "finding": msgspec.to_builtins(result)})
        if result.verdict == "confirmed":
            news.tell(fault_of(result), partial(new_line, result, there))
        pace.at(f"{len(results)} of {len(cases)} run again, {len(_confirmed(results))} confirmed")

    left = len(cases)
    here = surroundings(found, trust=trust, again="mlfuzz findings confirm {}", option="--trust")
    with ProgressLine(terminal) as pace:
        try:
            left = run(cases, seconds=duration(time), on_result=show, **here)
        except KeyboardInterrupt:
            terminal.result(f"interrupted: {len(results)} of {len(cases)} have their verdict")
            return EXIT_INTERRUPTED
    summary = _summary(results)
    if left:
        summary += f"; {left} still to be confirmed: mlfuzz findings confirm{f' --name {name}' if name else ''}{there}"
    terminal.result((summary, "bold"))
    if failures:
        return EXIT_BROKEN
    return project.exit_code(EXIT_FINDINGS if _confirmed(results) else EXIT_CLEAN)


def _confirmed(results: list[Finding]) -> list[Finding]:
    return [one for one in results if one.verdict == "confirmed"]


def _summary(results: list[Finding]) -> str:
    """ "3 confirmed (2 faults in 1 weakness), 1 flaky"."""
    good = _confirmed(results)
    flaky = len(results) - len(good)
    summary = f"{len(good)} confirmed"
    if good:
        faults = counted(len({fault_of(one) for one in good}), "fault")
        summary += f" ({faults} in {counted(len(weaknesses(good)), 'weakness', 'weaknesses')})"
    return summary + (f", {flaky} flaky" if flaky else "")
