"""The time of `--mlfuzz-time`, shared by the targets: what one has no use for, those after it get."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlfuzz.errors import MlfuzzError
from mlfuzz.events import Event, NewFinding, Tick
from mlfuzz.progress import read_stats
from mlfuzz.storage.durable import create_exclusive
from mlfuzz.storage.workdir import Workdir

DRY_SHARE = 0.5
"""A target that has shown nothing new for so much of its share gives the rest of it back."""

LEAST_DRY_SECONDS = 5.0


@dataclass(slots=True)
class TimeBudget:
    """seconds: left, of all targets. waiting: targets that have not had their turn."""

    seconds: float
    waiting: int
    clock: Callable[[], float] = field(default=time.monotonic)

    def share(self) -> float:
        """What the next target may take: an even share of what is left."""
        return self.seconds / max(1, self.waiting)

    def spend(self, seconds: float) -> None:
        """A target has had its turn, and took so long."""
        self.seconds = max(0.0, self.seconds - seconds)
        self.waiting -= 1


class TargetTurn:
    """One target's turn: called with each event of its campaign, asks it to stop once it runs dry.

    New is a failure of a key and an operator not saved before: what is left to find shows in how long ago that was.
    dry: whether it has asked.
    """

    def __init__(self, share: float, workdir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._workdir, self._clock = share, Workdir(workdir), clock
        self.began = 0.0
        self.dry = False
        self._new = 0.0

    def __call__(self, event: Event) -> None:
        now = self._clock()
        match event:
            case NewFinding():
                self._new = now
            case Tick():
                self.began = self.began or now
                self._new = max(self._new, self.began)
                if now - self._new > max(LEAST_DRY_SECONDS, DRY_SHARE * self._share):
                    self.dry = True
                    create_exclusive(self._workdir.stop_request, b"", sync=False)
            case _:
                pass

    @property
    def seconds(self) -> float:
        """Since its first batch; loading the target is nobody's share."""
        return self._clock() - self.began if self.began else 0.0


def left_to_find(workdir: Path) -> float:
    """How many new failures another run as long as all before it should show; infinity where there was none.

    The number of ways of failing that were seen once: Good and Toulmin, Biometrika 1956, at the doubled sample.
    """
    path = Workdir(workdir).stats
    try:
        stats = read_stats(path.read_bytes(), str(path))
    except (OSError, MlfuzzError):
        return float("inf")
    if not stats.inputs:
        return float("inf")
    return float(sum(int(row[2]) == 1 for row in stats.confusion))
