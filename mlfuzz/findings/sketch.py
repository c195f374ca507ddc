"""Which way a failure moved the model, in 64 bytes of its record: what findings are compared by without the model."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 64
LEVELS = 127

Direction = NDArray[np.float32]
"""(at most DIMENSIONS,) of length 1."""


def sketch(shift: NDArray[np.floating]) -> str:
    """A change of activations (units,) as text: its direction, 8 bits a dimension; "" where there is none.

    More units than DIMENSIONS are added up with signs in a fixed pattern, which keeps angles to about 1/8.
    Source: Charikar, Chen and Farach-Colton, Finding frequent items in data streams, 2002, section 3 (count sketch).
    """
    folded = _folded(np.asarray(shift, np.float64).ravel())
    length = float(np.linalg.norm(folded))
    if not np.isfinite(length) or length == 0.0:
        return ""
    levels = np.rint(folded / np.abs(folded).max() * LEVELS).astype(np.int8)
    return base64.b64encode(levels.tobytes()).decode()


def direction(text: object) -> Direction | None:
    """What `sketch` wrote; None for anything else: records are read from strangers too."""
    if not isinstance(text, str):
        return None
    try:
        levels = np.frombuffer(base64.b64decode(text, validate=True), np.int8).astype(np.float32)
    except (binascii.Error, ValueError):
        return None
    length = float(np.linalg.norm(levels))
    return levels / np.float32(length) if length and len(levels) <= DIMENSIONS else None


def _folded(shift: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(shift) <= DIMENSIONS:
        return shift
    mixed = _mixed(np.arange(len(shift), dtype=np.uint64))
    signs = np.where(mixed & np.uint64(1 << 40), 1.0, -1.0)
    folded = np.zeros(DIMENSIONS)
    np.add.at(folded, (mixed % np.uint64(DIMENSIONS)).astype(np.int64), shift * signs)
    return folded


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same pseudo-random numbers wherever it runs (splitmix64: Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
