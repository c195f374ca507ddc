"""Grades in order: how many steps an answer is from the right one."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict, margin_floor
from mlfuzz.oracles.metamorphic import invariant_rows
from mlfuzz.oracles.seed_labels import SeedLabels

MOST_GRADES = 1 << 20
"""Of keys: two grades are packed into one number."""

LARGEST_NOISE = 0.25
"""Half of what separates two grades from one another: noise counts no more than that."""


class Grades(SeedLabels):
    """Ordinal: fails where the grade is `bound` (1) steps or more from the expected one.

    Of (B, grades) the grade is the column with the highest score; of (B,) the nearest whole number. Expected is the
    seed's label, or the model's own grade of the seed where it has none (`bind`).
    Unjudged: rows that an operator may have given another grade, and answers with NaN or infinity.
    margin: steps away - (bound - 1/2). key: expected and got.
    Raises ConfigError where bound is no whole number of 1 or more, and (at the first check) for another output.
    """

    name = "grades"
    unit = "grades"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(self, *, bound: int = 1) -> None:
        if bound < 1 or bound != int(bound):
            raise ConfigError(f"oracle grades: bound counts steps between grades, 1 or more, not {bound}")
        super().__init__()
        self._bound = int(bound)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        got, expected = _grades(seen), self._expected(reference, batch)
        margin = (got - expected).abs() - (self._bound - 0.5)
        good = invariant_rows(batch, margin) & torch.isfinite(margin)
        keys = torch.stack((expected, got)).nan_to_num(0.0, 0.0, 0.0).round().clamp(0, MOST_GRADES - 1).long()
        return Verdict(torch.where(good, margin, math.nan), keys[0] * MOST_GRADES + keys[1])

    def noise(self, floor: Floor) -> float:
        return min(margin_floor(floor), LARGEST_NOISE)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        expected, got = float(self._expected(reference, batch)[row]), float(_grades(seen)[row])
        return {
            "expected": self._called(expected),
            "expected_from": "label" if int(self._known(batch)[row]) >= 0 else "model",
            "observed": self._called(got),
            "grades_off": round(abs(got - expected), 2) if math.isfinite(got) else "not a number",
        }

    def describe(self) -> dict[str, Any]:
        return {"bound": self._bound}

    def _expected(self, reference: Observation, batch: Batch) -> Tensor:
        own = _grades(reference).round()
        known = torch.from_numpy(self._known(batch)).to(own.device, non_blocking=True)
        return torch.where(known >= 0, known.float(), own)

    def _called(self, grade: float) -> str:
        if not math.isfinite(grade):
            return "not a number"
        number = round(grade)
        return self._names[number] if 0 <= number < len(self._names) else f"grade {number}"


def _grades(seen: Observation) -> Tensor:
    """(B,) float32, NaN where an answer is no number."""
    output = seen.outputs["main"]
    if isinstance(output, Tensor) and output.dim() == 2 and output.shape[1] > 1:
        best = output.argmax(dim=1).float()
        return torch.where(torch.isfinite(output).all(dim=1), best, math.nan)
    if isinstance(output, Tensor) and output.dim() <= 2:
        return output.reshape(len(output)).float()
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ConfigError(f"oracle grades: needs a score a grade (B, grades), or the grade (B,); the target gives {shape}")


ORACLES.add("grades", Grades)
