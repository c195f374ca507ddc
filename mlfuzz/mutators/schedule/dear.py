"""What dear operators may take of the time: the one rule for real codecs and all of their cost, and for searches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.bandit import Shares

DEAR_SHARE = 0.15
"""Of a campaign's time, what dear operators and searches may take together, unless they find in proportion. A quarter
would be felt; less than a tenth would leave codecs, which nobody can stand in for, in front of cheap models only."""

SAVED = 16.0
"""Batches whose share may be saved up: lots give a dear operator most of one batch, and nothing of many."""


def in_proportion(values: Shares, rows: Shares, costs: Shares, dear: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(ways,) which of the dear ones find at least as much a second as all others together.

    values: what a row of each is worth. rows: of each, that this was learnt from. costs: of a step, in forward passes;
    a row costs one more. None is while nothing is known of the others, or while these find nothing: no luck of few
    rows counts, as `values` lean towards the mean.
    """
    others = ~dear
    spent = float(rows[others] @ (1.0 + costs[others]))
    usual = float(rows[others] @ values[others]) / spent if spent else np.inf
    found: NDArray[np.bool_] = dear & (values / (1.0 + costs) >= usual) & (values > 0)
    return found


def taken(shares: Shares, costs: Shares, held: NDArray[np.bool_]) -> float:
    """Of the time of rows so shared out, what the steps of those that are `held` take."""
    return float((shares * held) @ costs) / (1.0 + float(shares @ costs))


def capped(
    shares: Shares, least: Shares, costs: Shares, held: NDArray[np.bool_], *, room: float = DEAR_SHARE
) -> Shares:
    """Shares of the rows, summing to 1, by which those that are `held` take at most `room` of the time, or their least.

    shares, least, costs: (ways,); `least` is never gone below. room: of the time in [0, 1]. What the held ones give up
    goes to the others in proportion to theirs; where there are no others nothing is changed.
    """
    free = float(shares[~held].sum())
    if free <= 0 or not held.any():
        return shares
    least = np.minimum(least, shares)
    above = np.where(held, shares - least, 0.0)
    usual = float(shares[~held] @ costs[~held]) / free  # of a row that takes the place of a held one
    kept, given = float((least * held) @ costs), float(above @ costs)
    fixed = 1.0 + kept + usual * (free + above.sum())
    # kept + part * given <= room * (fixed + part * (given - usual * above.sum()))
    slope = given - room * (given - usual * above.sum())
    part = 1.0 if slope <= 0 else float(np.clip((room * fixed - kept) / slope, 0.0, 1.0))
    if part >= 1.0:
        return shares
    lower: Shares = np.where(held, least + part * above, shares * (1.0 + (1.0 - part) * above.sum() / free))
    return lower
