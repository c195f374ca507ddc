"""What one session has learnt of its harness and keeps from one turn of fuzzing to the next. No torch, no numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_POISON = 4096


@dataclass(slots=True)
class Lore:
    """poison: inputs that ended a worker, oldest first; they do not run again. hung: groups of hangs.

    provisional: buckets of deaths and hangs as they looked at first, once a verdict on one of them has been told.
    silenced: buckets of MemoryErrors that were judged: the verdict's bucket may be another, and each worker would ask
    again. sought: when leaks were last looked for, in monotonic seconds.
    """

    poison: dict[bytes, None] = field(default_factory=dict)
    hung: set[str] = field(default_factory=set)
    provisional: set[str] = field(default_factory=set)
    silenced: set[str] = field(default_factory=set)
    sought: float = float("-inf")

    def quarantine(self, payload: bytes) -> None:
        self.poison[payload] = None
        while len(self.poison) > MOST_POISON:
            del self.poison[next(iter(self.poison))]
