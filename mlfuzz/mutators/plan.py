"""The plan: which mutator acts on which rows of a batch, and the one call that mutates a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Indices, Rows, Step, StoredRows, TensorRows
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.deal import Dealer, Ways
from mlfuzz.mutators.distance import Distance, distance
from mlfuzz.mutators.limits import Ledger, Loads
from mlfuzz.mutators.param import Drawn

SLICES = 8
"""Of a batch. Each costs 0.1 ms whatever it holds; fewer would make batches of one operator's failures."""

STACKED_STEPS = 3
"""Beyond the first, at most: a half of those that take two take a third, and a half of these a fourth."""

LEAST_STACKED_SLICES = 2

ROWS_A_SLICE = 4
"""At least, on average: a batch of 8 rows has two slices."""

OVERDUE = 25_000
"""Inputs after which a mutator is used at its next turn whatever its credit: none waits for 50,000."""

TURN = 45_000
"""Inputs within which every mutator has its turn, where most of a batch goes to a few."""

ELEMENT_NS = 1.2
"""Nanoseconds an element of a mutator of cost 1, in a slice of 64 to 256 rows of 28 x 28 with the fixed cost of a slice
and the rounding onto the grid; 0.65 without the fixed cost (scripts/benchmarks/plan.py, one thread)."""

SLICE_SECONDS = 350e-6
"""What a slice costs whatever it holds: 10 to 50 calls of torch and the draws (0.12 ms brightness, 0.5 ms patch)."""

SLICES_SHARE = 0.05
"""The fixed costs of slices may take this share of a batch's forward pass: a cheap model gets fewer slices."""

LEAST_SLICES = 3

SHARE = 0.08
"""Mutation may take this share of the forward pass, on average."""

FLOOR = 0.005
"""Of the rows, for each mutator, however dear."""

PER_ROW_COST = 64
"""From this cost on an operator works a row at a time by its nature (codecs, text)."""

PER_ROW_SHARE = 0.01
"""Such an operator's floor may take this share of the forward pass, no more."""

LEAST = 0.0002
"""Of the rows, for an operator that works a row at a time before the cheapest of models: one in 5,000."""

CHUNK_ELEMENTS = 1 << 19
"""An operator works on about so many numbers at a time (2 MiB): what it makes of them stays in the cache."""

STRENGTHS = (1e-6, 1e6)
"""Of lambda: at the first weights are even, at the last proportional to 1 / cost."""

Weights = NDArray[np.float64]
Slices = list[tuple[Mutator, int, int]]
Most = Callable[[str, int, int], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Slice:
    """Contiguous rows that one operator acts on. columns: parameters to use, (rows,) each; None: they are drawn."""

    mutator: Mutator
    start: int
    stop: int
    columns: Mapping[str, Drawn] | None = None


@dataclass(frozen=True, slots=True)
class Mutated:
    """A mutated batch.

    rows: (B, ...) on the grid. steps: what was done, with the parameters as recorded. loads: (B, K) after it.
    invariant: (B,) whether the label holds along the whole chain. dropped: (B,) rows beyond a limit: not to be judged
    or kept. severity: (B,) in [0, 1] of this batch's step, the largest where there are several; 0: a copy.
    clipped: whether rows were clipped to their seeds: a chain then replays with `bound=distance.bound(...)`.
    again: so many rows at the front repeated the step that had made their parents; borrowed: so many behind them had a
    step that others had fared well with. stacked: the rows from, and up to, that took more steps than one.
    """

    rows: Rows
    steps: tuple[Step, ...]
    loads: Loads
    invariant: NDArray[np.bool_]
    dropped: NDArray[np.bool_]
    severity: NDArray[np.float32]
    clipped: bool = False
    again: int = 0
    borrowed: int = 0
    stacked: tuple[int, int] = (0, 0)


class Plan:
    """Deals mutators by credit, so that in the long run each has its weight's share of the rows.

    weights: (mutators,), made to sum to 1. slices: of a batch. depth: operators one after another on each row (2 in
    DeepTest). dealer: learns other shares from what `learn` is told. Each batch goes to the mutators with most credit
    of rows, so that slices are long (a call costs 0.1 ms and more whatever it holds) and to those that have waited for
    too long. Drawing each batch anew would leave one in fifty unused for 50,000 inputs.
    Raises ConfigError for weights that do not fit.
    """

    def __init__(
        self, mutators: Sequence[Mutator], weights: Weights, ledger: Ledger, *, slices: int = SLICES, depth: int = 1,
        dealer: Dealer | None = None,
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
    ) -> Mutated:  # fmt: skip
        """One operator more on the rows [start, stop), another on a stretch of them half as long, and so on."""
        for _ in range(STACKED_STEPS):
            if stop - start < ROWS_A_SLICE:
                break
            cut = self.cut(stop - start, rng, most=max(LEAST_STACKED_SLICES, self.slices // 2))
            state = _act_on(state, start, [Slice(part, a, b) for part, a, b in cut], rng, self.ledger, most)
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


def apply_slices(
    source: Rows | StoredRows, state: Mutated, slices: Sequence[Slice], rng: np.random.Generator, ledger: Ledger,
    most: Most | None = None,
) -> Mutated:  # fmt: skip
    """One operator on each slice of the source: draw, limit, record, apply. state: what was done to it so far."""
    loads, invariant = np.empty_like(state.loads), state.invariant.copy()
    dropped, severity = state.dropped.copy(), state.severity.copy()
    whole = _room_for(source)
    parts: list[tuple[int, Rows]] = []
    steps = []
    for each in slices:
        part, start, stop = each.mutator, each.start, each.stop
        drawn = part.draw(stop - start, rng) if each.columns is None else each.columns
        seeds = rng.integers(0, 2**63 - 1, stop - start) if part.propose else np.zeros(0, np.int64)
        milder = None if most is None else most(part.name, start, stop)
        allowed = ledger.allow(part, drawn, state.loads[start:stop], most=milder)
        recorded = (
            allowed.columns if part.propose is None else part.record(source.part(start, stop), allowed.columns, seeds)
        )
        for first, last in _chunks(start, stop, whole):
            some = {name: column[first - start : last - start] for name, column in recorded.items()}
            room = None if whole is None else whole[first:last]
            parts.append((first, part.apply(source.part(first, last), some, into=room)))
        steps.append(Step(part.name, part.version, start, stop, recorded))
        loads[start:stop] = allowed.loads
        dropped[start:stop] |= allowed.dropped
        np.maximum(severity[start:stop], allowed.severity, out=severity[start:stop])
        if part.effect != "invariant":
            invariant[start:stop] &= (allowed.severity == 0) & ~allowed.dropped
    rows = _joined(parts, whole)
    return Mutated(rows, (*state.steps, *steps), loads, invariant, dropped, severity)


def _act_on(
    state: Mutated, start: int, slices: Sequence[Slice], rng: np.random.Generator, ledger: Ledger, most: Most | None
) -> Mutated:  # fmt: skip
    """One operator more on each slice of a stretch of rows; the slices count from `start`."""
    stop = start + slices[-1].stop
    stretch = slice(start, stop)
    rows = state.rows.part(start, stop)
    part = Mutated(
        rows, (), state.loads[stretch], state.invariant[stretch], state.dropped[stretch], state.severity[stretch]
    )
    shifted = None if most is None else lambda name, first, last: most(name, start + first, start + last)
    done = apply_slices(rows, part, slices, rng, ledger, shifted)
    loads, invariant = state.loads.copy(), state.invariant.copy()
    dropped, severity = state.dropped.copy(), state.severity.copy()
    loads[stretch], invariant[stretch] = done.loads, done.invariant
    dropped[stretch], severity[stretch] = done.dropped, done.severity
    steps = tuple(replace(step, start=start + step.start, stop=start + step.stop) for step in done.steps)
    pieces = [state.rows.part(0, start), done.rows, state.rows.part(stop, len(loads))]
    whole = state.rows.join([piece for piece in pieces if len(piece)])
    return replace(
        state, rows=whole, steps=(*state.steps, *steps), loads=loads, invariant=invariant, dropped=dropped,
        severity=severity,
    )  # fmt: skip


def _stretch(start: int, stop: int, rows: int, rng: np.random.Generator) -> tuple[int, int]:
    """So many rows within [start, stop), anywhere: in the long run each operator's are among them. (0, 0): none."""
    rows = min(rows, stop - start)
    if rows < ROWS_A_SLICE:
        return 0, 0
    first = int(rng.integers(start, stop - rows + 1))
    return first, first + rows


def _room_for(source: Rows | StoredRows) -> Tensor | None:
    """Where the operators may write; None for text."""
    if isinstance(source, StoredRows):
        return torch.empty(source.stored.shape, device=source.stored.device)
    return torch.empty_like(source.data) if isinstance(source, TensorRows) else None


def _chunks(start: int, stop: int, whole: Tensor | None) -> list[tuple[int, int]]:
    """Rows [start, stop) in parts that stay in the cache from an operator's first call to its last."""
    count = 1
    if whole is not None and whole.device.type == "cpu":
        count = max(1, round((stop - start) * whole[0].numel() / CHUNK_ELEMENTS))
    edges = [start + (stop - start) * at // count for at in range(count + 1)]
    return [(first, last) for first, last in pairwise(edges) if first < last]


def _joined(parts: Sequence[tuple[int, Rows]], whole: Tensor | None) -> Rows:
    """The parts as one; where all of them were written into `whole`, that is all there is to do. With their starts."""
    if len(parts) == 1:
        return parts[0][1]
    tensors = [(start, part) for start, part in parts if isinstance(part, TensorRows)]
    written = whole is not None and all(
        part.data.data_ptr() == whole[start].data_ptr() and part.data.shape[1:] == whole.shape[1:]
        for start, part in tensors
    )
    if whole is None or not written:
        return parts[0][1].join([part for _, part in parts])
    lengths = [part.lengths for _, part in tensors if part.lengths is not None]
    return tensors[0][1].with_data(whole, torch.cat(lengths) if lengths else None)


def slices_for(batch: int, seconds: float) -> int:
    """How many slices a batch is cut into. seconds: of one input's forward pass."""
    return int(np.clip(SLICES_SHARE * batch * seconds / SLICE_SECONDS, LEAST_SLICES, SLICES))


def slices_for_turns(batch: int, mutators: int) -> int:
    """Slices that give every mutator its turn within TURN inputs, beside the one for the best; at most SLICES."""
    return int(np.clip(1 + -(-mutators * batch // TURN), 1, SLICES))


def weights(
    mutators: Sequence[Mutator],
    *,
    elements: int,
    seconds: float,
    element_ns: float = ELEMENT_NS,
    share: float = SHARE,
    floor: float = FLOOR,
) -> Weights:
    """Shares of the rows, (mutators,), as even as the time allows.

    elements: of one input. seconds: its forward pass. The weight is proportional to (1 + lambda * cost) ** -2, where
    lambda >= 0 is the least that keeps the expected mutation within `share` of the forward pass; before a cheap model
    that may be out of reach, and the cheapest then get the most. Nobody falls below `floor`; operators that
    work a row at a time fall lower where their floor alone would take 1 % of the forward pass.
    """
    costs = np.asarray([part.cost for part in mutators], np.float64)
    each = costs * element_ns * elements * 1e-9
    least = np.full(len(costs), min(floor, 1 / len(costs)))
    dear = costs >= PER_ROW_COST
    least[dear] = np.clip(PER_ROW_SHARE * seconds / each[dear], min(LEAST, floor), least[dear])

    def spread(strength: float) -> Weights:
        even = (1 + strength * costs) ** -2.0
        return _floored(even / even.sum(), least)

    if spread(0.0) @ each <= share * seconds:
        return spread(0.0)
    low, high = STRENGTHS
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if spread(middle) @ each <= share * seconds else (middle, high)
    return spread(high)


def _floored(weights: Weights, least: Weights) -> Weights:
    """Weights summing to 1, none below its floor: what the others give up is taken in proportion."""
    held = np.zeros(len(weights), np.bool_)
    seen = weights
    for _ in range(len(weights)):
        below = ~held & (seen < least)
        if not below.any():
            break
        held |= below
        free = 1 - least[held].sum()
        seen = np.where(held, least, weights * free / max(weights[~held].sum(), 1e-300))
    result: Weights = seen / seen.sum()
    return result


def _apportion(credit: NDArray[np.float64], batch: int) -> NDArray[np.int64]:
    """Whole rows in proportion to the credits, at least one each, summing to the batch: largest remainders."""
    spare = batch - len(credit)
    wanted = np.maximum(credit - 1, 1e-9)
    exact = wanted / wanted.sum() * spare
    sizes: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort(sizes - exact, kind="stable")
    sizes[order[: spare - int(sizes.sum())]] += 1
    return sizes + 1
