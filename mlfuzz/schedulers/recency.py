"""TensorFuzz's rule: mostly what came last."""

from __future__ import annotations

import numpy as np

from mlfuzz.schedulers.base import SCHEDULERS, Rows
from mlfuzz.schedulers.uniform import Uniform

LAST = 5
"""Entries that share the choice with one uniform one."""


class Recency(Uniform):
    """One of the last 5 entries or one uniform entry, all six alike.

    Source: Odena et al., TensorFuzz, ICML 2019; the released lib/sample_functions.py, which stands for the paper's
    exponential weights.
    """

    name = "recency"

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        return recent(self._size, n, rng)


def recent(size: int, n: int, rng: np.random.Generator) -> Rows:
    """n positions below `size`: each the last, the last but one, ... (5 of them), or a uniform one."""
    last = min(LAST, size)
    slots = rng.integers(0, last + 1, n)
    anywhere = rng.integers(0, size, n)
    return np.where(slots < last, size - 1 - slots, anywhere)


SCHEDULERS.add("recency", Recency)
