"""When a campaign that was given so much time stops fuzzing and is over, whatever its target does."""

from __future__ import annotations

from dataclasses import dataclass

OVER_SHARE, OVER_SECONDS = 0.1, 4.0
"""What a campaign may take beside the time asked for: a tenth, and 4 s; a fifth second is the command's own."""

OWN_SECONDS = 3.0
"""What mlfuzz itself takes to start, torch mostly. What it takes longer on a busy machine is nobody's time; and as many
times as it takes longer, so many times the allowance there is, which goes into work of the same kind."""

MOST_SLOWNESS = 8.0

START_SHARE = 1 / 2
"""Of that allowance, what goes to loading the target, its first call, seeds and calibration; the rest is left for the
end."""

LATE_SHARE = 1 / 8
"""Of it, how long a batch may be awaited that runs when no other begins."""

PRELUDE_SHARE = 2 / 3
"""Of the time asked for, how far seeds and calibration of a slow target may reach into it."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Moments of one run, in monotonic seconds, which are the same in all its processes.

    began: when it was asked for. seconds: asked for. ready: when the first worker could begin to load the target.
    """

    began: float
    seconds: float
    ready: float

    @property
    def allowance(self) -> float:
        """What may be taken beside the time asked for."""
        return self.slowness * (OVER_SHARE * self.seconds + OVER_SECONDS)

    @property
    def slowness(self) -> float:
        """How many times as long as on an idle machine things take here and now, as far as is known."""
        return min(MOST_SLOWNESS, max(1.0, (self.ready - self.began) / OWN_SECONDS))

    @property
    def prelude(self) -> float:
        """When seeds and calibration should be over."""
        return self._origin + PRELUDE_SHARE * self.seconds

    @property
    def last_batch(self) -> float:
        """When no further batch begins, at the latest."""
        return self._origin + self.seconds + START_SHARE * self.allowance

    @property
    def worker(self) -> float:
        """When a worker has to be gone."""
        return self.last_batch + LATE_SHARE * self.allowance

    @property
    def end(self) -> float:
        """When all is over."""
        return self._origin + self.seconds + self.allowance

    @property
    def _origin(self) -> float:
        return self.began + max(0.0, self.ready - self.began - OWN_SECONDS)
