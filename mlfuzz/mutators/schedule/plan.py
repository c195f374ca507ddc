"""The plan: which mutator acts on which rows of a batch, and the one call that mutates a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices, Rows, StoredRows
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.limits.distance import Distance, distance
from mlfuzz.mutators.limits.limits import DistanceLedger, Loads
from mlfuzz.mutators.schedule.bandit import OperatorBandit, Ways
from mlfuzz.mutators.schedule.slices import Most, Mutated, Slice, apply_slices, apply_within
from mlfuzz.mutators.schedule.weights import SLICES, Weights

STACKED_STEPS = 3
"""Beyond the first, at most: a half of those that take two take a third, and a half of these a fourth."""

LEAST_STACKED_SLICES = 2

ROWS_A_SLICE = 4
"""At least, on average: a batch of 8 rows has two slices."""

OVERDUE = 25_000
"""Inputs after which a mutator is used at its next turn whatever its credit: none waits for 50,000."""

Slices = list[tuple[Mutator, int, int]]


class Plan:
    """Deals mutators by credit, so that in the long run each has its weight's share of the rows.

    weights: (mutators,), made to sum to 1. slices: of a batch. depth: operators one after another on each row (2 in
    DeepTest). dealer: learns other shares from what `learn` is told. Each batch goes to the mutators with most credit
    of rows, so that slices are long (a call costs 0.1 ms and more whatever it holds) and to those that have waited for
    too long. Drawing each batch anew would leave one in fifty unused for 50,000 inputs.
    Raises ConfigError for weights that do not fit.
    """

    def __init__(
        self, mutators: Sequence[Mutator], weights: Weights, ledger: DistanceLedger, *,
        slices: int = SLICES, depth: int = 1, dealer: OperatorBandit | None = None,
    ) -> None:  # fmt: skip
        given = np.asarray(weights, np.float64)
        if not mutators or given.shape != (len(mutators),) or not (given > 0).all() or not np.isfinite(given).all():
            raise ConfigError(f"a plan wants one weight above 0 for each of its mutators, got {given.tolist()}")
        self.mutators = tuple(mutators)
        self.weights = given / given.sum()
        self.ledger = ledger
        self.slices = slices
        self.depth = depth
        self.dealer = dealer
        limits = ledger.limits
        self._distance: Distance | None = distance(mutators[0].modality, limits) if limits.by_distance else None
        self._kinds = {part.name: part.kind for part in mutators}
        self._credit = np.zeros(len(mutators))
        self._waited = np.zeros(len(mutators))
        self._begun = False

    def cut(self, batch: int, rng: np.random.Generator, *, most: int = SLICES) -> Slices:
        """Contiguous slices (mutator, start, stop) of a batch of B rows, in order; no mutator twice, at most `most`."""
        count = max(1, min(self.slices, most, len(self.mutators), batch // ROWS_A_SLICE))
        if not self._begun:
            # As if it had gone on for ever: else all light mutators would come due in one batch.
            self._begun = True
            lots = rng.random(len(self.mutators))
            self._waited = lots * np.minimum(OVERDUE, batch / count / self.weights)
            self._credit = self.weights * self._waited
        if self.dealer is not None:
            self.weights = self.dealer.weights(rng)
        self._credit += self.weights * batch
        self._waited += batch
        overdue = np.flatnonzero(self._waited >= OVERDUE)
        overdue = overdue[np.argsort(-self._waited[overdue], kind="stable")][: count - 1]
        others = np.setdiff1d(np.argsort(-self._credit, kind="stable")[:count], overdue)
        others = others[np.argsort(-self._credit[others], kind="stable")][: count - len(overdue)]
        owed = np.clip(self._credit[overdue].astype(np.int64), 1, batch // count)
        chosen = np.concatenate([others, overdue])
        sizes = np.concatenate([_apportion(self._credit[others], batch - int(owed.sum())), owed])
        self._credit[chosen] -= sizes
        self._waited[chosen] = 0
        edges = np.cumsum([0, *sizes]).tolist()
        return [
            (self.mutators[number], start, stop)
            for number, start, stop in zip(chosen.tolist(), edges[:-1], edges[1:], strict=True)
        ]

    def mutate(
        self,
        parents: Rows | StoredRows,
        loads: Loads,
        invariant: NDArray[np.bool_],
        rng: np.random.Generator,
        *,
        roots: Callable[[], Rows] | None = None,
        repeated: Sequence[Slice] = (),
        again: int = 0,
        stacked: int = 0,
        dealt: Sequence[Sequence[Slice]] = (),
        most: Most | None = None,
    ) -> Mutated:
        """Children of the parents: drawn on the host, one vectorised call a slice, joined once.

        repeated: steps with their columns for the first rows; of these `again` are what made the row itself, the others
        are borrowed. stacked: so many rows, in one stretch, take more than one step. dealt: what `deal` gave, instead
        of a cut. most: how severe an operator may be on rows [start, stop).
        loads (B, K), invariant (B,): of the parents. rng: Philox keyed by campaign, life and batch.
        roots: gives the rows' seeds; only asked for where a limit compares with them.
        """
        batch = len(parents)
        none, even = np.zeros(batch, np.bool_), np.zeros(batch, np.float32)
        state, source = Mutated(parents.part(0, 0), (), loads, invariant.copy(), none, even), parents
        seeds = self._roots(roots)
        ahead = repeated[-1].stop if repeated else 0
        for layer in range(self.depth):
            cut = self.cut(batch - ahead, rng) if ahead < batch and not dealt else []
            slices = dealt[layer] if dealt else [*repeated, *(Slice(part, ahead + a, ahead + b) for part, a, b in cut)]
            state = apply_slices(source, state, slices, rng, self.ledger, most)
            if seeds is not None and self._distance is not None:
                state = self._bounded(state, seeds, self._distance)
            source = state.rows
        stretch = _stretch(ahead, batch, 0 if dealt else stacked, rng)
        state = self._stacked(state, *stretch, rng, most, seeds)
        return replace(state, again=again, borrowed=ahead - again, stacked=stretch)

    def deal(self, picked: Indices, loads: Loads, rng: np.random.Generator) -> tuple[Indices, list[list[Slice]]] | None:
        """Where each row's own past decides: an order of the batch, and the slices of each step. None: any cut will do.

        picked (B,), loads (B, K): of the parents.
        """
        return None

    def ways(self, batch: int, rng: np.random.Generator) -> Ways:
        """How many rows of a batch may take their parents' step again, borrow one, and take more than one."""
        return self.dealer.ways(batch, rng) if self.dealer is not None else Ways()

    def learn(self, mutated: Mutated, rows: Indices, events: NDArray[np.floating[Any]]) -> None:
        """Tell the dealer what a batch brought: rows that ran (ascending), and their events (rows, kinds)."""
        if self.dealer is not None:
            self.dealer.learn(
                mutated.steps, rows, events, again=mutated.again, borrowed=mutated.borrowed, stacked=mutated.stacked
            )

    def searched(self, share: float) -> None:
        """Of the time, what searches take without finding in proportion: dear operators are left the rest of theirs."""
        if self.dealer is not None:
            self.dealer.elsewhere = share

    def state(self) -> dict[str, NDArray[np.generic]]:
        learnt = self.dealer.state() if self.dealer is not None else {}
        return {"credit": self._credit.copy(), "waited": self._waited.copy(), **learnt}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """From `state()`; that of a plan of other mutators is left alone."""
        if state["credit"].shape == self._credit.shape:
            self._credit = state["credit"].astype(np.float64)
            self._waited = state["waited"].astype(np.float64)
            self._begun = True
            if self.dealer is not None and "operators.bandit_rows" in state:
                self.dealer.restore(state)

    def _stacked(
        self, state: Mutated, start: int, stop: int, rng: np.random.Generator, most: Most | None, seeds: Rows | None
    ) -> Mutated:
        """One operator more on the rows [start, stop), another on a stretch of them half as long, and so on."""
        for _ in range(STACKED_STEPS):
            if stop - start < ROWS_A_SLICE:
                break
            cut = self.cut(stop - start, rng, most=max(LEAST_STACKED_SLICES, self.slices // 2))
            state = apply_within(state, start, [Slice(part, a, b) for part, a, b in cut], rng, self.ledger, most)
            if seeds is not None and self._distance is not None:
                state = self._bounded(state, seeds, self._distance)
            start, stop = _stretch(start, stop, (stop - start) // 2, rng)
        return state

    def _roots(self, roots: Callable[[], Rows] | None) -> Rows | None:
        if self._distance is None:
            return None
        if roots is None:
            raise ConfigError("these limits compare inputs with their seeds: mutate() must be given `roots`")
        return roots()

    def _bounded(self, state: Mutated, roots: Rows, measure: Distance) -> Mutated:
        """Rows clipped to their seeds where the limits allow that, and dropped where they lie beyond."""
        limits = self.ledger.limits
        rows = measure.clip(state.rows, roots, limits)
        dropped = state.dropped.copy()
        for step in state.steps:
            part, seeds = rows.part(step.start, step.stop), roots.part(step.start, step.stop)
            within = measure.check(part, seeds, limits, kind=self._kinds[step.name])
            dropped[step.start : step.stop] |= ~within.cpu().numpy()
        return replace(state, rows=rows, dropped=dropped, clipped=limits.linf is not None)


def _stretch(start: int, stop: int, rows: int, rng: np.random.Generator) -> tuple[int, int]:
    """So many rows within [start, stop), anywhere: in the long run each operator's are among them. (0, 0): none."""
    rows = min(rows, stop - start)
    if rows < ROWS_A_SLICE:
        return 0, 0
    first = int(rng.integers(start, stop - rows + 1))
    return first, first + rows


def _apportion(credit: NDArray[np.float64], batch: int) -> NDArray[np.int64]:
    """Whole rows in proportion to the credits, at least one each, summing to the batch: largest remainders."""
    spare = batch - len(credit)
    wanted = np.maximum(credit - 1, 1e-9)
    exact = wanted / wanted.sum() * spare
    sizes: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort(sizes - exact, kind="stable")
    sizes[order[: spare - int(sizes.sum())]] += 1
    return sizes + 1
