"""The default: half guided by margins, half by novelty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import ConfigError
from mlfuzz.schedulers.base import SCHEDULERS, Margins, Rows
from mlfuzz.schedulers.entries import Column
from mlfuzz.schedulers.margin import Margin
from mlfuzz.schedulers.recency import recent


class Mixed:
    """`ratio` of the picks as `margin` makes them, the rest by novelty; in random order.

    Novelty: half by TensorFuzz's recency over entries that gained coverage, half any entry, where of two drawn the one
    that gained more wins. Margins alone are stuck where the margin deceives (TensorFuzz's broken loss: 0 of 10 runs),
    novelty alone is 3-10 times slower where it does not; the mix is good at both.
    Raises ConfigError where ratio is outside [0, 1].
    """

    name = "mixed"

    def __init__(self, *, ratio: float = 0.5) -> None:
        if not 0.0 <= ratio <= 1.0:
            raise ConfigError(f"scheduler mixed: ratio must lie in [0, 1], not {ratio}")
        self.ratio = ratio
        self._margin = Margin()
        self._gains: Column[np.float32] = Column(np.float32)
        self._gained: Column[np.int64] = Column(np.int64)

    def grow(self, seeds: Rows, gains: NDArray[np.float32], margins: Margins) -> None:
        self._margin.grow(seeds, gains, margins)
        self._gained.extend(len(self._gains) + np.flatnonzero(gains > 0))
        self._gains.extend(gains)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        guided = int(n * self.ratio + rng.random())  # rounded by lot, so that the ratio holds for small batches too
        picked = np.concatenate([self._margin.pick(guided, rng), self._novel(n - guided, rng)])
        return rng.permutation(picked)  # a batch is mutated in slices: no operator shall see one half alone

    def keep(self, seeds: Rows, margins: Margins) -> NDArray[np.bool_]:
        return self._margin.keep(seeds, margins)

    def reward(self, picked: Rows, gains: NDArray[np.float32], margins: Margins) -> None: ...

    def retire(self, seeds: Rows) -> None:
        self._margin.retire(seeds)

    def state(self) -> dict[str, NDArray[Any]]:
        return self._margin.state()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self._margin.restore(state)
        gains = self._margin.gains
        self._gains, self._gained = Column(np.float32), Column(np.int64)
        self._gains.extend(gains)
        self._gained.extend(np.flatnonzero(gains > 0))

    def _novel(self, n: int, rng: np.random.Generator) -> Rows:
        pair = rng.integers(0, len(self._gains), (2, n))
        gains = self._gains.values[pair]
        picked: Rows = np.where(gains[0] >= gains[1], pair[0], pair[1])
        if len(self._gained):
            late = n // 2
            picked[:late] = self._gained.values[recent(len(self._gained), late, rng)]
        return picked


SCHEDULERS.add("mixed", Mixed)
