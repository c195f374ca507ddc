"""Two rules without memory: independent mutants of the seeds, and any entry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, News, Rows, no_keys
from mlfuzz.schedulers.entries import Entries


class RoundRobin:
    """Seeds by turns. What a rule makes of a seed's turn is its own; nothing retires."""

    _cursor: int

    def __init__(self) -> None:
        self._clear()

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        self._entries.grow(seeds, gains, margins)

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None: ...

    def retire(self, seeds: Rows) -> None: ...

    def state(self) -> dict[str, NDArray[Any]]:
        return {**self._entries.state(), "cursor": np.asarray([self._cursor])}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        history = self._entries.history(state)
        self._clear()
        for rows in history:
            self.grow(*rows, no_keys(rows[2]))
        self._cursor = int(state["cursor"][0])

    def _turn(self, n: int) -> Rows:
        """The next n seeds' own rows."""
        firsts = self._entries.firsts
        turn: Rows = firsts[(self._cursor + np.arange(n)) % len(firsts)]
        self._cursor = (self._cursor + n) % len(firsts)
        return turn

    def _clear(self) -> None:
        self._entries, self._cursor = Entries(), 0


class Random(RoundRobin):
    """Independent mutants of the seeds, round robin: the baseline that every criterion and rule must beat.

    Only seeds' own rows are picked, in their order. Nothing that is learnt changes that, so broken seeds stay.
    """

    name = "random"

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        return self._turn(n)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return np.zeros(len(seeds), np.bool_)


class Uniform:
    """Any entry, all alike."""

    name = "uniform"

    def __init__(self) -> None:
        self._size = 0

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        self._size += len(seeds)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        return rng.integers(0, self._size, n)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return np.zeros(len(seeds), np.bool_)

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None: ...

    def retire(self, seeds: Rows) -> None: ...

    def state(self) -> dict[str, NDArray[Any]]:
        return {"size": np.asarray([self._size])}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self._size = max(self._size, int(state["size"][0]))


SCHEDULERS.add("random", Random)
SCHEDULERS.add("uniform", Uniform)
