"""The nearest each seed has come to failing in each way, and the row that did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import Margins, Rows
from mlfuzz.schedulers.entries import reach

RATCHET = 0.01
"""A margin counts as nearer from 1 % of the way that is still to go: less is float noise, and floods the corpus."""

MOST, LEAST = 0.8, 0.25
"""Share of a seed's picks that its nearest row gets while it is new, and in the end.

Always 0.7 is stuck at dead ends: on the digits (100 seeds, 33,000 inputs) it broke 38 seeds, a mere tenth 75, this 67,
independent mutants 37. A tenth is slow where the climb is long: TensorFuzz's NaN took it 24,000 inputs, this 13,000.
"""

PATIENCE = 4
"""Tries in vain after which the share above LEAST is halved."""


class Nearest:
    """Tables (seeds, ways): the best margin, -inf where none was judged, and its row, -1 there.

    ways: to fail: oracles, or what each of them tells apart. Margins are compared within seed and way alone, since
    units differ.
    """

    def __init__(self, ways: int, *, most: float = MOST, least: float = LEAST, patience: int = PATIENCE) -> None:
        self._most, self._least, self._patience = most, least, patience
        self._margins: Margins = np.full((0, ways), -np.inf, np.float32)
        self._rows: Rows = np.full((0, ways), -1, np.int64)
        self.tries: Rows = np.zeros((0, ways), np.int64)
        """How often each row was picked since it is the nearest."""
        self.closed: NDArray[np.bool_] = np.zeros((0, ways), np.bool_)
        """Ways in which a seed has failed: nothing is kept or picked for them any more."""

    def bar(self, seeds: Rows, margins: Margins) -> None:
        """What these seeds are by themselves: rows must come nearer than that."""
        self._reach(seeds)
        self._margins[seeds] = np.where(np.isfinite(margins), margins, -np.inf)

    def close(self, seeds: Rows, ways: Rows) -> None:
        """Failures: of each its seed and the way."""
        self._reach(seeds)
        self.closed[seeds, ways] = True

    def fold(self, rows: Rows, seeds: Rows, margins: Margins, ways: Rows | None = None) -> None:
        """Take rows in; an equal margin leaves the older row in place. ways: as `passing` takes them."""
        self._reach(seeds)
        at, column = np.nonzero(np.isfinite(margins))
        groups = self._groups(seeds, margins, ways)[at, column]
        values = margins[at, column]
        first = leaders(groups, values)
        at, groups, values = at[first], groups[first], values[first]
        best = self._margins.reshape(-1)
        nearer = values > best[groups]
        groups = groups[nearer]
        best[groups] = values[nearer]
        self._rows.reshape(-1)[groups] = rows[at[nearer]]
        self.tries.reshape(-1)[groups] = 0

    def nearer(self, seeds: Rows, margins: Margins) -> NDArray[np.bool_]:
        """Which rows (n,) pass the ratchet of some open way and fail none: of each (seed, way) only the best one."""
        return self.passing(seeds, margins)[1]

    def passing(
        self, seeds: Rows, margins: Margins, ways: Rows | None = None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which rows (n,) pass the ratchet of some open way and fail none; and of these the best of each (seed, way).

        margins: (n, k). ways: (n, k) of each margin, of a row no way twice and in rising order; None: by its column.
        """
        self._reach(seeds)
        groups = self._groups(seeds, margins, ways)
        passing = self._passing(groups, margins)
        at, column = np.nonzero(passing)
        chosen = np.zeros(len(seeds), np.bool_)
        chosen[at[leaders(groups[at, column], margins[at, column])]] = True
        return np.asarray(passing.any(axis=1), np.bool_), chosen

    def choose(self, seeds: Rows, rng: np.random.Generator) -> Rows:
        """For each seed the best row of one of its open ways, drawn evenly; -1 where it is not its turn.

        Its turn comes often while it is new and seldom once it has been tried in vain; never where there is none.
        """
        if self._rows.shape[1] == 0:
            return np.full(len(seeds), -1, np.int64)
        size = int(seeds.max(initial=-1)) + 1  # tables that were restored may be of other lengths
        open_ways = ((self._rows[:size] >= 0) & ~self.closed[:size]).take(seeds, axis=0)
        oracle = np.where(open_ways, rng.random(open_ways.shape), -1.0).argmax(axis=1)
        row = np.where(open_ways[np.arange(len(seeds)), oracle], self._rows[seeds, oracle], -1)
        share = self._least + (self._most - self._least) * self._patience / (self._patience + self.tries[seeds, oracle])
        turn = (rng.random(len(seeds)) < share) & (row >= 0)
        np.add.at(self.tries, (seeds[turn], oracle[turn]), 1)
        return np.where(turn, row, -1)

    def _passing(self, groups: Rows, margins: Margins) -> NDArray[np.bool_]:
        """(n, k): margins that pass the ratchet of an open way, of rows that fail none."""
        best = self._margins.reshape(-1)[groups]
        known = np.isfinite(best)
        needed = np.where(known, best + RATCHET * np.abs(np.where(known, best, 0.0)), -np.inf)
        failing = (margins > 0).any(axis=1, keepdims=True)
        closed = self.closed.reshape(-1)[groups]
        passing: NDArray[np.bool_] = np.isfinite(margins) & (margins > needed) & ~failing & ~closed
        return passing

    def _reach(self, seeds: Rows) -> None:
        size = int(seeds.max()) + 1 if len(seeds) else 0
        self._margins = reach(self._margins, size, -np.inf)
        self._rows = reach(self._rows, size, -1)
        self.closed = reach(self.closed, size, False)
        self.tries = reach(self.tries, size, 0)

    def _groups(self, seeds: Rows, margins: Margins, ways: Rows | None) -> Rows:
        """(n, k): where each margin stands in the tables, counted row after row."""
        ways = np.arange(margins.shape[1]) if ways is None else ways
        groups: Rows = seeds[:, None] * self._rows.shape[1] + ways
        return groups


def leaders(groups: Rows, values: NDArray[np.float32]) -> Rows:
    """Positions of the largest value of each group; of equal ones the first."""
    order: Rows = np.lexsort((-values, groups))
    starts = np.ones(len(order), np.bool_)
    starts[1:] = np.diff(groups[order]) != 0
    first: Rows = order[starts]
    return first
