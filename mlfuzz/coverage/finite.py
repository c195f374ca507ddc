"""Rows that are numbers through and through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.coverage.base import Features


def finite_rows(features: Features) -> NDArray[np.bool_]:
    """(B,): whether every feature of a row (B, P) is finite. One sum where all are, which is nearly always."""
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(features.sum()):
            return np.ones(len(features), np.bool_)
    return np.asarray(np.isfinite(features).all(1))
