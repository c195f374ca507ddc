"""Where an input hangs: stacks by SIGUSR1, sampled a few times, and what they share."""

from __future__ import annotations

import signal

from mlfuzz.codefuzz.failure import stack_parser
from mlfuzz.codefuzz.failure.bucketing import FrameOwners, Place
from mlfuzz.codefuzz.forkserver.client import ForkServerClient
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.run_deadline import runnable

MOMENTS = (0.7, 0.85, 0.97)
"""Shares of the limit at which a run alone is looked at: also a slow input has stacks then."""

GAP_SECONDS = 0.03
"""Between the looks at the end; less for a run that had less time."""

GAP_SHARE = 0.2
SAMPLES = 3
POLL_SECONDS = 0.05


class Sampler:
    """Looks at one run. limit: seconds. waited: those that it has waited for a processor, while its function ran.

    A look is a signal, which ends many a call that waits: before the run's time is over only what computes is looked
    at. waiting: also what waits, where nothing but its place is to be known.
    """

    def __init__(self, slot: WorkerHandle, limit: float, *, waiting: bool = False) -> None:
        self._slot, self._limit, self._waiting = slot, limit, waiting
        self._taken = 0
        self.waited = 0.0
        self.text = ""

    def step(self, elapsed: float) -> float:
        """Look if it is time to; seconds until the next step."""
        while self._taken < len(MOMENTS) and elapsed >= MOMENTS[self._taken] * self._limit:
            if self._waiting or runnable(f"/proc/{self._slot.pid}/task/{self._slot.pid}"):
                self._slot.signal(signal.SIGUSR1)
            self._taken += 1
        following = MOMENTS[self._taken] * self._limit - elapsed if self._taken < len(MOMENTS) else POLL_SECONDS
        self.text = self._slot.stacks() if self._taken else ""
        return max(0.001, min(POLL_SECONDS, following))

    def finish(self, link: ForkServerClient) -> None:
        """Three more looks at an input that is about to be killed."""
        gap = min(GAP_SECONDS, GAP_SHARE * self._limit)
        for _ in range(SAMPLES):
            self._slot.signal(signal.SIGUSR1)
            link.wait(lambda: self._slot.death is not None, gap)
        self.text = self._slot.stacks()

    def placed(self, territory: FrameOwners) -> list[tuple[int, Place]]:
        """The frames that the samples share, outermost first."""
        return stack_parser.placed(stack_parser.common(stack_parser.dumps(self.text)[-2 * SAMPLES :]), territory)
