"""A campaign before people's eyes: a panel on a terminal, a line every 30 s in a log; `NEW` lines in both."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Any, Self

import msgspec
from rich.console import Group, RenderableType
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from mlfuzz.campaign.events import (
    Confirmed,
    Ended,
    Ending,
    Event,
    NewFinding,
    Preparing,
    Shrunk,
    Started,
    Tick,
    Warned,
    WorkerDied,
)
from mlfuzz.cli.terminal.campaign_view import Board, fault_of
from mlfuzz.cli.terminal.live_display import Screen
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.findings.known import Known
from mlfuzz.report.numbers import figure
from mlfuzz.report.visible import visible
from mlfuzz.stop_reason import Stop

WIDE = 104
"""Columns of a terminal from which on the panel has three cells a row."""


class Panel:
    """Called with each event; a context manager, so that the terminal is left as it was.

    options: what suggested commands need to find the campaign, such as " --dir elsewhere". known: findings that are
    no news.
    """

    def __init__(
        self, terminal: Terminal, title: str, name: str, seconds: float | None, *, options: str = "",
        known: Known | None = None,
    ) -> None:  # fmt: skip
        self.terminal, self.title, self.options = terminal, title, options
        self._known = known or Known(())
        self.board = Board()
        self._screen = Screen(terminal, self._draw, lambda: self.board.line(name), seconds)

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        self.board.take(event)
        self.terminal.emit(_record(event)) if self.terminal.json else None
        match event:
            case Tick():
                self._screen.start_clock()
                self._screen.log()
            case Confirmed(finding=finding) if finding.shrunk or not finding.chain or finding.kind in CRASH_KINDS:
                self._settled(finding)
            case Shrunk(finding=finding):  # a chain is told once it is as simple as it gets
                self._settled(finding)
            case WorkerDied(how=how, deaths=deaths, phase=phase):
                self.terminal.warn(
                    f"the worker died ({how}) while it was in phase {phase!r}; death {deaths}, starting again"
                )
            case Warned(text=text):
                self._screen.warn(visible(text))
            case Preparing(doing=doing):
                self._screen.note(f"{doing} ...")
            case Ending(how=how):
                self.terminal.say(f"{Stop(how)}: saving and reporting; Ctrl-C now ends it at once")
            case _:
                pass

    def _settled(self, finding: Finding) -> None:
        if finding.verdict == "confirmed" and finding not in self._known:
            self._screen.news.tell(fault_of(finding), partial(new_line, finding, self.options))

    def _draw(self) -> RenderableType:
        columns = 3 if self.terminal.console.width >= WIDE else 2
        grid = Table.grid(padding=(0, 3))
        cells = [("time", self._screen.time()), *self.board.cells()]
        for at in range(0, len(cells), columns):
            grid.add_row(*(_cell(label, value) for label, value in cells[at : at + columns]))
        hint = Text("Ctrl-C saves and reports", "dim")
        return Box(Group(grid), title=Text(visible(self.title)), subtitle=hint, expand=False)


def _cell(label: str, value: str) -> Text:
    return Text.assemble((f"{label:<9}" if label else "", "dim"), value)


def new_line(finding: Finding, options: str = "") -> list[str | tuple[str, str]]:
    """ "NEW label '7' -> '1'  rotate 11.2 degrees  margin 0.43 logits   mlfuzz replay 3f9a1c20be"."""
    parts: list[str | tuple[str, str]] = [
        ("NEW ", "bold red"),
        (f"{visible(finding.kind)} ", "bold"),
        f"{visible(finding.expected, limit=30)!s} -> {visible(finding.observed, limit=30)!s}",
    ]
    if finding.message:
        parts.append(f"  {visible(finding.message, limit=60)}")
    parts.append((f"  {visible(finding.sentence or 'unchanged seed', limit=90)}", "cyan"))
    if finding.margin is not None:
        parts.append(f"  margin {figure(finding.margin)} {visible(finding.unit)}".rstrip())
    parts.append((f"   mlfuzz replay {finding.id[:SHORT_ID]}{options}", "dim"))
    return parts


def _record(event: Event) -> dict[str, Any]:
    match event:
        case Started(target=target, campaign=campaign, directory=directory):
            return {"event": "started", "target": target, "campaign": campaign, "directory": directory}
        case Preparing(doing=doing):
            return {"event": "preparing", "doing": doing}
        case Tick(progress=progress, findings=findings):
            return {"event": "progress", "findings": findings, **msgspec.to_builtins(progress)}
        case NewFinding(finding=finding):
            return {"event": "saved", "finding": msgspec.to_builtins(finding)}
        case Confirmed(finding=finding):
            return {"event": "verdict", "finding": msgspec.to_builtins(finding)}
        case Shrunk(finding=finding):
            return {"event": "shrunk", "finding": msgspec.to_builtins(finding)}
        case WorkerDied(how=how, deaths=deaths, phase=phase):
            return {"event": "died", "how": how, "deaths": deaths, "phase": phase}
        case Warned(text=text):
            return {"event": "warning", "text": text}
        case Ending(how=how):
            return {"event": "ending", "how": str(Stop(how))}
        case Ended(outcome=outcome):
            return {"event": "ended", "exit_code": outcome.exit_code, "reason": str(outcome.stop)}
