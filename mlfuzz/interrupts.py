"""Requests from outside to end something: Ctrl-C, SIGTERM, a hang-up, and the file that `mlfuzz stop` leaves."""

from __future__ import annotations

import mmap
import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

from mlfuzz.request_page import FIRST, HELD, IN_FRONT, OVER, OWN, SAID
from mlfuzz.stop_reason import StopReason

HEARD = {
    signal.SIGINT: StopReason.INTERRUPTED,
    signal.SIGTERM: StopReason.TERMINATED,
    signal.SIGHUP: StopReason.HUNG_UP,
}

POKE = signal.SIGURG
"""Says that the page has changed. One that nobody listens to any more does no harm: the system ignores it."""

AGAIN_SECONDS = 2.5
"""So long after a request was raised it is not raised again."""

Page: TypeAlias = mmap.mmap | bytearray

MOST_BYTES = 64
"""Of a stop request: what is longer than a reason's name says none."""


class Interrupted(KeyboardInterrupt):
    """Somebody has asked for the end, and nothing that runs has to be saved first."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Requests:
    """The handler of a command's signals: each request is passed to what runs last, where it listens, or raised.

    page: of `CELLS` cells. A request may come here, to the process in front, or to both, as a terminal's does: the
    larger number counts. What is raised and then swallowed, by the code under test say, is raised again at a poke.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._heard, self._pid = page, 0, os.getpid()
        self._raised = 0.0
        self._listeners: list[Callable[[int], None]] = []

    def install(self) -> None:
        """Take the signals over, from whoever has them."""
        for number in (*_heard(), POKE):
            signal.signal(number, self)
        sys.unraisablehook = self._unraisable

    def heed(self) -> None:
        """Take up what was asked for before there was a handler."""
        self(POKE, None)

    @classmethod
    def here(cls) -> Requests | None:
        """Those of this process, where it is a command's."""
        found = signal.getsignal(POKE)
        return found if isinstance(found, cls) else None

    def listen(self, listener: Callable[[int], None]) -> None:
        """Pass each request to this one, until `leave`: it ends what runs in good order."""
        self.install()
        self._listeners.append(listener)
        self._page[HELD] += 1
        if self._heard:  # and swallowed, or it would not have come to this
            listener(self._page[FIRST])

    def leave(self) -> None:
        """From here on it is somebody else's, or raised."""
        self._listeners.pop()
        self._page[HELD] -= 1

    @property
    def asked(self) -> bool:
        """Whether anybody has asked for the end."""
        return bool(self._page[FIRST])

    def answer(self) -> bool:
        """Whether nobody has answered the request yet; from here on somebody has."""
        first, self._page[SAID] = not self._page[SAID], 1
        return first

    def close(self) -> None:
        """The command is over: what comes now finds nothing to end."""
        self._page[OVER] = 1

    def __call__(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._pid:
            _end_as_usual(number)
            return
        page = self._page
        if number != POKE and not (number == signal.SIGHUP and page[FIRST]):  # a shell sends another hang-up
            page[OWN] = min(255, page[OWN] + 1)
            page[FIRST] = page[FIRST] or number
        asked = max(page[OWN], page[IN_FRONT])
        if not asked or page[OVER]:
            return
        news, self._heard = asked - self._heard, asked
        if news:
            leave_dead_streams()
        if not self._listeners:
            if not news and (not self._raised or time.monotonic() - self._raised < AGAIN_SECONDS):
                return  # it is on its way out, or a campaign has taken it up
            self._raised = time.monotonic()
            raise Interrupted(HEARD[signal.Signals(page[FIRST])])
        for _again in range(news):
            self._listeners[-1](page[FIRST])

    def _unraisable(self, unraisable: Any) -> None:
        """What was raised where nothing can be, in a finaliser say, is raised again a moment later."""
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._raised = sys.float_info.min  # long ago
            timer = threading.Timer(0.05, os.kill, (os.getpid(), POKE))
            timer.daemon = True
            timer.start()
        else:
            sys.__unraisablehook__(unraisable)


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
        self._requests: Requests | None = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._requests = Requests.here()
            if self._requests is not None:
                self._requests.listen(self._heard)
            else:
                self._previous = {number: signal.signal(number, self._came) for number in _heard()}
        return self

    def __exit__(self, *_: object) -> None:
        if self._requests is not None:
            self._requests.leave()
            self._requests = None
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def reason(self) -> StopReason | None:
        """What was asked for first; None while nobody has."""
        if self._reason is None:
            self._reason = requested(self._stop_request)
        if self._reason is not None and self._first.acquire(blocking=False):
            self._acknowledged = time.monotonic()
            self._acknowledge(self._reason)
            if self._requests is not None:
                self._requests.answer()
        return self._reason

    @property
    def seconds(self) -> float:
        """Since it was acknowledged."""
        return time.monotonic() - self._acknowledged if self._acknowledged else 0.0

    def _came(self, number: int, _: FrameType | None) -> None:
        # A shell whose terminal has gone sends another hang-up.
        if self._reason is not None and (self._patient or number == signal.SIGHUP):
            return
        leave_dead_streams()
        self._heard(number)

    def _heard(self, number: int) -> None:
        if self._reason is not None:
            raise Interrupted(self._reason)
        self._reason = HEARD[signal.Signals(number)]


def requested(stop_request: Path) -> StopReason | None:
    """What a file asks for, that `mlfuzz stop` or a supervisor has left: the latter says why."""
    try:
        with open(stop_request, "rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError:
        text = ""
    return next((one for one in StopReason if one.value == text and one.exit_code is not None), StopReason.REQUESTED)


def leave_dead_streams() -> None:
    """What is still said goes nowhere where nobody takes it: a terminal that has hung up, a reader that is gone or that
    does not read. Writing to it would end, or hold up, what saves."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if _dead(descriptor):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
                _try_again()


def _try_again() -> None:
    """Have other threads that are in the middle of a write begin it anew."""
    if Requests.here() is not None:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and thread.ident is not None:
                signal.pthread_kill(thread.ident, POKE)


def _dead(descriptor: int) -> bool:
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return False
    if stat.S_ISCHR(kind) and not os.isatty(descriptor):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return dict(poll.poll(0)).get(descriptor, 0) != select.POLLOUT


def _end_as_usual(number: int) -> None:
    """In a fork of the command's process, whose requests are its parent's: as if nobody had taken the signals over."""
    if number != POKE:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _heard() -> list[signal.Signals]:
    """Those that a campaign answers: all, except a hang-up where it was started to outlive its terminal (nohup)."""
    return [one for one in HEARD if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
