"""Bisection between an input on one side of a boundary and one on the other, down to one step of the grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.campaign.search.boundary import Gap, Walked, column, put, spread, unit_of

FLOAT_ROUNDS = 40
"""Halvings after which two float32 numbers have no third between them, whatever they were."""


def bisect(gap: Gap, walked: Walked, *, most: int = 64, seek: bool = True) -> Walked:
    """Bring `inside` and `outside` of the crossed rows together until no value differs by more than one step.

    On a float32 grid until there is no row between them. The rows in between are on the grid. A row whose hit is above
    0 is what was sought: with `seek` it is done. most: evaluations a row, those it has spent already included.
    """
    inside, outside = walked.inside, walked.outside
    gaps, found, hits, spent = walked.gaps.copy(), walked.found, walked.hits.copy(), walked.spent.copy()
    active = np.flatnonzero(walked.crossed & ~(walked.hit & seek))
    unit = unit_of(inside)
    for _ in range(FLOAT_ROUNDS):
        active = active[spent[active] < most]
        if not len(active):
            break
        near, far = inside.take(active), outside.take(active)
        middle = replace(near, data=near.data + (far.data - near.data) / 2).project()
        apart = (near.data - far.data).abs().flatten(1).amax(1) > 1.5 * unit
        new = (middle.data != near.data).flatten(1).any(1) & (middle.data != far.data).flatten(1).any(1)
        left = np.flatnonzero((apart & new).cpu().numpy())
        if not len(left):
            break
        active, middle = active[left], middle.take(left)
        seen = gap(middle, active)
        spent[active] += 1
        over, hit = column(seen.gap) > 0, column(seen.hit)
        inside = put(inside, active[~over], middle.take(np.flatnonzero(~over)))
        outside = put(outside, active[over], middle.take(np.flatnonzero(over)))
        gaps[active[over]] = column(seen.gap)[over]
        better = hit > hits[active]
        found = put(found, active[better], middle.take(np.flatnonzero(better)))
        hits[active[better]] = hit[better]
        active = active[~(hit > 0)] if seek else active
    return Walked(inside, outside, gaps, walked.crossed, found, hits, spent)


def narrow(gap: Gap, walked: Walked, *, rng: np.random.Generator, most: int = 96, seek: bool = True) -> Walked:
    """Bring the crossed pairs together until they differ in one value alone: bisection over how many were changed.

    Values change sides in an order drawn by `rng`, another for each row. A pair of pictures one level apart in all of
    784 pixels takes ten rounds. most, seek: as in `bisect`.
    """
    inside, outside = walked.inside, walked.outside
    gaps, found, hits, spent = walked.gaps.copy(), walked.found, walked.hits.copy(), walked.spent.copy()
    active = np.flatnonzero(walked.crossed & ~(walked.hit & seek))
    if not len(active):
        return walked
    near, far = inside.take(active), outside.take(active)
    turn = _turns(near, far, rng)
    low = np.zeros(len(active), np.int64)
    high = turn.flatten(1).amax(1).cpu().numpy().astype(np.int64) + 1
    while True:
        left = np.flatnonzero((high - low > 1) & (spent[active] < most) & ~((hits[active] > 0) & seek))
        if not len(left):
            break
        half = (low[left] + high[left]) // 2
        middle = _between(near.take(left), far.take(left), turn[torch.from_numpy(left).to(turn.device)], half)
        seen = gap(middle, active[left])
        spent[active[left]] += 1
        over, hit = column(seen.gap) > 0, column(seen.hit)
        high[left[over]], low[left[~over]] = half[over], half[~over]
        gaps[active[left[over]]] = column(seen.gap)[over]
        better = hit > hits[active[left]]
        found = put(found, active[left[better]], middle.take(np.flatnonzero(better)))
        hits[active[left[better]]] = hit[better]
    inside = put(inside, active, _between(near, far, turn, low))
    outside = put(outside, active, _between(near, far, turn, high))
    return Walked(inside, outside, gaps, walked.crossed, found, hits, spent)


def _turns(near: TensorRows, far: TensorRows, rng: np.random.Generator) -> torch.Tensor:
    """When each differing value changes sides: 0, 1, ... in a drawn order, of the rows' shape; -1 for the others."""
    differs = (near.data != far.data).flatten(1)
    order = torch.from_numpy(rng.permuted(np.tile(np.arange(differs.shape[1]), (len(near), 1)), axis=1))
    order = order.to(differs.device)
    turn = differs.gather(1, order).cumsum(1) - 1
    placed = torch.empty_like(turn).scatter_(1, order, turn)
    return torch.where(differs, placed, -1).reshape(near.data.shape)


def _between(
    near: TensorRows, far: TensorRows, turn: torch.Tensor, count: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> TensorRows:
    """The near rows with the first `count` differing values of the far ones."""
    return replace(near, data=torch.where((turn >= 0) & (turn < spread(count, near.data)), far.data, near.data))
