"""Where a running campaign is shown: drawn anew on a terminal, a line now and then in a log, what is new in both."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import RenderableType
from rich.live import Live

from mlfuzz.cli.terminal.announcements import Announcements
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.report.numbers import clock

LOG_SECONDS = 30.0


class LiveDisplay:
    """A context manager, so that the terminal is left as it was. A campaign waits for nobody who reads what it says.

    draw: the panel, four times a second. line: of a log, without the time. seconds: that the campaign was given.
    """

    def __init__(
        self, terminal: Terminal, draw: Callable[[], RenderableType], line: Callable[[], str], seconds: float | None
    ) -> None:
        self.terminal, self._draw, self._line, self._seconds = terminal, draw, line, seconds
        self._began = self._logged = time.monotonic()
        self._running = 0.0
        self.news = Announcements(terminal, further="further faults are counted; the report lists them")
        self._live: Live | None = None
        self._hurry = ExitStack()

    def __enter__(self) -> Self:
        self._hurry.enter_context(self.terminal.hurry())
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
        self._hurry.close()

    def start_clock(self) -> None:
        """The target is ready: the campaign's time runs from here, the first time that this is called."""
        self._running = self._running or time.monotonic()

    def log(self) -> None:
        """A line where there is no panel, every half minute."""
        now = time.monotonic()
        if self._live is None and now - self._logged >= LOG_SECONDS:
            self._logged = now
            self.terminal.say(f"{clock(now - self._began)} ", self._line())

    def note(self, text: str) -> None:
        """A line of a log; where there is a panel, it shows the same. text: safe to show."""
        if self._live is None:
            self.terminal.say(text)

    def answer(self, text: str) -> None:
        """To somebody who has sent a signal: on stderr, where a machine may read the rest; through the panel while
        there is one."""
        if self._live is None:
            self.terminal.answer(text)
        else:
            self.terminal.result(text)

    def warn(self, text: str) -> None:
        """Through the panel while there is one: what is printed past it would tear it."""
        if self._live is None:
            self.terminal.warn(text)
        else:
            self.terminal.result(("warning: ", "yellow"), text)

    def time(self) -> str:
        """Of this run, from when the target was ready; what follows the time is for confirming."""
        elapsed = time.monotonic() - self._running if self._running else 0.0
        if self._seconds is None:
            return clock(elapsed)
        over = ", confirming" if elapsed > self._seconds else ""
        return f"{clock(min(elapsed, self._seconds))} / {clock(self._seconds)}{over}"
