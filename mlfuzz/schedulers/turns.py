"""Whose turn it is: every seed has its share of the picks, whatever the batch; broken ones a smaller share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import Rows


class Turns:
    """Deals picks to seeds in proportion to their weights; what a seed is owed is carried on to the next batch."""

    def __init__(self) -> None:
        self.owed: NDArray[np.float64] = np.zeros(0)

    def deal(self, weights: NDArray[np.float64], n: int) -> Rows:
        """Positions (n,) in `weights`, ascending. Each gets its share of n rounded down or up, and never waits longer
        than its weight says: of equal weights none is picked twice before all were picked once."""
        if len(self.owed) < len(weights):
            self.owed = np.concatenate([self.owed, np.zeros(len(weights) - len(self.owed))])
        self.owed += weights * (n / weights.sum())
        whole = np.maximum(np.floor(self.owed), 0.0)
        rest = n - int(whole.sum())
        order = np.argsort(whole - self.owed, kind="stable")  # largest remainders first
        if rest > 0:
            whole[order[:rest]] += 1.0
        elif rest < 0:
            whole[order[::-1][whole[order[::-1]] > 0][:-rest]] -= 1.0
        self.owed -= whole
        return np.repeat(np.arange(len(weights)), whole.astype(np.int64))
