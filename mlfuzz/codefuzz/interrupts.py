"""Ctrl-C, SIGTERM and a hang-up: the first ends a campaign in good order, the second at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from mlfuzz.requests import EXIT_CODES, heard, leave_terminal


class Interrupts:
    """A context manager. said: "interrupted" or "stopped" once a signal has come, "" before. code: to exit with then.

    Only the main thread of a program may say where signals go; in another this changes nothing.
    """

    def __init__(self) -> None:
        self.said = ""
        self.code = EXIT_CODES[signal.SIGINT]
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._came) for number in heard()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _came(self, number: int, _: FrameType | None) -> None:
        if self.said and number == signal.SIGHUP:
            return  # a shell whose terminal has gone sends another one
        if self.said:
            raise KeyboardInterrupt
        self.code = EXIT_CODES[signal.Signals(number)]
        if number == signal.SIGHUP:
            leave_terminal()
        self.said = "interrupted" if number == signal.SIGINT else "stopped"
