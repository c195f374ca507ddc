"""Two samples of a figure: how sure is the difference, how large is it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Of one figure over the repeats."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Infinity stands for "not within the budget": interpolated neither with nor between."""
        low, median, high = (float(np.quantile(values, share, method="inverted_cdf")) for share in (0.25, 0.5, 0.75))
        return cls(low, median, high)


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Two-sided Mann-Whitney U: exact for small samples without ties, else the normal approximation.

    1.0 where all values are the same. Source: Mann and Whitney, Annals of Mathematical Statistics 18, 1947.
    """
    joined = np.concatenate([ours, theirs])
    if len(np.unique(joined)) < 2:
        return 1.0
    ranks = np.unique(joined, return_inverse=True)[1].astype(float)  # by rank: infinities compare as largest
    return float(mannwhitneyu(ranks[: len(ours)], ranks[len(ours) :], alternative="two-sided").pvalue)


def a12(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Chance that a value of ours is larger than one of theirs, ties counted half; 0.5: no difference.

    Source: Vargha and Delaney, Journal of Educational and Behavioral Statistics 25, 2000.
    """
    one, other = np.asarray(ours)[:, None], np.asarray(theirs)[None]
    return float(((one > other) + 0.5 * (one == other)).mean())
