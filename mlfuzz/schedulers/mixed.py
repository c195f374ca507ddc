"""The default: margins, novelty and fresh mutants of the seeds, each as long as it brings something."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.bandit import Bandit
from mlfuzz.errors import ConfigError
from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, News, Rows
from mlfuzz.schedulers.entries import Column, Entries, reach
from mlfuzz.schedulers.nearest import Nearest
from mlfuzz.schedulers.recency import recent
from mlfuzz.schedulers.rivals import by_every_rival, by_rival, failing, rivals
from mlfuzz.schedulers.turns import Turns

FRESH, CLIMB, LATE, ANY = range(4)
"""Ways of picking: a seed's own row; a row that came nearest to failing as its seed has not failed yet; the latest that
gained; any entry."""

FAULT, RECORD, GAIN = 1.0, 1.0, 0.1
"""What the news in a failing child is worth, a child that came nearer than any before, and one that gained coverage."""

REPEATED = 0.1
"""What a failing child is worth without any news, as long as its seed's children have seldom failed."""

FLOOR = 0.05

HALF_LIFE = 512.0
"""Rows after which what a way has brought counts half: a climb that has come to its end is soon given up."""

BROKEN_SHARE = 0.25
"""A seed that has failed so often that more of it says little still gets this share of what an unbroken one gets."""

BROKEN_AFTER = 6.0
"""Failing children without news after which a seed's share is half way down."""

PATIENCE = 256
"""Picks of a nearest row in vain after which it is picked less."""


class Mixed:
    """Four ways of picking share each batch by what they have brought lately; seeds have their turns in three of them.

    Way one: the seed's own row, for independent mutants, which break most seeds that can be broken at all. Way two: the
    row that came nearest to failing an oracle as none of its seed's children has failed: a 3 that was taken for an 8 is
    led towards 5 and 2. Way three: one of the latest entries that gained coverage, as TensorFuzz picks. Way four: any
    entry, where of two drawn the one that gained more wins.
    Margins alone are stuck where the margin deceives, novelty alone is slow where it does not, and fresh mutants alone
    never get anywhere in many steps. No task needs them in the same proportion: so it is learnt (`Bandit`).
    A failing child is worth what is new about it; the more of a seed's children have failed without news,
    the fewer turns it has.
    Raises ConfigError where floor is outside [0, 0.25].
    """

    name = "mixed"
    _failures: Rows
    _nearer: NDArray[np.bool_]
    _way_of: NDArray[np.int8]
    _keys_of: Column[np.int64]

    def __init__(self, *, floor: float = FLOOR) -> None:
        if not 0.0 <= floor <= 0.25:
            raise ConfigError(f"scheduler mixed: floor must lie in [0, 0.25], not {floor}")
        self.floor = floor
        self._clear()

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        if not len(self._entries):
            self._nearest = Nearest(rivals(margins.shape[1]), most=1.0, patience=PATIENCE)
            self._keys_of = Column(np.int64, (margins.shape[1],))
        self._keys_of.extend(keys)
        rows = self._entries.grow(seeds, gains, margins)
        own = self._entries.first_of(seeds) == rows
        if own.any():
            self._nearest.bar(seeds[own], by_every_rival(margins[own]))
        self._nearest.fold(rows[~own], seeds[~own], *by_rival(margins[~own], keys[~own]))
        self._gained.extend(rows[gains > 0])
        self._way_of = reach(self._way_of, len(self._entries), ANY)
        self._failures = reach(self._failures, int(seeds.max()) + 1 if len(seeds) else 0, 0)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        firsts = self._entries.firsts
        turn = firsts[self._turns.deal(self._weights(self._entries.seeds[firsts]), n)]
        picked: Rows = rng.permutation(turn)
        edges = (
            np.cumsum(self._arms.shares(rng, lots=4)) * n + rng.random() - 0.5
        )  # by lot: the floor holds in small batches
        fresh, climb, late = np.clip(np.rint(edges[:3]), 0, n).astype(np.int64).tolist()
        nearest = self._nearest.choose(self._entries.seeds[picked[fresh:climb]], rng)
        picked[climb:late] = self._late(late - climb, rng)
        # Where a climb leads on no more, what came last is a better start than the seed: it is further on.
        picked[fresh:climb] = np.where(nearest < 0, self._late(climb - fresh, rng), nearest)
        picked[late:] = self._any(n - late, rng)
        for way, part in ((ANY, picked[late:]), (LATE, picked[climb:late]), (CLIMB, picked[fresh:climb])):
            self._way_of[part] = way
        self._way_of[picked[:fresh]] = FRESH
        return rng.permutation(picked)  # a batch is mutated in slices: no operator shall see one way alone

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        self._nearer, kept = self._nearest.passing(seeds, *by_rival(margins, keys))
        return kept

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None:
        seeds = self._entries.seeds[picked]
        rows, ways = failing(margins, keys)
        self._nearest.close(seeds[rows], ways)
        failed = np.asarray((margins > 0).any(axis=1), np.bool_)
        events = np.zeros((len(picked), 3))
        events[:, 0] = news + REPEATED * failed / (1.0 + self._failures[seeds])
        events[:, 1] = self._nearer if len(self._nearer) == len(picked) else 0.0
        events[:, 2] = gains > 0
        self._arms.learn(self._way_of[picked].astype(np.int64), events)
        np.add.at(self._failures, seeds[failed & (news == 0)], 1)

    def retire(self, seeds: Rows) -> None:
        known = seeds[seeds < len(self._failures)]
        self._failures[known] = np.maximum(self._failures[known], 1)

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            **self._entries.state(), **self._arms.state(), "tries": self._nearest.tries.copy(),
            "failures": self._failures.copy(), "owed": self._turns.owed.copy(), "keys": self._keys_of.values.copy(),
            "closed": self._nearest.closed.copy(),
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        history, later = self._entries.history(state), self._keys_of.values[len(state["keys"]) :].copy()
        self._clear()
        for at, rows in enumerate(history):
            self.grow(*rows, state["keys"] if at == 0 else later)
            if at == 0:
                self._nearest.tries, self._nearest.closed = state["tries"].copy(), state["closed"].copy()
        self._failures[: len(state["failures"])] = state["failures"][: len(self._failures)]
        self._turns.owed = state["owed"].copy()
        self._arms.restore(state)

    def _clear(self) -> None:
        self._entries = Entries()
        self._nearest = Nearest(0, most=1.0, patience=PATIENCE)
        self._keys_of = Column(np.int64, (0,))
        self._gained: Column[np.int64] = Column(np.int64)
        self._failures = np.zeros(0, np.int64)
        self._nearer = np.zeros(0, np.bool_)
        self._way_of = np.zeros(0, np.int8)
        self._turns = Turns()
        self._arms = Bandit(4, (FAULT, RECORD, GAIN), floors=self.floor, half_life=HALF_LIFE)

    def _weights(self, seeds: Rows) -> NDArray[np.float64]:
        failures = self._failures[seeds]
        return np.asarray(BROKEN_SHARE + (1 - BROKEN_SHARE) * BROKEN_AFTER / (BROKEN_AFTER + failures), np.float64)

    def _late(self, n: int, rng: np.random.Generator) -> Rows:
        if not len(self._gained):
            return self._any(n, rng)
        return self._gained.values[recent(len(self._gained), n, rng)]

    def _any(self, n: int, rng: np.random.Generator) -> Rows:
        pair = rng.integers(0, len(self._entries), (2, n))
        gains = self._entries.gains[pair]
        better: Rows = np.where(gains[0] >= gains[1], pair[0], pair[1])
        return better


SCHEDULERS.add("mixed", Mixed)
