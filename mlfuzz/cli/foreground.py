"""The process that the shell waits for. The command runs in a child of it: whatever that is at, a request to end holds.

It imports next to nothing, so that it stands before anything else does; it runs nothing that may hang, and no code
under test takes its signals away.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time

from mlfuzz.request_page import CELLS, FIRST, HELD, IN_FRONT, OVER, OWN, SAID

TYPE_CHECKING = False  # of typing, which takes as long to import as all that is needed here
if TYPE_CHECKING:
    from collections.abc import Callable

    from mlfuzz.interrupts import Page
    from mlfuzz.stop_reason import StopReason

TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

LOOK_SECONDS, ATTENTIVE_SECONDS = 0.5, 0.05
"""Between two looks at the command; while it is to end."""

SAY_SECONDS = 0.6
"""A command that has not answered a request by then is at something that keeps it: it is answered here."""

STAGE_SECONDS = 2.0
"""By then it is said what is waited for."""

AGAIN_SECONDS = 3.0
"""So often a command is told again that may have swallowed it."""

GRACE_SECONDS = 8.0
"""So long a command may take to give way."""

SAVING_SECONDS = 45.0
"""The same for a campaign that saves and reports: it has times of its own, which a busy machine stretches."""

HURRIED_SECONDS = 5.0
"""The same once somebody has asked twice."""


def run(command: Callable[[Page], int]) -> int:
    """Its exit code, or that of the request that ended it. The command gets the page of `mlfuzz.interrupts.Requests`.

    Returns in both processes. The command has to `listen` before it hears any signal.
    """
    if sys.platform != "linux":  # no other system ends a child with its parent
        return command(bytearray(CELLS))
    heard = [one for one in TAKEN if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [*heard, signal.SIGCHLD])
    page, parent = mmap.mmap(-1, mmap.PAGESIZE), os.getpid()
    try:
        child = os.fork()
    except OSError:  # as many processes as this user may have: without one in front, signals reach the command alone
        return command(bytearray(CELLS))
    if child:
        return _Front(child, page, heard).wait()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    return command(page)


def listen() -> None:
    """Let in what came since the first instruction; its handler must stand."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [*TAKEN, signal.SIGCHLD])


def say(text: str) -> None:
    """One line on stderr, where anybody takes it."""
    from mlfuzz.interrupts import leave_dead_streams

    leave_dead_streams()
    os.write(2, f"mlfuzz: {text}\n".encode())


class _Front:
    def __init__(self, child: int, page: Page, heard: list[signal.Signals]) -> None:
        self.child, self.page, self.heard = child, page, heard
        self.asked = self.hurried = self.poked = self.left = 0.0
        self.held = self.staged = self.killed = False
        _prctl(PR_SET_CHILD_SUBREAPER, 1)

    def wait(self) -> int:
        """Until the command has ended."""
        while (status := self._reaped()) is None:
            got = signal.sigtimedwait([*self.heard, signal.SIGCHLD], ATTENTIVE_SECONDS if self.asked else LOOK_SECONDS)
            # A debugger or profiler that stops this process makes it wake with a number that is no signal's.
            if got is not None and got.si_signo in self.heard:
                self._request(got.si_signo)
            self._attend()
        return self._ended(status)

    def _reaped(self) -> int | None:
        """The command's status once it has ended. What it has left behind comes here too."""
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return None
            if pid == self.child:
                return status

    def _request(self, number: int) -> None:
        if number == signal.SIGHUP and self.page[FIRST]:  # a shell whose terminal has gone sends another
            return
        self.page[IN_FRONT] = min(255, self.page[IN_FRONT] + 1)
        self.page[FIRST] = self.page[FIRST] or number
        self._poke()

    def _poke(self) -> None:
        from mlfuzz.interrupts import POKE

        self.poked = time.monotonic()
        os.kill(self.child, POKE)

    def _attend(self) -> None:
        """Answer for the command where it does not, and end it where it does not end."""
        page, now = self.page, time.monotonic()
        if not page[FIRST]:
            return
        self.asked = self.asked or now
        if self.held and not page[HELD]:
            self.left = now
        self.held = bool(page[HELD])
        if max(page[OWN], page[IN_FRONT]) > 1:
            self.hurried = self.hurried or now
        waited = now - self.asked
        if not page[SAID] and waited > SAY_SECONDS:
            page[SAID] = 1
            say(f"{self._reason().value}: ending")
        if not self._saves() and not self.staged and waited > STAGE_SECONDS:
            self.staged = True
            say(f"waiting for what still runs; it is killed after {GRACE_SECONDS:.0f} s, and nothing saved is lost")
        if not self._saves() and not page[OVER] and now - self.poked > AGAIN_SECONDS:
            self._poke()
        if now > self._until() and not self.killed:
            self.killed = True
            say(f"killed after {waited:.0f} s: it did not give way; what was saved is there")
            os.kill(self.child, signal.SIGKILL)

    def _saves(self) -> bool:
        """Whether a campaign ends itself, or did and is being reported."""
        return self.held or self.left > self.asked

    def _until(self) -> float:
        """When what has not ended is killed."""
        until = self.asked + (SAVING_SECONDS if self._saves() else GRACE_SECONDS)
        return min(until, self.hurried + HURRIED_SECONDS) if self.hurried else until

    def _ended(self, status: int) -> int:
        if self.page[FIRST]:
            self._end_the_rest()
            return int(self._reason().exit_code or 0)
        if os.WIFSIGNALED(status):  # the code under test has taken the command down: so it reads as if it ran here
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [*TAKEN, signal.SIGCHLD])
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        return os.waitstatus_to_exitcode(status)

    def _reason(self) -> StopReason:
        from mlfuzz.interrupts import HEARD

        return HEARD[signal.Signals(self.page[FIRST])]

    def _end_the_rest(self) -> None:
        """Kill what a command has left behind that was asked to end."""
        children = f"/proc/self/task/{os.getpid()}/children"
        until = time.monotonic() + 1.0
        while time.monotonic() < until and os.path.exists(children):
            with open(children) as file:
                left = file.read().split()
            if not left:
                return
            for pid in left:
                os.kill(int(pid), signal.SIGKILL)
            self._reaped_all()

    def _reaped_all(self) -> None:
        time.sleep(0.01)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
