"""A campaign before people's eyes: a panel on a terminal, a line every 30 s in a log; `NEW` lines in both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

from rich.console import RenderableType
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from mlfuzz.cli.terminal.campaign_view import CampaignView, fault_of
from mlfuzz.cli.terminal.live_display import LiveDisplay
from mlfuzz.cli.terminal.terminal import Part, Terminal
from mlfuzz.events import (
    Awaiting,
    Broken,
    Confirmed,
    Ending,
    Event,
    Preparing,
    SeedsReady,
    Shrunk,
    Tick,
    Warned,
    WorkerDied,
    records_of,
)
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.findings.known import Known
from mlfuzz.report.numbers import counted, figure
from mlfuzz.report.visible import visible
from mlfuzz.stop_reason import Stop

WIDE = 104
"""Columns of a terminal from which on the panel has three cells a row."""

LEAST_MEBIBYTES = 16
"""Below that an input's memory says nothing."""

HINT = "Ctrl-C saves and reports"

Draw: TypeAlias = Callable[[CampaignView, str, int], tuple[RenderableType, str]]
"""From what is known, the time in words and the terminal's columns: what stands in the panel, and below it."""


def cells(board: CampaignView, time: str, width: int) -> tuple[RenderableType, str]:
    """A model's figures, two or three a row."""
    columns = 3 if width >= WIDE else 2
    grid = Table.grid(padding=(0, 3))
    found = [("time", time), *board.cells()]
    for at in range(0, len(found), columns):
        grid.add_row(*(_cell(label, value) for label, value in found[at : at + columns]))
    return grid, HINT


class Panel:
    """Called with each event; a context manager, so that the terminal is left as it was.

    draw: of the side that is fuzzed. options: what suggested commands need to find the campaign, such as
    " --dir elsewhere". known: findings that are no news.
    """

    def __init__(
        self, terminal: Terminal, title: str, name: str, seconds: float | None, *, draw: Draw = cells,
        options: str = "", known: Known | None = None,
    ) -> None:  # fmt: skip
        self.terminal, self.title, self.options = terminal, title, options
        self._known, self._content = known or Known(()), draw
        self.board = CampaignView()
        self._screen = LiveDisplay(terminal, self._draw, lambda: self.board.line(name), seconds)

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        self.board.take(event)
        for record in records_of(event) if self.terminal.json else ():
            self.terminal.emit(record)
        match event:
            case Tick():
                self._screen.start_clock()
                self._screen.log()
            case SeedsReady():
                self._screen.start_clock()
                self._ready(event)
            case Broken(harness=harness, reason=reason):
                self._screen.warn(f"{harness} is left out: {visible(reason, keep=chr(10))}")
            case Confirmed(finding=finding) if finding.shrunk or not finding.chain or finding.kind in CRASH_KINDS:
                self._news(finding)
            case Shrunk(finding=finding):  # a chain is told once it is as simple as it gets
                self._news(finding)
            case WorkerDied(how=how, deaths=deaths, phase=phase):
                self.terminal.warn(
                    f"the worker died ({how}) while it was in phase {phase!r}; death {deaths}, starting again"
                )
            case Warned(text=text):
                self._screen.warn(visible(text))
            case Preparing(doing=doing):
                self._screen.note(f"{doing} ...")
            case Ending(how=how):
                self._screen.answer(f"{Stop(how)}: saving and reporting; Ctrl-C now ends it at once")
            case Awaiting(doing=doing):
                self._screen.answer(f"saving; {visible(doing)}")
            case _:
                pass

    def _ready(self, event: SeedsReady) -> None:
        cached = ", from the cache" if event.cached else ""
        parts = [f"imported in {event.seconds:.2f} s{cached}", counted(event.seeds, "seed"), *event.notes]
        self.terminal.say((visible(f"{event.harness}: {'; '.join(parts)}"), "dim"))
        for warning in event.warnings:
            self._screen.warn(f"{event.harness}: {visible(warning)}")

    def _news(self, finding: Finding) -> None:
        if finding.verdict == "confirmed" and finding not in self._known:
            self._screen.news.tell(fault_of(finding), partial(new_line, finding, self.options))

    def _draw(self) -> RenderableType:
        content, foot = self._content(self.board, self._screen.time(), self.terminal.console.width)
        return Box(content, title=Text(visible(self.title)), subtitle=Text(foot, "dim"), expand=False)


def _cell(label: str, value: str) -> Text:
    return Text.assemble((f"{label:<9}" if label else "", "dim"), value)


def new_line(finding: Finding, options: str = "") -> list[Part]:
    """ "NEW label '7' -> '1'  rotate 11.2 degrees  margin 0.43 logits   mlfuzz replay 3f9a1c20be", or of a harness
    "NEW exception KeyError  wave.py:120:read  26 bytes  0.002 s   mlfuzz replay 3f9a1c20be"."""
    middle = _of_code(finding) if finding.side == "code" else _of_model(finding)
    replay = (f"   mlfuzz replay {finding.id[:SHORT_ID]}{options}", "dim")
    return [("NEW ", "bold red"), (f"{visible(finding.kind)} ", "bold"), *middle, replay]


def _of_model(finding: Finding) -> list[Part]:
    parts: list[Part] = [f"{visible(finding.expected, limit=30)!s} -> {visible(finding.observed, limit=30)!s}"]
    if isinstance(tolerated := finding.evidence.get("tolerated"), int | float):
        parts.append(f" ({figure(float(tolerated))} tolerated)")
    if finding.message:
        parts.append(f"  {visible(finding.message, limit=60)}")
    parts.append((f"  {visible(finding.sentence or 'unchanged seed', limit=90)}", "cyan"))
    if finding.margin is not None:
        parts.append(f"  margin {figure(finding.margin)} {visible(finding.unit)}".rstrip())
    return parts


def _of_code(finding: Finding) -> list[Part]:
    evidence = finding.evidence
    parts: list[Part] = [visible(finding.observed, limit=50)]
    if finding.message and finding.message != finding.observed:
        parts.append(f"  {visible(finding.message, limit=60)}")
    parts.append((f"  {visible(str((evidence.get('frames') or [''])[-1]), limit=90)}", "cyan"))
    parts.append(f"  {evidence.get('size', 0):,} bytes")
    if isinstance(seconds := evidence.get("seconds"), float):
        parts.append(f"  {figure(seconds)} s")
    if isinstance(mebibytes := evidence.get("mebibytes"), float) and mebibytes >= LEAST_MEBIBYTES:
        parts.append(f"  {mebibytes:,.0f} MiB")
    return parts
