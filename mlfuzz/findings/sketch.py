"""Which way a failure moved the model, as its record keeps it: what findings are compared by without the model.

No NumPy: lists of findings are made in processes that stay small.
"""

from __future__ import annotations

import base64
import binascii
import math
from array import array
from collections.abc import Sequence
from typing import TypeAlias

DIMENSIONS = 64
"""At most so many, 8 bits each; `campaign.shift` writes them."""

Direction: TypeAlias = tuple[float, ...]
"""Of length 1."""


def direction(text: object) -> Direction | None:
    """What `campaign.shift.sketch` wrote; None for anything else: records are read from strangers too."""
    if not isinstance(text, str):
        return None
    try:
        levels = array("b", base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    return unit(levels) if len(levels) <= DIMENSIONS else None


def unit(values: Sequence[float]) -> Direction | None:
    """The values at length 1; None of zeros."""
    length = math.sqrt(math.fsum(value * value for value in values))
    return tuple(value / length for value in values) if length > 0 else None


def distance(one: Direction | None, other: Direction | None) -> float:
    """1 - cosine; 2 where either has no direction, or another number of dimensions: those stay apart."""
    if one is None or other is None or len(one) != len(other):
        return 2.0
    # Rounded, so that another machine's last bit does not choose the pair.
    return round(1.0 - math.fsum(a * b for a, b in zip(one, other, strict=True)), 6)
