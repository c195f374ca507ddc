"""Where two forms of one model disagree: walk to the boundary of the first, close in, then dither across it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.bisect import bisect, narrow
from mlfuzz.campaign.search.black_box import BLENDS, blend, patches
from mlfuzz.campaign.search.boundary import Bound, Gap, Slope, Walked, put, start
from mlfuzz.campaign.search.dither import BATCH, dither
from mlfuzz.campaign.search.gradient import ascend

TRY = 384
"""Evaluations at one place of the boundary: where it does not show there, it is looked for elsewhere."""

LEAST_TRY = 64
"""Evaluations that another try is worth."""

T = TypeVar("T")

WALK_SHARE = 0.5
"""Of the evaluations, what finding a way across may take at most."""


def disagree(
    gap: Gap, rows: TensorRows, bound: Bound, *, span: float, rng: np.random.Generator, most: int,
    slope: Slope | None = None, others: TensorRows | None = None, near: Indices | None = None, seek: bool = True,
    batch: int = BATCH,
) -> Walked:  # fmt: skip
    """Search from each row for one that `gap` calls a hit, next to the boundary that its gap speaks of.

    slope: where the gap can be differentiated; without it the boundary is crossed by blending with `others` (see
    `cross.blend`) and by chance. span: the limits' L-infinity, of full scale. most: evaluations a row. seek: stop at a
    row's first hit; else spend what is left on a more severe one. batch: rows of a forward pass of the dither.
    """
    walked = _once(gap, rows, bound, span, rng, min(most, TRY) if seek else most, slope, others, near, seek, batch)
    turn = 0
    while seek:
        turn += 1
        left = np.flatnonzero(~walked.hit & (walked.spent + LEAST_TRY <= most))
        if not len(left):
            break
        rest = None if near is None else near[left][:, turn % near.shape[1] :]
        again = _once(
            _of(gap, left), rows.take(left), _of(bound, left), span, rng,
            min(TRY, int((most - walked.spent[left]).min())), None, others, rest, seek, batch,
        )  # fmt: skip
        walked = _joined(walked, left, again)
    return walked


def _once(
    gap: Gap, rows: TensorRows, bound: Bound, span: float, rng: np.random.Generator, most: int, slope: Slope | None,
    others: TensorRows | None, near: Indices | None, seek: bool, batch: int,
) -> Walked:  # fmt: skip
    """One way across, and the boundary there."""
    if slope is not None:
        walked = _unjudged(ascend(slope, rows, bound, span=span, most=max(2, int(WALK_SHARE * most))))
    else:
        walked = _blended(gap, rows, bound, others, near, most)
    if not walked.crossed.all():
        walked = patches(gap, walked, bound, span=span, rng=rng, most=int(WALK_SHARE * most))
    walked = bisect(gap, walked, most=most, seek=seek)
    walked = narrow(gap, walked, rng=rng, most=most, seek=seek)
    return dither(gap, walked, bound, rng=rng, most=most, seek=seek, batch=batch)


def _of(function: Callable[[TensorRows, Indices], T], left: Indices) -> Callable[[TensorRows, Indices], T]:
    """A gap or a bound for some of the rows."""
    return lambda rows, which: function(rows, left[which])


def _joined(walked: Walked, left: Indices, again: Walked) -> Walked:
    """What another try of some rows adds: its evaluations, and what it found where that is better."""
    better = np.flatnonzero(again.hits > walked.hits[left])
    crossed, hits, spent = walked.crossed.copy(), walked.hits.copy(), walked.spent.copy()
    crossed[left] |= again.crossed
    hits[left[better]] = again.hits[better]
    spent[left] += again.spent
    found = put(walked.found, left[better], again.found.take(better))
    return Walked(walked.inside, walked.outside, walked.gaps, crossed, found, hits, spent)


def toward(
    gap: Gap, rows: TensorRows, bound: Bound, *, span: float, rng: np.random.Generator, most: int,
    slope: Slope | None = None, others: TensorRows | None = None, near: Indices | None = None, batch: int = BATCH,
) -> Walked:  # fmt: skip
    """Search from each row for one that `gap` calls a hit, where hit and gap are one. Arguments as in `disagree`."""
    if slope is None:
        walked = _blended(gap, rows, bound, others, near, most)
        return patches(gap, walked, bound, span=span, rng=rng, most=most)
    walked = ascend(slope, rows, bound, span=span, most=max(2, int(WALK_SHARE * most)))
    if walked.crossed.all():
        return walked
    return patches(gap, walked, bound, span=span, rng=rng, most=most)


def _blended(
    gap: Gap, rows: TensorRows, bound: Bound, others: TensorRows | None, near: Indices | None, most: int
) -> Walked:
    if others is None or near is None:
        return start(rows)
    return blend(gap, rows, bound, others, near, most=min(BLENDS, most))


def _unjudged(walked: Walked) -> Walked:
    """The slope speaks of the boundary alone: no row has been looked at for a hit yet."""
    hits = np.full_like(walked.hits, -np.inf)
    return Walked(walked.inside, walked.outside, walked.gaps, walked.crossed, walked.found, hits, walked.spent)
