"""Threads that inputs start: which input each is of, and how long they are waited for.

An input's time is over when its function returns. What it has left running may still raise, or take the process
down: a run alone waits a while to see it, and counts none of that as the input's time.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

SECONDS = 1.0
"""How long a run waits for threads that its input has left behind."""

EXHAUSTED = "can't start new thread"
"""The message where there is no room for another thread's stack, whoever has taken it."""

LOOK_SECONDS = 0.01
"""Between two looks at which of them are done: a pool's thread goes from busy to idle without an end."""

INPUT = "_mlfuzz_input"
JOIN = threading.Thread.join
"""The genuine one: a target's threads may have another."""


class InputThreads:
    """running: number and bytes of the input that runs now; started: called for each thread.

    patience: seconds of a wait, halved by each that was in vain. free: where it is not 0, so many may be left without
    a wait, whichever input they are of.
    """

    def __init__(self, running: Callable[[], tuple[int, bytes]], started: Callable[[], object] = lambda: None) -> None:
        self._running, self._started = running, started
        self.patience, self.free = SECONDS, 0

    def install(self) -> None:
        """Note from now on which input starts a thread; a thread's own threads are of the same."""
        start = threading.Thread.start

        def noted(thread: threading.Thread) -> None:
            thread.__dict__[INPUT] = threading.current_thread().__dict__.get(INPUT) or self._running()
            self._started()
            start(thread)

        threading.Thread.start = noted  # type: ignore[method-assign, assignment]

    def wait(self) -> None:
        """For the threads of the input that has just run to end, or for all but `free` of them."""
        number = self._running()[0]
        until = time.monotonic() + self.patience
        while True:
            left = [one for one in threading.enumerate() if _busy(one)]
            left = left[self.free :] if self.free else [one for one in left if one.__dict__[INPUT][0] == number]
            if not left:
                return
            if time.monotonic() >= until:
                self.patience /= 2
                return
            JOIN(left[0], LOOK_SECONDS)


def input_of(thread: threading.Thread | None) -> bytes | None:
    """The input that has started it; None where nobody saw that."""
    seen = thread.__dict__.get(INPUT) if thread is not None else None
    return seen[1] if seen else None


def _busy(thread: threading.Thread) -> bool:
    """Whether an input has started it and it has something to do: a pool's thread may wait for work for ever."""
    if INPUT not in thread.__dict__ or thread is threading.current_thread():
        return False
    pools = sys.modules.get("concurrent.futures.thread")  # not imported here: the target's may be instrumented
    frame = sys._current_frames().get(thread.ident or 0)
    if pools is None or frame is None or frame.f_code is not pools._worker.__code__:
        return True
    seen = frame.f_locals
    return seen.get("work_item") is not None or not seen["work_queue"].empty()
