"""How often each bucket was seen, by which paths, in how many variants: counted in the worker, told now and then.

A count is told when it has doubled: a worker that dies takes less than half of it along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlfuzz.codefuzz.failure.call_path import path_of

MOST_PATHS = 16
"""Of one bucket that a worker tells apart; those after them count for the bucket alone."""

MOST_VARIANTS = 256
"""Of one bucket: types and messages that are told apart, to count them."""

ALWAYS = 32
"""So often each spot is looked at; after that at each power of two."""


@dataclass(slots=True)
class _Bucket:
    pending: dict[str, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    variants: set[int] = field(default_factory=set)


class Sightings:
    """Of one worker."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def see(self, outcome: dict[str, Any], times: int) -> dict[str, int]:
        """So many more of them; what is to be told of it now, {} where it can wait."""
        seen = self._buckets.setdefault(outcome["bucket"], _Bucket())
        if len(seen.variants) < MOST_VARIANTS:
            seen.variants.add(hash((outcome["type"], outcome["message"])))
        key = path_of(outcome["frames"], outcome["message"], outcome.get("origin", "")).key
        if key not in seen.sent and len(seen.sent) >= MOST_PATHS:
            return {}
        waiting = seen.pending.get(key, 0) + times
        before = seen.sent.setdefault(key, 0)
        if waiting < before:
            seen.pending[key] = waiting
            return {}
        seen.pending[key] = 0
        seen.sent[key] = before + waiting
        return {"times": waiting, "variants": len(seen.variants)}


def worth_a_look(count: int) -> bool:
    """Whether a spot that was seen so often is to be looked at once more."""
    return count <= ALWAYS or not count & (count - 1)
