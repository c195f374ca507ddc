"""What one session has learnt of its harness and keeps from one turn of fuzzing to the next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mlfuzz.codefuzz.runtime.rounds import ROOM

MOST_POISON = 4096

MOST_BARRED = 16
"""So many failures of one bucket that come of the sandbox are looked at: one that does not may have the same key."""


@dataclass(slots=True)
class SessionMemory:
    """poison: inputs that ended a worker, oldest first; they do not run again. hung: groups of hangs.

    provisional: buckets of deaths and hangs as they looked at first, once a verdict on one of them has been told.
    silenced: buckets of MemoryErrors that were judged: the verdict's bucket may be another, and each worker would ask
    again. crowded: buckets of inputs that lacked only what others had used up. barred: how often a bucket has come of
    what the sandbox refuses. unheard: whether a worker's messages have been damaged; the next find who does it.
    looked: inputs that were looked at for what the sandbox refuses them though they do not fail.
    searched: when leaks were last looked for, in monotonic seconds. room: so much of a kind may be left behind in a
    worker before it is looked for who does it. alert: whether the next worker looks after each input, as one of many
    has damaged the last.
    """

    poison: dict[bytes, None] = field(default_factory=dict)
    hung: set[str] = field(default_factory=set)
    provisional: set[str] = field(default_factory=set)
    silenced: set[str] = field(default_factory=set)
    crowded: set[str] = field(default_factory=set)
    barred: Counter[str] = field(default_factory=Counter)
    looked: set[bytes] = field(default_factory=set)
    unheard: bool = False
    searched: float = float("-inf")
    alert: bool = False
    room: int = ROOM

    def quarantine(self, payload: bytes) -> None:
        self.poison[payload] = None
        while len(self.poison) > MOST_POISON:
            del self.poison[next(iter(self.poison))]

    def bar(self, bucket: str) -> bool:
        """One more of that bucket has come of the sandbox; whether the next is worth a look."""
        self.barred[bucket] += 1
        if self.barred[bucket] < MOST_BARRED:
            return True
        self.silenced.add(bucket)
        self.provisional.add(bucket)
        return False
