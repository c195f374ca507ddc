"""Plans of published systems, in which a row's own past decides which operator it gets."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.limits.limits import DistanceLedger, Loads
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.slices import Mutated, Slice

Dealt = list[list[Slice]]
"""Slices of a batch, for each of its steps."""


class DeepHunterLineage(Plan):
    """One operator a row, any alike; a row whose lineage has been moved once gets none that moves.

    once: the kind that is used at most once, of which `limits.uses` keeps count.
    Source: Xie et al., DeepHunter, ISSTA 2019, section 3.3: one affine operator a lineage, pixel operators at will.
    """

    def __init__(self, mutators: Sequence[Mutator], ledger: DistanceLedger, *, once: str = "geometry") -> None:
        super().__init__(mutators, np.ones(len(mutators)), ledger)
        self._column = ledger.columns.index(f"uses:{once}") if f"uses:{once}" in ledger.columns else -1
        self._still = [number for number, part in enumerate(self.mutators) if part.kind != once]

    def deal(self, picked: Indices, loads: Loads, rng: np.random.Generator) -> tuple[Indices, Dealt]:
        numbers = rng.integers(0, len(self.mutators), len(picked))
        moved = loads[:, self._column] >= 1 if self._column >= 0 else np.zeros(len(picked), np.bool_)
        if self._still:
            numbers = np.where(moved, np.asarray(self._still)[rng.integers(0, len(self._still), len(picked))], numbers)
        order = np.argsort(numbers, kind="stable")
        return order, [runs(self.mutators, numbers[order])]


class DeepTestQueue(Plan):
    """Two different operators a row; the first is one that was lucky with this parent, oldest first, if there is one.

    Both operators of a child that gained coverage queue up again for its parent's next children.
    Source: Tian et al., DeepTest, ICSE 2018, algorithm 1: T1 is dequeued or drawn, T2 is drawn.
    """

    def __init__(self, mutators: Sequence[Mutator], ledger: DistanceLedger) -> None:
        super().__init__(mutators, np.ones(len(mutators)), ledger, depth=2)
        self._queues: dict[int, deque[int]] = {}
        self._parents: Indices = np.zeros(0, np.int64)
        self._pairs: NDArray[np.int64] = np.zeros((0, 2), np.int64)

    def deal(self, picked: Indices, loads: Loads, rng: np.random.Generator) -> tuple[Indices, Dealt]:
        count = len(self.mutators)
        first = rng.integers(0, count, len(picked))
        for parent in set(self._queues) & set(picked.tolist()):
            queue = self._queues[parent]
            for at in np.flatnonzero(picked == parent)[: len(queue)].tolist():
                first[at] = queue.popleft()
        self._queues = {parent: queue for parent, queue in self._queues.items() if queue}
        second = (first + rng.integers(1, max(2, count), len(picked))) % count
        order = np.lexsort((second, first))
        self._parents, self._pairs = picked[order], np.stack([first[order], second[order]], 1)
        return order, [runs(self.mutators, self._pairs[:, 0]), runs(self.mutators, self._pairs[:, 1])]

    def learn(self, mutated: Mutated, rows: Indices, events: NDArray[np.floating[Any]]) -> None:
        for at in rows[events[:, 2] > 0].tolist():
            self._queues.setdefault(int(self._parents[at]), deque()).extend(self._pairs[at].tolist())


def runs(mutators: Sequence[Mutator], numbers: NDArray[np.int64]) -> list[Slice]:
    """A slice for each run of equal operator numbers (B,)."""
    edges = np.flatnonzero(np.diff(numbers)) + 1
    starts = [0, *edges.tolist()]
    return [
        Slice(mutators[int(numbers[start])], start, stop)
        for start, stop in zip(starts, [*edges.tolist(), len(numbers)], strict=True)
    ]


def published(name: str, mutators: Sequence[Mutator], ledger: DistanceLedger) -> Plan | None:
    """The plan that deals by a published rule: "lineage" or "lucky"; None for other names."""
    if name == "lineage":
        return DeepHunterLineage(mutators, ledger)
    return DeepTestQueue(mutators, ledger) if name == "lucky" else None
