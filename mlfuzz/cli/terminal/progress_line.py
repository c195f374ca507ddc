"""How far a longer command has come: one line that changes on a terminal, a line now and then in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.status import Status

from mlfuzz.cli.terminal.terminal import Terminal

LOG_SECONDS = 10.0


class ProgressLine:
    """A context manager; `at` says where things are. Lines may be printed meanwhile."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._logged = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self.terminal.live:
            self._status = self.terminal.console.status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def at(self, text: str) -> None:
        """text: safe to show, in a few words."""
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            self.terminal.say(text)


@contextmanager
def waiting(pace: ProgressLine, what: str, *, every: float = 1.0) -> Iterator[None]:
    """Say how long `what` has been going on while this thread cannot: it waits for somebody else's code."""
    over, began = threading.Event(), time.monotonic()

    def tell() -> None:
        while not over.wait(every):
            pace.at(f"{what}, {time.monotonic() - began:.0f} s so far")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
