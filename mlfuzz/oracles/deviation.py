"""How a number that is off is said: in its unit, with the digits that matter, and which way it went."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

FINER = 50.0
"""Digits are shown down to this part of what is tolerated: finer ones say nothing."""

FEW = 4
"""Values of an answer that are all shown; of more, the one that is off most."""


def said_of(expected: Tensor, observed: Tensor, *, tolerated: float, unit: str = "") -> dict[str, Any]:
    """{"expected", "observed", "change"} of two answers (values,). change: the kind of it, which holds no numbers."""
    change = observed - expected
    count = len(change)
    if count <= FEW:
        return {
            "expected": _shown(expected, tolerated, unit),
            "observed": _shown(observed, tolerated, unit),
            "change": _direction(float(change.mean())) if count == 1 else "moved",
        }
    at = int(change.abs().nan_to_num(0.0).argmax())
    before, after = (_shown(values[at : at + 1], tolerated, unit) for values in (expected, observed))
    return {
        "expected": f"{count} values as on the seed",
        "observed": f"value {at} of {count}: {before} -> {after}",
        "change": "moved",
    }


def digits(tolerated: float) -> int:
    """How many decimals are worth showing where so much is tolerated."""
    if not (math.isfinite(tolerated) and tolerated > 0):
        return 6
    return max(0, min(9, math.ceil(-math.log10(tolerated / FINER))))


def _direction(change: float) -> str:
    if not math.isfinite(change):
        return "not a number"
    return "too high" if change > 0 else "too low"


def _shown(values: Tensor, tolerated: float, unit: str) -> Any:
    """A number, a list of a few, or a sentence where there is a unit."""
    numbers = [round(float(value), digits(tolerated)) for value in values]
    if unit:
        return f"{', '.join(f'{number:g}' for number in numbers)} {unit}"
    return numbers[0] if len(numbers) == 1 else numbers
