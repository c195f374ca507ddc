"""The baseline that is led by margins alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, Rows
from mlfuzz.schedulers.nearest import Nearest
from mlfuzz.schedulers.uniform import RoundRobin


class Greedy(RoundRobin):
    """Seeds round robin; of each always the entry that came nearest to failing an oracle. Nothing retires.

    Where several oracles judge, the one that leads is drawn anew for each pick.
    """

    name = "greedy"

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        if not len(self._entries):
            self._nearest = Nearest(margins.shape[1], most=1.0, least=1.0)
        rows = self._entries.grow(seeds, gains, margins)
        self._nearest.fold(rows, seeds, margins)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        turn = self._turn(n)
        nearest = self._nearest.choose(self._entries.seeds[turn], rng)
        return np.where(nearest < 0, turn, nearest)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return self._nearest.nearer(seeds, margins)

    def _clear(self) -> None:
        super()._clear()
        self._nearest = Nearest(0, most=1.0, least=1.0)


SCHEDULERS.add("greedy", Greedy)
