"""Thompson sampling over a few ways of going on: how much of a batch each gets, by what it has brought lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]

PRIOR_ROWS = 24.0
"""A way counts as if so many of its rows had brought what rows bring on average: the fewer it has had, the wider its
lots scatter about that."""

PRIOR_EVENTS = 2.0
"""... or more of them, until so many events are due: Gamma's law scatters over powers of ten below that, and the
dearest way would win lots by mere luck."""

HALF_LIFE = 2048.0
"""Rows after which what was learnt counts half: what brings much at first is soon exhausted."""

LEAST_BATCHES = 8
"""... and not before so many batches, however large they are."""

RARE = 0.005
"""Events a row below which a kind says little, and counts little."""

EASY = 0.005
"""Events of the first kind a row, at which the others count half: they are means to it, of little use where it comes by
itself. On digits, speech and language that gave 7 to 12 % more distinct faults in 10,000 inputs."""


class Bandit:
    """Ways (operators, depths, rules of picking) and kinds of events (a new fault, a nearer miss, new coverage).

    A kind's rate a row follows Gamma's law for each way. It counts in proportion to what all ways bring of it, so that
    a flood of one kind drowns no other; kinds after the first the less, the more there is of the first. A way is worth
    the sum over the kinds, divided by what its rows cost.
    worths: of the kinds, (kinds,). costs: of a row of each way, any unit. floors: shares that ways keep anyhow.
    Source: Chapelle and Li, An Empirical Evaluation of Thompson Sampling, NIPS 2011, with fading counts.
    """

    def __init__(
        self, ways: int, worths: Sequence[float], *, costs: Shares | None = None, floors: Shares | float = 0.0,
        half_life: float = HALF_LIFE,
    ) -> None:  # fmt: skip
        self._worths = np.asarray(worths, np.float64)
        self._costs = np.ones(ways) if costs is None else costs / costs.min()
        self._floors = np.broadcast_to(np.asarray(floors, np.float64), (ways,))
        self._half_life = half_life
        self._events = np.zeros((ways, len(worths)))
        self._rows = np.zeros(ways)

    def shares(self, rng: np.random.Generator, *, lots: int = 1) -> Shares:
        """Of a batch, (ways,), summing to 1: each its floor, and the best of each lot an equal part of what is left."""
        mean, prior = self._prior()
        shape = self._events + prior * mean
        rates = rng.gamma(shape, size=(lots, *shape.shape)) / (self._rows[:, None] + prior)
        values = self._worth(rates, mean) / self._costs
        best = np.bincount(values.argmax(axis=1), minlength=len(self._rows))
        shares: Shares = self._floors + (1.0 - self._floors.sum()) * best / lots
        return shares

    def values(self) -> Shares:
        """What a row of each way is worth on average, (ways,), as far as is known: the mean where little is."""
        mean, prior = self._prior()
        return self._worth((self._events + prior * mean) / (self._rows[:, None] + prior), mean)

    @property
    def rows(self) -> Shares:
        """Of each way, faded: what is known of it rests on so many."""
        return self._rows

    def _prior(self) -> tuple[Shares, Shares]:
        """Events of each kind a row (kinds,), and as if so many rows had brought them to each way."""
        mean = (self._events.sum(0) + RARE) / (self._rows.sum() + PRIOR_ROWS)
        return mean, np.maximum(PRIOR_ROWS, PRIOR_EVENTS / mean)

    def _worth(self, rates: Shares, mean: Shares) -> Shares:
        """Of rates (..., kinds) under what all ways bring."""
        worths = self._worths / np.where(np.arange(len(mean)) == 0, 1.0, 1.0 + mean[0] / EASY)
        worth: Shares = (rates / (mean + RARE)) @ worths
        return worth

    def learn(self, ways: NDArray[np.int64], events: NDArray[np.floating[Any]]) -> None:
        """ways: of each row (B,). events: what it brought, (B, kinds)."""
        fade = 0.5 ** min(len(ways) / self._half_life, 1 / LEAST_BATCHES)
        self._rows = fade * self._rows + np.bincount(ways, minlength=len(self._rows))
        self._events *= fade
        for kind in range(events.shape[1]):
            self._events[:, kind] += np.bincount(ways, weights=events[:, kind], minlength=len(self._rows))

    def state(self) -> dict[str, NDArray[Any]]:
        return {"bandit_events": self._events.copy(), "bandit_rows": self._rows.copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """From `state()`; that of a bandit of other ways is left alone."""
        if state["bandit_events"].shape == self._events.shape:
            self._events, self._rows = state["bandit_events"].copy(), state["bandit_rows"].copy()
