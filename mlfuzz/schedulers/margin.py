"""Guided by margins: climb from what came nearest to failing, seed by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, News, Rows, no_keys
from mlfuzz.schedulers.entries import Entries, reach
from mlfuzz.schedulers.nearest import Nearest

SEED_SHARE = 0.5
"""Of the picks that do not go to the nearest row: start again from the seed. The others take one of its latest
entries. Independent mutants break most seeds that can be broken at all."""

RECENT = 16
"""Latest entries remembered of each seed."""


class Margin:
    """Seeds round robin; of each the entry that came nearest to failing an oracle, while that leads on.

    Broken seeds (`retire`) wait until all are broken, then all come back for another round. Every active seed is
    picked within as many picks as there are active seeds.
    """

    name = "margin"

    def __init__(self) -> None:
        self._clear()

    @property
    def gains(self) -> NDArray[np.float32]:
        """Of all rows, in row order."""
        return self._entries.gains

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        if not len(self._entries):
            self._nearest = Nearest(margins.shape[1])
        known = len(self._entries.firsts)
        rows = self._entries.grow(seeds, gains, margins)
        self._nearest.fold(rows, seeds, margins)
        self._remember(rows, seeds)
        if len(self._entries.firsts) > known:
            self._note_active()

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        seeds = self._next_seeds(n)
        nearest = self._nearest.choose(seeds, rng)
        slots = (rng.random(n) * np.minimum(self._counts[seeds], RECENT)).astype(np.int64)
        recent = np.where(rng.random(n) < SEED_SHARE, self._entries.first_of(seeds), self._recent[seeds, slots])
        return np.where(nearest < 0, recent, nearest)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return self._nearest.nearer(seeds, margins)

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None: ...

    def retire(self, seeds: Rows) -> None:
        known = seeds[seeds < len(self._retired)]
        if not self._retired[known].all():
            self._retired[known] = True
            self._note_active()

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            **self._entries.state(),
            "tries": self._nearest.tries.copy(),
            "retired": np.flatnonzero(self._retired),
            "last": np.asarray([self._last]),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        history = self._entries.history(state)
        self._clear()
        for at, rows in enumerate(history):
            self.grow(*rows, no_keys(rows[2]))
            if at == 0:
                self._nearest.tries = state["tries"].copy()
        self.retire(state["retired"])
        self._last = int(state["last"][0])

    def _clear(self) -> None:
        self._entries = Entries()
        self._nearest = Nearest(0)
        self._recent: Rows = np.full((0, RECENT), -1, np.int64)
        self._counts: Rows = np.zeros(0, np.int64)
        self._retired: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._active: Rows = np.zeros(0, np.int64)
        self._last = -1

    def _remember(self, rows: Rows, seeds: Rows) -> None:
        """Each row into its seed's ring of latest entries."""
        size = int(seeds.max()) + 1 if len(seeds) else 0
        self._recent = reach(self._recent, size, -1)
        self._counts = reach(self._counts, size, 0)
        self._retired = reach(self._retired, size, 0)
        numbers, group, repeats = np.unique(seeds, return_inverse=True, return_counts=True)
        order = np.argsort(group, kind="stable")
        nth = np.empty(len(seeds), np.int64)
        nth[order] = np.arange(len(seeds)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        self._recent[seeds, (self._counts[seeds] + nth) % RECENT] = rows
        self._counts[numbers] += repeats

    def _note_active(self) -> None:
        known = np.sort(self._entries.seeds[self._entries.firsts])
        if self._retired[known].all():
            self._retired[:] = False
        self._active = known[~self._retired[known]]

    def _next_seeds(self, n: int) -> Rows:
        """The next n active seeds after the last one, by number and round again."""
        start = int(np.searchsorted(self._active, self._last, side="right"))
        seeds = self._active[(start + np.arange(n)) % len(self._active)]
        self._last = int(seeds[-1]) if n else self._last
        return seeds


SCHEDULERS.add("margin", Margin)
