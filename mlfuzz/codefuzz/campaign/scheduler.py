"""Whose turn it is: time goes where edges and failures are still found, and nobody starves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

FLOOR = 0.25
"""Of all time is dealt evenly, whatever was found."""

BUCKET_WORTH = 20.0
"""A new kind of failure counts like so many new edges."""

FADING = 0.7
"""What an earlier slice counts for at each later one: the first minute says little of the second."""

HOPE = 1.0
"""Gain and seconds that everyone starts with, so that one slice without luck is no end."""


@dataclass(slots=True)
class _Turn:
    spent: float = 0.0
    gain: float = HOPE
    seconds: float = HOPE
    busy: int = 0

    @property
    def rate(self) -> float:
        return self.gain / self.seconds


@dataclass(slots=True)
class HarnessScheduler:
    """Of several harnesses. Without chance: the same gains give the same order of turns.

    Each is due a share of the time: a quarter is dealt evenly, the rest by gain per second of its last slices. The
    turn is with whoever is furthest behind its due.
    """

    _turns: dict[str, _Turn] = field(default_factory=dict)

    def join(self, names: Iterable[str]) -> None:
        for name in names:
            self._turns.setdefault(name, _Turn())

    def leave(self, name: str) -> None:
        """It is broken: it gets no more time."""
        self._turns.pop(name, None)

    @property
    def names(self) -> list[str]:
        return list(self._turns)

    def due(self) -> dict[str, float]:
        """The share of each, 1 in all."""
        total = sum(turn.rate for turn in self._turns.values()) or 1.0
        even = FLOOR / max(1, len(self._turns))
        return {name: even + (1 - FLOOR) * turn.rate / total for name, turn in self._turns.items()}

    def pick(self) -> str:
        """The next one; several workers may hold the same one at once. Raises LookupError where none is left."""
        spent = sum(turn.spent for turn in self._turns.values())
        due = self.due()
        if not due:
            raise LookupError("no harness is left")
        # Not yet begun first; then the furthest behind, one that nobody works at before others.
        name = min(
            self._turns,
            key=lambda one: (
                self._turns[one].spent > 0 or self._turns[one].busy > 0,
                self._turns[one].busy,
                self._turns[one].spent - due[one] * spent,
            ),
        )
        self._turns[name].busy += 1
        return name

    def record(self, name: str, *, seconds: float, edges: int, buckets: int) -> None:
        """A slice of `name` has ended."""
        turn = self._turns.get(name)
        if turn is None:
            return
        turn.busy = max(0, turn.busy - 1)
        turn.spent += seconds
        turn.gain = FADING * turn.gain + edges + BUCKET_WORTH * buckets
        turn.seconds = FADING * turn.seconds + seconds
