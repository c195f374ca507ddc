"""Several labels at once: which of them is lost or gained."""

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

SHOWN = 8
"""Labels of a set that an explanation names."""


class LabelSet(SeedLabels):
    """Multi-label: fails where a label is lost or gained after label-preserving operators.

    Each column of (B, labels) says yes above `threshold` (0.5 of probabilities, 0 of logits). Expected is what the
    target said of the seed; a seed that has a label of its own must have that one too (`bind`).
    Unjudged: rows that an operator may have given other labels, and rows with NaN or infinity, which are for
    "nonfinite".
    margin: by how much the label that changes most clearly is beyond the threshold, in scores as the model gives them.
    key: 2 x the label's number, and 1 more where it is gained.
    Raises ConfigError (at the first check) where the target gives no scores.
    """

    name = "label_set"
    unit = "score of the label that changes"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(self, *, threshold: float = 0.0) -> None:
        if not math.isfinite(threshold):
            raise ConfigError(f"oracle label_set: threshold must be a number, not {threshold}")
        super().__init__()
        self.threshold = threshold

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        scores, yes = _scores(seen), self._expected(_scores(reference), batch)
        changes = torch.where(yes, self.threshold - scores, scores - self.threshold).float()
        margin, label = changes.max(dim=1)
        gained = ~yes.gather(1, label[:, None])[:, 0]
        good = invariant_rows(batch, margin) & torch.isfinite(scores).all(dim=1)
        return Verdict(torch.where(good, margin, math.nan), 2 * label + gained)

    def noise(self, floor: Floor) -> float:
        return margin_floor(floor)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        """The label that changes most clearly, and both sets by name."""
        verdict = self.check(seen, reference, batch)
        number, gained = divmod(int(verdict.keys[row]), 2)
        label, before = self._called(number), self._expected(_scores(reference), batch)[row]
        without = f"no {label}"
        known = int(self._known(batch)[row]) == number
        return {
            "expected": without if gained else label,
            "expected_from": "label" if known else "model",
            "observed": label if gained else without,
            "labels_before": self._set(before),
            "labels_after": self._set(_scores(seen)[row] > self.threshold),
            "score_before": float(_scores(reference)[row, number]),
            "score_after": float(_scores(seen)[row, number]),
        }

    def describe(self) -> dict[str, Any]:
        return {"threshold": self.threshold}

    def _expected(self, reference: Tensor, batch: Batch) -> Tensor:
        """(B, labels) what each row should say yes to."""
        yes = reference > self.threshold
        known = torch.from_numpy(self._known(batch)).to(yes.device, non_blocking=True)
        columns = torch.arange(yes.shape[1], device=yes.device)
        return yes | (columns[None] == known[:, None])

    def _called(self, number: int) -> str:
        return self._names[number] if number < len(self._names) else f"label {number}"

    def _set(self, yes: Tensor) -> list[str]:
        return [self._called(number) for number in yes.nonzero().flatten().tolist()[:SHOWN]]


def _scores(seen: Observation) -> Tensor:
    scores = seen.outputs["main"]
    if not isinstance(scores, Tensor) or scores.dim() != 2:
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ConfigError(f"oracle label_set: needs one score a label, (B, labels); the target gives {shape}")
    return scores


ORACLES.add("label_set", LabelSet)
