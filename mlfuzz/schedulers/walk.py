"""Two baselines that go on from mutants without being told anything: a blind walk, and everything accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import ConfigError
from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, Rows
from mlfuzz.schedulers.entries import reach
from mlfuzz.schedulers.nearest import leaders
from mlfuzz.schedulers.uniform import RoundRobin, Uniform


class Walk(RoundRobin):
    """A blind walk from each seed, round robin: mutants of mutants, without feedback; after `length` steps anew.

    Of the children that a seed has in one batch the first carries the walk on: the batch is so many tries of one step.
    Raises ConfigError where length is below 1.
    """

    name = "walk"
    _heads: Rows
    _steps: Rows

    def __init__(self, *, length: int = 4) -> None:
        if length < 1:
            raise ConfigError(f"scheduler walk: length must be 1 or more, not {length}")
        self.length = length
        super().__init__()

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        rows = self._entries.grow(seeds, gains, margins)
        numbers, counts = np.unique(seeds, return_counts=True)
        self._heads = reach(self._heads, int(numbers[-1]) + 1 if len(numbers) else 0, -1)
        self._steps = reach(self._steps, len(self._heads), -1)
        self._steps[numbers] += counts
        self._heads[seeds] = rows  # of equal seeds the last one stays
        done = numbers[self._steps[numbers] % self.length == 0]
        self._heads[done] = self._entries.first_of(done)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        return self._heads[self._entries.seeds[self._turn(n)]]

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        kept = accepted(margins)
        open_rows = np.flatnonzero(kept)
        kept[open_rows] = False
        kept[open_rows[leaders(seeds[open_rows], np.zeros(len(open_rows), np.float32))]] = True
        return kept

    def _clear(self) -> None:
        super()._clear()
        self._heads = np.full(0, -1, np.int64)
        self._steps = np.full(0, -1, np.int64)


class Accept(Uniform):
    """Any entry, all alike, where every mutant that was judged and did not fail is an entry.

    rate: accept so many of them, evenly spaced, instead of all: as many as a criterion would, chosen blindly.
    Source: the released DeepHunter's strategy "random" (Xie et al., ISSTA 2019).
    Raises ConfigError where rate is not in (0, 1].
    """

    name = "accept"

    def __init__(self, *, rate: float = 1.0) -> None:
        super().__init__()
        if not 0.0 < rate <= 1.0:
            raise ConfigError(f"scheduler accept: rate must lie in (0, 1], not {rate}")
        self.rate = rate
        self._judged = 0

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        kept = accepted(margins)
        numbers = self._judged + np.cumsum(kept)
        self._judged += int(kept.sum())
        chosen: NDArray[np.bool_] = kept & (np.floor(numbers * self.rate) > np.floor((numbers - 1) * self.rate))
        return chosen

    def state(self) -> dict[str, NDArray[Any]]:
        return {**super().state(), "judged": np.asarray([self._judged])}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        super().restore(state)
        self._judged = int(state["judged"][0])


def accepted(margins: Margins) -> NDArray[np.bool_]:
    """Rows that some oracle judged and none failed (n,)."""
    judged = np.asarray(~np.isnan(margins).all(axis=1), np.bool_)
    return judged & ~np.asarray((margins > 0).any(axis=1), np.bool_)


SCHEDULERS.add("walk", Walk)
SCHEDULERS.add("accept", Accept)
