"""Black box: from an input to one beyond the boundary, by what the target answers alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.boundary import Bound, Gap, Walked, column, put, start

BLENDS = 12
"""Other inputs that a row is drawn towards, the nearest first, before chance is asked."""

AREA = 0.1
"""Share of the values that the first patches of chance cover; it shrinks as evaluations are spent."""


def nearest(
    rows: TensorRows, classes: Indices, others: TensorRows, their_classes: Indices, *, most: int = BLENDS
) -> Indices:
    """For `blend`: the `most` nearest others of another class, the nearest first, (B, K); -1 where there are fewer."""
    apart = torch.cdist(rows.data.flatten(1), others.data.flatten(1)).cpu().numpy()
    apart[classes[:, None] == their_classes[None]] = np.inf
    order = np.argsort(apart, axis=1, kind="stable")[:, :most]
    return np.where(np.isfinite(np.take_along_axis(apart, order, axis=1)), order, -1)


def blend(gap: Gap, rows: TensorRows, bound: Bound, others: TensorRows, near: Indices, *, most: int = BLENDS) -> Walked:
    """Draw each row as far towards other inputs as its limits allow, until one lies beyond the boundary.

    others: inputs, for instance the seeds of other classes. near: (B, K) which of them each row tries, in that order;
    -1 for none. most: evaluations a row, and never more than K.
    """
    walked = start(rows)
    outside, found = rows, rows
    gaps, hits, crossed, spent = walked.gaps.copy(), walked.hits.copy(), walked.crossed.copy(), walked.spent.copy()
    for turn in range(min(most, near.shape[1])):
        active = np.flatnonzero(~crossed & (near[:, turn] >= 0))
        if not len(active):
            break
        tried = bound(replace(rows.take(active), data=others.take(near[active, turn]).data), active)
        outside, found, gaps, hits = _learnt(gap, tried, active, outside, found, gaps, hits)
        spent[active] += 1
        crossed = gaps > 0
    return Walked(rows, outside, gaps, crossed, found, hits, spent)


def patches(gap: Gap, walked: Walked, bound: Bound, *, span: float, rng: np.random.Generator, most: int) -> Walked:
    """Go on from the best that was seen by patches of chance, each kept where it brings the boundary nearer.

    A patch is a run of neighbouring values (of a picture a rectangle) that all go to one end of what the limits
    allow. span: as in `ascend`. most: evaluations a row, those it has spent already included.
    Source: Square Attack (Andriushchenko et al., ECCV 2020), with its shrinking patches; here on grids of any shape.
    """
    outside, found = walked.outside, walked.found
    gaps, hits, spent = walked.gaps.copy(), walked.hits.copy(), walked.spent.copy()
    first = int(spent.min(initial=0))
    while True:
        active = np.flatnonzero(~(gaps > 0) & (spent < most))
        if not len(active):
            break
        share = AREA * 0.5 ** (np.arange(6) * 1.0)
        stage = min(5, int(6 * (int(spent[active].min()) - first) / max(most - first, 1)))
        tried = bound(_patched(outside.take(active), float(share[stage]), span, rng), active)
        outside, found, gaps, hits = _learnt(gap, tried, active, outside, found, gaps, hits)
        spent[active] += 1
    return Walked(walked.inside, outside, gaps, gaps > 0, found, hits, spent)


def _learnt(
    gap: Gap, tried: TensorRows, active: Indices, outside: TensorRows, found: TensorRows,
    gaps: NDArray[np.float32], hits: NDArray[np.float32],
) -> tuple[TensorRows, TensorRows, NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Ask, and keep what is better than before."""
    seen = gap(tried, active)
    outside, gaps = _kept(tried, active, column(seen.gap), outside, gaps)
    found, hits = _kept(tried, active, column(seen.hit), found, hits)
    return outside, found, gaps, hits


def _kept(
    tried: TensorRows, active: Indices, values: NDArray[np.float32], rows: TensorRows, best: NDArray[np.float32]
) -> tuple[TensorRows, NDArray[np.float32]]:
    better = values > best[active]
    best = best.copy()
    best[active[better]] = values[better]
    return put(rows, active[better], tried.take(np.flatnonzero(better))), best


def _patched(rows: TensorRows, share: float, span: float, rng: np.random.Generator) -> TensorRows:
    """One patch of each row, moved by twice the span, up or down: the limits then cut it to their edge."""
    data = rows.data if rows.data.dim() > 2 else rows.data[:, None]
    shape = data.shape[2:]
    mask = torch.zeros((len(rows), 1, *shape))
    sides = [max(1, round(size * share ** (1 / len(shape)))) for size in shape]
    for row in range(len(rows)):
        corner = [int(rng.integers(0, size - side + 1)) for size, side in zip(shape, sides, strict=True)]
        patch = mask[row, 0]
        for axis, (at, side) in enumerate(zip(corner, sides, strict=True)):
            patch = patch.narrow(axis, at, side)
        patch.fill_(1.0)
    signs = torch.from_numpy(rng.choice((-1.0, 1.0), tuple(data.shape[:2]))).float()
    change = (mask * signs.reshape(*signs.shape, *[1] * len(shape))).to(rows.data.device)
    return replace(rows, data=(data + 2 * span * change).reshape(rows.data.shape))
