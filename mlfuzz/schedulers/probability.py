"""DeepHunter's rule: an entry that has been fuzzed often is less likely to be fuzzed again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import ConfigError
from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, News, Rows
from mlfuzz.schedulers.entries import reach

WINDOW = 4
"""Entries looked at for each one wanted: one passes in two at the least, so that one look nearly always does."""


class Probability:
    """The queue is walked round and round; an entry fuzzed f times is taken with probability max(1 - f / gamma, p_min).

    mutants: children made of an entry that was taken, one after another.
    Source: Xie et al., DeepHunter, ISSTA 2019, section 3.2 and equation 3; gamma 20, p_min 0.5 and 20 mutants are the
    paper's (the released code: 5, 0.3 and 20), as is the walk its released queue's.
    Raises ConfigError where gamma or mutants is not above 0 or p_min not in (0, 1].
    """

    name = "probability"

    def __init__(self, *, gamma: float = 20.0, p_min: float = 0.5, mutants: int = 20) -> None:
        if not gamma > 0 or mutants < 1 or not 0.0 < p_min <= 1.0:
            raise ConfigError(
                "scheduler probability: gamma must be above 0, mutants 1 or more and p_min in (0, 1], not "
                f"{gamma}, {mutants}, {p_min}"
            )
        self.gamma, self.p_min, self.mutants = gamma, p_min, mutants
        self._size = 0
        self._fuzzed: Rows = np.zeros(0, np.int64)
        self._cursor, self._current, self._left = 0, -1, 0

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        self._size += len(seeds)
        self._fuzzed = reach(self._fuzzed, self._size, 0)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        first = min(n, self._left)
        wanted = -(-(n - first) // self.mutants)
        taken = self._take(wanted, rng)
        picked: Rows = np.concatenate([np.full(first, self._current), np.repeat(taken, self.mutants)])[:n]
        self._left += wanted * self.mutants - n
        self._current = int(picked[-1]) if n else self._current
        return picked.astype(np.int64)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return np.zeros(len(seeds), np.bool_)

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None: ...

    def retire(self, seeds: Rows) -> None: ...

    def chance(self, fuzzed: Rows) -> NDArray[np.float64]:
        """How likely an entry is taken that has been fuzzed so often."""
        return np.maximum(1.0 - fuzzed / self.gamma, self.p_min)

    def state(self) -> dict[str, NDArray[Any]]:
        walk = np.asarray([self._cursor, self._current, self._left])
        return {"fuzzed": self._fuzzed[: self._size].copy(), "walk": walk}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        fuzzed = state["fuzzed"].astype(np.int64)
        self._size = max(self._size, len(fuzzed))
        self._fuzzed = reach(np.zeros(0, np.int64), self._size, 0)
        self._fuzzed[: len(fuzzed)] = fuzzed
        self._cursor, self._current, self._left = (int(number) for number in state["walk"])

    def _take(self, wanted: int, rng: np.random.Generator) -> Rows:
        """The next entries of the walk that pass their lots."""
        found: list[Rows] = []
        while wanted > 0:
            window = (self._cursor + np.arange(min(WINDOW * wanted + 8, self._size))) % self._size
            passed = np.flatnonzero(rng.random(len(window)) < self.chance(self._fuzzed[window]))[:wanted]
            taken = window[passed]
            self._fuzzed[taken] += 1
            looked = len(window) if len(passed) < wanted else int(passed[-1]) + 1
            self._cursor = (self._cursor + looked) % self._size
            wanted -= len(passed)
            found.append(taken)
        return np.concatenate(found) if found else np.zeros(0, np.int64)


SCHEDULERS.add("probability", Probability)
