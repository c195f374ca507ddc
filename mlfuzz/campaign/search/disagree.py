"""Where two forms of one model disagree: walk to the boundary of the first, close in, then dither across it."""

from __future__ import annotations

import numpy as np

from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.bisect import bisect, narrow
from mlfuzz.campaign.search.cross import BLENDS, blend, patches
from mlfuzz.campaign.search.dither import BATCH, dither
from mlfuzz.campaign.search.gaps import Bound, Gap, Slope, Walked, start
from mlfuzz.campaign.search.gradient import ascend

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
    if slope is not None:
        walked = ascend(slope, rows, bound, span=span, most=max(2, int(WALK_SHARE * most)))
        walked = _unjudged(walked)
    else:
        walked = _blended(gap, rows, bound, others, near, most)
    if not walked.crossed.all():
        walked = patches(gap, walked, bound, span=span, rng=rng, most=int(WALK_SHARE * most))
    walked = bisect(gap, walked, most=most, seek=seek)
    walked = narrow(gap, walked, rng=rng, most=most, seek=seek)
    return dither(gap, walked, bound, rng=rng, most=most, seek=seek, batch=batch)


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
