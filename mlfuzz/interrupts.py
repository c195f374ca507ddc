"""Requests from outside to end a campaign: Ctrl-C, SIGTERM, a hang-up, and the file that `mlfuzz stop` leaves."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from mlfuzz.stop_reason import StopReason

HEARD = {
    signal.SIGINT: StopReason.INTERRUPTED,
    signal.SIGTERM: StopReason.TERMINATED,
    signal.SIGHUP: StopReason.HUNG_UP,
}


class Interrupts:
    """A context manager: the first request ends a campaign in good order, a second signal at once.

    stop_request: the file of `mlfuzz stop`. acknowledge: called once, by whoever sees first that the end is asked for;
    not in the signal's handler, since the terminal may be in the middle of a line. patient: a second signal changes
    nothing, for a process that another one watches.
    Only the main thread of a program may say where signals go; in another it hears the file alone.
    """

    def __init__(
        self, stop_request: Path, acknowledge: Callable[[StopReason], None] = lambda _: None, *, patient: bool = False
    ) -> None:
        self._stop_request, self._acknowledge, self._patient = stop_request, acknowledge, patient
        self._reason: StopReason | None = None
        self._first = threading.Lock()
        self._acknowledged = 0.0
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._came) for number in _heard()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def reason(self) -> StopReason | None:
        """What was asked for first; None while nobody has."""
        if self._reason is None and self._stop_request.exists():
            self._reason = StopReason.REQUESTED
        if self._reason is not None and self._first.acquire(blocking=False):
            self._acknowledged = time.monotonic()
            self._acknowledge(self._reason)
        return self._reason

    @property
    def seconds(self) -> float:
        """Since it was acknowledged."""
        return time.monotonic() - self._acknowledged if self._acknowledged else 0.0

    def _came(self, number: int, _: FrameType | None) -> None:
        # A shell whose terminal has gone sends another hang-up.
        if self._reason is not None and (self._patient or number == signal.SIGHUP):
            return
        if self._reason is not None:
            raise KeyboardInterrupt
        self._reason = HEARD[signal.Signals(number)]
        if number == signal.SIGHUP:
            _leave_terminal()


def _heard() -> list[signal.Signals]:
    """Those that a campaign answers: all, except a hang-up where it was started to outlive its terminal (nohup)."""
    return [one for one in HEARD if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]


def _leave_terminal() -> None:
    """What is still said goes nowhere where the terminal has hung up: writing to it would end what saves."""
    for descriptor in (1, 2):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
