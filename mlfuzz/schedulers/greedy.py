"""The baseline that is led by margins alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, News, Rows, no_keys
from mlfuzz.schedulers.entries import Entries
from mlfuzz.schedulers.nearest import Nearest


class Greedy:
    """Seeds round robin; of each always the entry that came nearest to failing an oracle. Nothing retires.

    Where several oracles judge, the one that leads is drawn anew for each pick.
    """

    name = "greedy"
    _cursor: int

    def __init__(self) -> None:
        self._clear()

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        if not len(self._entries):
            self._nearest = Nearest(margins.shape[1], most=1.0, least=1.0)
        rows = self._entries.grow(seeds, gains, margins)
        self._nearest.fold(rows, seeds, margins)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        firsts = self._entries.firsts
        turn = firsts[(self._cursor + np.arange(n)) % len(firsts)]
        self._cursor = (self._cursor + n) % len(firsts)
        nearest = self._nearest.choose(self._entries.seeds[turn], rng)
        return np.where(nearest < 0, turn, nearest)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return self._nearest.nearer(seeds, margins)

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

    def _clear(self) -> None:
        self._entries = Entries()
        self._nearest = Nearest(0, most=1.0, least=1.0)
        self._cursor = 0


SCHEDULERS.add("greedy", Greedy)
