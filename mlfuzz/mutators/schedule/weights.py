"""Shares of the rows that operators get, and slices of a batch, by what both cost beside the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.limits.limits import EDGE

SLICES = 8
"""Of a batch. Each costs 0.1 ms whatever it holds; fewer would make batches of one operator's failures."""

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

EDGE_SHARE = 0.01
"""Of the rows, at most, for an operator that leaves nothing of an input: one in a hundred shows all there is."""

PER_ROW_COST = 64
"""From this cost on an operator works a row at a time by its nature (codecs, text)."""

PER_ROW_SHARE = 0.01
"""Such an operator's floor may take this share of the forward pass, no more."""

LEAST = 0.0002
"""Of the rows, for an operator that works a row at a time before the cheapest of models: one in 5,000."""

STRENGTHS = (1e-6, 1e6)
"""Of lambda: at the first weights are even, at the last proportional to 1 / cost."""

Weights = NDArray[np.float64]


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
        return _rare(spread(0.0), mutators)
    low, high = STRENGTHS
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if spread(middle) @ each <= share * seconds else (middle, high)
    return _rare(spread(high), mutators)


def _rare(seen: Weights, mutators: Sequence[Mutator]) -> Weights:
    """Weights summing to 1 in which an edge case has its small share, where there is anything else."""
    edge = np.asarray([part.kind == EDGE for part in mutators])
    if edge.all() or not edge.any():
        return seen
    few = np.where(edge, np.minimum(seen, EDGE_SHARE), seen)
    rest: Weights = np.where(edge, few, few * (1 - few[edge].sum()) / few[~edge].sum())
    return rest


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
