"""The nearest each seed has come to failing each oracle, and the row that did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import Margins, Rows
from mlfuzz.schedulers.entries import reach

RATCHET = 0.01
"""A margin counts as nearer from 1 % of the way that is still to go: less is float noise, and floods the corpus."""


class Nearest:
    """Tables (seeds, oracles): the best margin, -inf where none was judged, and its row, -1 there.

    Margins are compared within seed and oracle alone, since units differ.
    """

    def __init__(self, oracles: int) -> None:
        self._margins: Margins = np.full((0, oracles), -np.inf, np.float32)
        self._rows: Rows = np.full((0, oracles), -1, np.int64)

    def fold(self, rows: Rows, seeds: Rows, margins: Margins) -> None:
        """Take rows in; an equal margin leaves the older row in place."""
        self._reach(seeds)
        at, oracle = np.nonzero(np.isfinite(margins))
        first = leaders(self._groups(seeds[at], oracle), margins[at, oracle])
        at, oracle = at[first], oracle[first]
        nearer = margins[at, oracle] > self._margins[seeds[at], oracle]
        at, oracle = at[nearer], oracle[nearer]
        self._margins[seeds[at], oracle] = margins[at, oracle]
        self._rows[seeds[at], oracle] = rows[at]

    def nearer(self, seeds: Rows, margins: Margins) -> NDArray[np.bool_]:
        """Which rows (n,) pass the ratchet of some oracle and fail none: of each (seed, oracle) only the best one."""
        self._reach(seeds)
        best = self._margins[seeds]
        known = np.isfinite(best)
        needed = np.where(known, best + RATCHET * np.abs(np.where(known, best, 0.0)), -np.inf)
        failing = (margins > 0).any(axis=1, keepdims=True)
        at, oracle = np.nonzero(np.isfinite(margins) & (margins > needed) & ~failing)
        chosen = np.zeros(len(seeds), np.bool_)
        chosen[at[leaders(self._groups(seeds[at], oracle), margins[at, oracle])]] = True
        return chosen

    def choose(self, seeds: Rows, rng: np.random.Generator) -> Rows:
        """For each seed the best row of one of the oracles that judged it, drawn evenly; -1 where none did."""
        rows = self._rows[seeds]
        if rows.shape[1] == 0:
            return np.full(len(seeds), -1, np.int64)
        lots = np.where(rows >= 0, rng.random(rows.shape), -1.0)
        chosen: Rows = rows[np.arange(len(seeds)), lots.argmax(axis=1)]
        return chosen

    def _reach(self, seeds: Rows) -> None:
        size = int(seeds.max()) + 1 if len(seeds) else 0
        self._margins = reach(self._margins, size, -np.inf)
        self._rows = reach(self._rows, size, -1)

    def _groups(self, seeds: Rows, oracle: Rows) -> Rows:
        groups: Rows = seeds * self._rows.shape[1] + oracle
        return groups


def leaders(groups: Rows, values: NDArray[np.float32]) -> Rows:
    """Positions of the largest value of each group; of equal ones the first."""
    order: Rows = np.lexsort((-values, groups))
    starts = np.ones(len(order), np.bool_)
    starts[1:] = np.diff(groups[order]) != 0
    first: Rows = order[starts]
    return first
