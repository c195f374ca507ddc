"""How long a call of the target may take before it counts as hanging, learnt from the calls before it."""

from __future__ import annotations

from dataclasses import dataclass, field

START_SECONDS = 300.0
"""To import torch and load a model, and for a process's first call, which may load, compile and fetch whatever it
likes; a target that needs longer sets a deadline of its own."""

SLOWEST_FACTOR = 20.0
LEAST_DEADLINE = 5.0
"""A call counts as hanging at 20 times the slowest so far of its batch's shape, at least 5 s: a batch of which rows
raise is run up to a dozen times over, and a worker that is ended for nothing costs a start."""

SHORT_DEADLINE = 1.0
DEADLINE_SHARE = 1 / 6
"""In a short campaign a hang is worth more than a start: a sixth of the time asked for is enough, at least 1 s."""

DECAY = 0.999
"""A call, of the slowest so far: an hour that was slow is forgotten."""

Shape = tuple[int, ...]
"""Of a batch: rows first."""


@dataclass(slots=True)
class CallDeadline:
    """Of one process. given: seconds a call may take, where the user has said so; 0: as measured, and at least `least`.

    The first call of all is not judged; the first of a shape is allowed for as the slowest of those.
    """

    given: float = 0.0
    least: float = LEAST_DEADLINE
    calls: int = 0
    _first: float = 0.0
    _a_row: float = 0.0
    _seen: set[Shape] = field(default_factory=set)
    _slowest: dict[Shape, float] = field(default_factory=dict)

    def slowest(self, shape: Shape) -> float:
        """Seconds of the slowest call of this shape, its first aside; 0 where there was none."""
        return self._slowest.get(shape, 0.0)

    def limit(self, shape: Shape) -> float:
        """Seconds that the next call may take."""
        if not self.calls:
            return start_seconds(self.given)
        return self.given or max(self.least, SLOWEST_FACTOR * self._expected(shape))

    def note(self, shape: Shape, seconds: float) -> None:
        """A call of this shape came back after so long."""
        self.calls += 1
        if shape not in self._seen:
            self._seen.add(shape)
            self._first = max(self._first, seconds)
            return
        self._slowest[shape] = max(self.slowest(shape) * DECAY, seconds)
        self._a_row = max(self._a_row, seconds / max(1, shape[0]))

    def _expected(self, shape: Shape) -> float:
        if shape in self._slowest:
            return self._slowest[shape]
        return max(self._first, self._a_row * shape[0], *self._slowest.values(), 0.0)


def least_deadline(asked: float | None) -> float:
    """Of a campaign of so many seconds; None: of one without an end."""
    return LEAST_DEADLINE if asked is None else min(LEAST_DEADLINE, max(SHORT_DEADLINE, DEADLINE_SHARE * asked))


def start_seconds(given: float) -> float:
    """What loading, and whatever else is not a batch, may take. given: as of `CallDeadline`."""
    return max(START_SECONDS, given)
