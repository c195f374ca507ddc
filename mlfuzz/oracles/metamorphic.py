"""What must not change when the input changes in a way that keeps its meaning: the label, or the number."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict, margin_floor

TOP = 5
"""Scores shown of a row, the highest first."""

DEEPTEST_LAMBDA = 5.0
"""Times the model's own mean squared error that a change may cost. Source: DeepTest, ICSE 2018, section 4.3."""

SPREAD_TOLERATED = 0.5
"""Of the outputs' standard deviation, where neither a bound nor the model's own error is known."""


class Label:
    """Fails where another class scores above the seed's label after label-preserving operators.

    Expected is the seed's label, or the model's own answer to the seed where it has none (`bind` gives the labels).
    Unjudged: rows that an operator may have given another label, and scores with NaN or infinity among those that
    count, which are for "nonfinite"; minus infinity is a masked class.
    margin: best other score - expected score, in scores as the model gives them (logits or probabilities).
    key: expected * classes + the best other class.
    Raises ConfigError (at the first check) where the target gives no scores, or fewer than there are labels.
    """

    name = "label"
    unit = "score"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(self) -> None:
        self._labels: Indices = np.full(0, -1, np.int64)

    def bind(self, labels: Tensor) -> None:
        """labels: (seeds,) int64, the class number of each seed, -1 where it has no label."""
        self._labels = labels.detach().cpu().numpy().astype(np.int64)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        scores = _scores(seen)
        expected = self._expected(_scores(reference), batch)
        own = scores.gather(1, expected[:, None])[:, 0]
        others, got = scores.scatter(1, expected[:, None], -math.inf).max(dim=1)
        margin = others.float() - own.float()  # NaN or infinite where a score that counts is
        margin = torch.where(_invariant(batch, margin) & (margin.abs() < math.inf), margin, math.nan)
        return Verdict(margin, expected * scores.shape[1] + got)

    def noise(self, floor: Floor) -> float:
        return margin_floor(floor)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        """Classes by number; who knows the target's labels puts names for them."""
        before, after = _scores(reference), _scores(seen)
        labelled = int(_bound(self._labels, batch)[row]) >= 0
        return {
            "expected": int(self._expected(before, batch)[row]),
            "expected_from": "label" if labelled else "model",
            "observed": int(after[row].argmax()),
            "before": _top(before[row]),
            "after": _top(after[row]),
        }

    def describe(self) -> dict[str, Any]:
        return {}

    def _expected(self, reference: Tensor, batch: Batch) -> Tensor:
        known = _bound(self._labels, batch)
        if known.max(initial=-1) >= reference.shape[1]:
            raise ConfigError(
                f"oracle label: a seed has label {known.max()}, the target gives {reference.shape[1]} scores"
            )
        labels = torch.from_numpy(known).to(reference.device, non_blocking=True)
        if known.min(initial=0) >= 0:
            return labels
        return torch.where(labels >= 0, labels, reference.argmax(dim=1))


class Tolerance:
    """Regression: fails where the output is further from the expected one than is tolerated.

    Tolerated is `bound`, or the root of `factor` x `mse`: (theta' - theta)^2 <= lambda * MSE_orig, with MSE_orig the
    model's mean squared error on unmutated labelled inputs. Outputs of several values count by the mean of squares.
    Expected is the seed's value where `bind` gave one, else the model's own answer to the seed.
    margin: deviation / tolerated - 1. key: 0 where the output is too low, 1 where it is too high (by the mean).
    Raises ConfigError for both or neither of bound and mse (the latter at the first check, since `bind` may give mse
    and `calibrate` a bound).
    Source: Tian et al., DeepTest, ICSE 2018, section 4.3 (lambda 5).
    """

    name = "tolerance"
    unit = "of the tolerated deviation too far"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(
        self, *, factor: float = DEEPTEST_LAMBDA, mse: float | None = None, bound: float | None = None
    ) -> None:
        if bound is not None and mse is not None:
            raise ConfigError("oracle tolerance: give bound, or mse, not both")
        for name, value in (("factor", factor), ("mse", mse), ("bound", bound)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"oracle tolerance: {name} must be above 0, not {value}")
        self._factor, self._mse, self._bound = factor, mse, bound
        self._values: NDArray[np.float32] = np.empty((0, 1), np.float32)

    @property
    def tolerated(self) -> float:
        """The largest deviation that is no failure, in units of the output."""
        if self._bound is not None:
            return self._bound
        if self._mse is None:
            raise ConfigError("oracle tolerance: needs bound, or mse (the model's error on unmutated labelled inputs)")
        return math.sqrt(self._factor * self._mse)

    def bind(self, labels: Tensor, *, mse: float | None = None) -> None:
        """labels: (seeds,) or (seeds, values) float, NaN where a seed has none; class numbers (integers) are ignored.

        mse: kept in place of what was given before, if it is above 0.
        """
        if labels.is_floating_point():
            self._values = labels.detach().cpu().float().reshape(len(labels), -1).numpy()
        if mse is not None and mse > 0 and self._bound is None:
            self._mse = float(mse)

    def calibrate(self, floor: Floor) -> None:
        """Where nothing else says what is tolerated: half the outputs' standard deviation over the seeds."""
        if self._bound is None and self._mse is None and floor.spread > 0:
            self._bound = SPREAD_TOLERATED * floor.spread

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        values, before = _values(seen), _values(reference)
        change = values - self._expected(before, batch)
        deviation = change.square().mean(dim=1).sqrt()
        margin = deviation.float() / self.tolerated - 1.0  # NaN or infinite where a value is
        margin = torch.where(_invariant(batch, margin) & (margin < math.inf), margin, math.nan)
        return Verdict(margin, (change.mean(dim=1) > 0).long())

    def noise(self, floor: Floor) -> float:
        return margin_floor(floor) / self.tolerated

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        before, after = _values(reference), _values(seen)
        expected = self._expected(before, batch)[row]
        labelled = bool(np.isfinite(self._own_values(batch, before.shape[1])[row]).all())
        return {
            "expected": _plain(expected),
            "expected_from": "label" if labelled else "model",
            "observed": _plain(after[row]),
            "deviation": float((after[row] - expected).square().mean().sqrt()),
            "tolerated": self.tolerated,
        }

    def describe(self) -> dict[str, Any]:
        return {"bound": self._bound} if self._bound is not None else {"factor": self._factor, "mse": self._mse}

    def _expected(self, reference: Tensor, batch: Batch) -> Tensor:
        if not len(self._values):
            return reference
        own = torch.from_numpy(self._own_values(batch, reference.shape[1])).to(reference.device, non_blocking=True)
        return torch.where(torch.isfinite(own), own, reference)

    def _own_values(self, batch: Batch, width: int) -> NDArray[np.float32]:
        """(B, width), NaN where the seed has no value."""
        own = np.full((len(batch.seeds), width), np.nan, np.float32)
        known = batch.seeds < len(self._values)
        if self._values.shape[1] == width:
            own[known] = self._values[batch.seeds[known]]
        return own


def _scores(seen: Observation) -> Tensor:
    """(B, classes). Raises ConfigError where the main output holds no scores."""
    scores = seen.outputs["main"]
    if not isinstance(scores, Tensor) or scores.dim() != 2 or scores.shape[1] < 2:
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ConfigError(
            f"oracle label: needs one score a class, (B, classes >= 2); the target gives {shape}. "
            "Give scores of both classes for a yes/no model, or choose another oracle (tolerance, text_equal, cosine)"
        )
    return scores


def _values(seen: Observation) -> Tensor:
    """(B, values). Raises TypeError where the main output is text or ragged."""
    return seen.main.reshape(len(seen.main), -1)


def _invariant(batch: Batch, like: Tensor) -> Tensor:
    """Rows that keep their label (B,), on the device of `like`."""
    return torch.from_numpy(batch.invariant).to(like.device, non_blocking=True)


def _bound(labels: Indices, batch: Batch) -> Indices:
    """The label of each row's seed, -1 where there is none."""
    if batch.seeds.max(initial=-1) < len(labels):
        return labels[batch.seeds]
    known = batch.seeds < len(labels)
    bound = np.full(len(batch.seeds), -1, np.int64)
    bound[known] = labels[batch.seeds[known]]
    return bound


def _top(scores: Tensor) -> list[list[float]]:
    """[class, score] of the highest, the highest first."""
    best = torch.topk(scores, min(TOP, len(scores)))
    return [[int(at), float(score)] for at, score in zip(best.indices, best.values, strict=True)]


def _plain(values: Tensor) -> float | list[float]:
    """One number as a number, several as a list: as many digits as a float32 has."""
    numbers = [float(f"{float(value):.7g}") for value in values[:32]]
    return numbers[0] if len(numbers) == 1 else numbers


ORACLES.add("label", Label)
ORACLES.add("tolerance", Tolerance)
