"""A campaign before people's eyes: a panel on a terminal, a line every 30 s in a log; `NEW` lines in both."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from mlfuzz.campaign.events import Confirmed, Ended, Event, NewFinding, Shrunk, Started, Tick, Warned, WorkerDied
from mlfuzz.cli.board import Board, fault_of
from mlfuzz.cli.terminal import Terminal
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.report.numbers import clock, figure
from mlfuzz.report.visible import visible

LOG_SECONDS = 30.0

WIDE = 104
"""Columns of a terminal from which on the panel has three cells a row."""

MOST_NEWS = 20
"""Faults that get a line of their own; later ones are counted, and stand in the report."""

SHORT_ID = 10


class Panel:
    """Called with each event; a context manager, so that the terminal is left as it was.

    options: what suggested commands need to find the campaign, such as " --dir elsewhere".
    """

    def __init__(self, terminal: Terminal, title: str, name: str, seconds: float | None, *, options: str = "") -> None:
        self.terminal, self.title, self.name, self.seconds, self.options = terminal, title, name, seconds, options
        self.board = Board()
        self._began = self._logged = time.monotonic()
        self._running = 0.0
        self._told: set[str] = set()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self.terminal.live:
            self._live = Live(
                get_renderable=self._draw, console=self.terminal.console, refresh_per_second=4, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        self.board.take(event)
        self.terminal.emit(_record(event)) if self.terminal.json else None
        match event:
            case Tick():
                self._running = self._running or time.monotonic()
                self._log()
            case Confirmed(finding=finding) if finding.shrunk or not finding.chain or finding.kind in CRASH_KINDS:
                self._settled(finding)
            case Shrunk(finding=finding):  # a chain is told once it is as simple as it gets
                self._settled(finding)
            case WorkerDied(how=how, deaths=deaths, phase=phase):
                self.terminal.warn(
                    f"the worker died ({how}) while it was in phase {phase!r}; death {deaths}, starting again"
                )
            case Warned(text=text):
                self._warn(visible(text))
            case _:
                pass

    def _settled(self, finding: Finding) -> None:
        """The first confirmed input of a fault is news; the others are counted."""
        fault = fault_of(finding)
        if finding.verdict == "confirmed" and fault not in self._told:
            self._told.add(fault)
            if len(self._told) <= MOST_NEWS:
                self.terminal.say(*new_line(finding, self.options))
            if len(self._told) == MOST_NEWS:
                self.terminal.say(("further faults are counted; the report lists them", "dim"))

    def _log(self) -> None:
        now = time.monotonic()
        if self._live is None and now - self._logged >= LOG_SECONDS:
            self._logged = now
            self.terminal.say(f"{clock(now - self._began)} ", self.board.line(self.name))

    def _warn(self, text: str) -> None:
        """Through the panel while there is one: what is printed past it would tear it."""
        if self._live is None:
            self.terminal.warn(text)
        else:
            self.terminal.result(("warning: ", "yellow"), text)

    def _draw(self) -> RenderableType:
        columns = 3 if self.terminal.console.width >= WIDE else 2
        grid = Table.grid(padding=(0, 3))
        cells = [("time", self._time()), *self.board.cells()]
        for at in range(0, len(cells), columns):
            grid.add_row(*(_cell(label, value) for label, value in cells[at : at + columns]))
        hint = Text("Ctrl-C saves and reports", "dim")
        return Box(Group(grid), title=Text(visible(self.title)), subtitle=hint, expand=False)

    def _time(self) -> str:
        """Of this run, from when the target was ready; what follows the time is for confirming."""
        elapsed = time.monotonic() - self._running if self._running else 0.0
        if self.seconds is None:
            return clock(elapsed)
        over = ", confirming" if elapsed > self.seconds else ""
        return f"{clock(min(elapsed, self.seconds))} / {clock(self.seconds)}{over}"


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
        case Ended(outcome=outcome):
            return {"event": "ended", "exit_code": outcome.exit_code, "reason": outcome.reason}
