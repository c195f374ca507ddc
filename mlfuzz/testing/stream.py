"""Rows as a campaign meets them, made up: seeds, and children of earlier rows, with layers and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mlfuzz.coverage.base import Criterion, Features
from mlfuzz.observation import Observation

SEEDS = 24
UNITS = 48
CLASSES = 6


@dataclass(frozen=True, slots=True)
class Columns:
    """A layer's units, as targets declare them."""

    name: str
    start: int
    stop: int


LAYERS = (Columns("first", 0, 32), Columns("last", 32, UNITS))
"""Of the observations that the laws make."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows as a campaign meets them. parents: row number of each row's parent, an earlier one; -1: a seed."""

    seen: Observation
    parents: NDArray[np.int64]


def stream(rows: int = 320, *, key: int = 0, black_box: bool = False) -> Stream:
    """Seeds, then children of earlier rows: most of them near their parent, some far, some its equal."""
    rng = np.random.default_rng(key)
    parents = np.full(rows, -1, np.int64)
    values = np.empty((rows, UNITS), np.float32)
    for row in range(rows):
        if row < SEEDS:
            values[row] = rng.standard_normal(UNITS)
            continue
        parents[row] = rng.integers(0, row)
        reach = rng.choice((0.0, 0.02, 0.3, 3.0), p=(0.1, 0.5, 0.3, 0.1))
        values[row] = values[parents[row]] + reach * rng.standard_normal(UNITS)
    weights = np.random.default_rng(7).standard_normal((UNITS, CLASSES)).astype(np.float32)
    activations = np.zeros((rows, 0), np.float32) if black_box else np.maximum(values, 0.0)
    return Stream(Observation({"main": torch.from_numpy(values @ weights)}, torch.from_numpy(activations)), parents)


def fitted(make: Callable[[], Criterion], rows: Stream) -> tuple[Criterion, Features]:
    """A criterion calibrated on the stream's beginning, and what it sees of all rows."""
    criterion = make()
    criterion.fit(rows.seen.take(np.arange(2 * SEEDS)))
    return criterion, features_of(criterion, rows)


def features_of(criterion: Criterion, rows: Stream) -> Features:
    """What a criterion sees of all rows, (n, dimensions)."""
    return criterion.embed(rows.seen).cpu().numpy()


def parents_of(features: Features, rows: Stream) -> Features:
    """Features of each row's parent; NaN where it has none."""
    found = features[rows.parents]
    found[rows.parents < 0] = np.nan
    return found
