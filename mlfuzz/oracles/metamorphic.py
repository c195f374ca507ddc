"""What must not change when the input changes in a way that keeps its meaning: the label, or the number."""

from __future__ import annotations

import math
import zlib
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict, margin_floor
from mlfuzz.oracles.deviation import said_of
from mlfuzz.oracles.seed_labels import SeedLabels

TOP = 5
"""Scores shown of a row, the highest first."""

DEEPTEST_LAMBDA = 5.0
"""Times the model's own mean squared error that a change may cost. Source: DeepTest, ICSE 2018, section 4.3."""

SPREAD_TOLERATED = 0.5
"""Of the outputs' standard deviation, where neither a bound nor the model's own error is known."""


class Label(SeedLabels):
    """Fails where another class scores above the seed's label after label-preserving operators.

    Expected is the seed's label, or the model's own answer to the seed where it has none (`bind` gives the labels).
    Unjudged: rows that an operator may have given another label, and scores with NaN or infinity among those that
    count, which are for "nonfinite"; minus infinity is a masked class.
    margin: best other score - expected score, in scores as the model gives them (logits or probabilities).
    key: expected * classes + the best other class.
    Of names of classes, which have no scores: margin 1 where it is another, else -1; key: of the pair of names.
    threshold: of one number with two sides, from where on it says yes: a replay reads the target's answers alike.
    Raises ConfigError (at the first check) where the target gives no scores, or fewer than there are labels.
    """

    name = "label"
    unit = "score"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(self, *, threshold: float | None = None) -> None:
        super().__init__()
        self.threshold = threshold

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        if isinstance(seen.outputs["main"], tuple):
            return self._check_names(seen, reference, batch)
        scores = _scores(seen)
        expected = self._expected(_scores(reference), batch)
        own = scores.gather(1, expected[:, None])[:, 0]
        others, got = scores.scatter(1, expected[:, None], -math.inf).max(dim=1)
        margin = others.float() - own.float()  # NaN or infinite where a score that counts is
        margin = torch.where(invariant_rows(batch, margin) & (margin.abs() < math.inf), margin, math.nan)
        return Verdict(margin, expected * scores.shape[1] + got)

    def noise(self, floor: Floor) -> float:
        return margin_floor(floor)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        """Classes by number; who knows the target's labels puts names for them."""
        if isinstance(named := seen.outputs["main"], tuple):
            known = int(self._known(batch)[row]) >= 0
            expected = self._expected_names(reference, batch)[row]
            return {"expected": expected, "expected_from": "label" if known else "model", "observed": named[row]}
        before, after = _scores(reference), _scores(seen)
        labelled = int(self._known(batch)[row]) >= 0
        return {
            "expected": int(self._expected(before, batch)[row]),
            "expected_from": "label" if labelled else "model",
            "observed": int(after[row].argmax()),
            "before": _top(before[row]),
            "after": _top(after[row]),
        }

    def describe(self) -> dict[str, Any]:
        return {} if self.threshold is None else {"threshold": self.threshold}

    def _check_names(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        device, got, expected = seen.activations.device, _names(seen), self._expected_names(reference, batch)
        margins = [1.0 if one != other else -1.0 for one, other in zip(got, expected, strict=True)]
        keys = [zlib.crc32(f"{one}\0{other}".encode("utf-8", "surrogatepass")) if one != other else 0
                for one, other in zip(expected, got, strict=True)]  # fmt: skip
        margin = torch.tensor(margins, dtype=torch.float32)
        margin[torch.from_numpy(~batch.invariant)] = math.nan
        return Verdict(margin.to(device), torch.tensor(keys, dtype=torch.int64).to(device))

    def _expected_names(self, reference: Observation, batch: Batch) -> list[str]:
        """The label of each row's seed by name; what the target called it where it has none."""
        known = self._known(batch).tolist()
        own = _names(reference)
        return [self._names[k] if 0 <= k < len(self._names) else name for k, name in zip(known, own, strict=True)]

    def _expected(self, reference: Tensor, batch: Batch) -> Tensor:
        known = self._known(batch)
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
    Expected is the seed's value where `bind` gave one, else the model's own answer to the seed. unit: what a value is
    counted in ("degrees"), for people.
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
        self, *, factor: float = DEEPTEST_LAMBDA, mse: float | None = None, bound: float | None = None, unit: str = ""
    ) -> None:
        if bound is not None and mse is not None:
            raise ConfigError("oracle tolerance: give bound, or mse, not both")
        for name, value in (("factor", factor), ("mse", mse), ("bound", bound)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"oracle tolerance: {name} must be above 0, not {value}")
        self._factor, self._mse, self._bound, self._counted_in = factor, mse, bound, unit
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
        """Where nothing else says what is tolerated: half the outputs' standard deviation over the seeds.

        Where they all have one answer, half of it.
        """
        if self._bound is None and self._mse is None:
            self._bound = SPREAD_TOLERATED * (floor.spread if floor.spread > 0 else floor.level or 1.0)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        values, before = _values(seen), _values(reference)
        change = values - self._expected(before, batch)
        deviation = change.square().mean(dim=1).sqrt()
        margin = deviation.float() / self.tolerated - 1.0  # NaN or infinite where a value is
        margin = torch.where(invariant_rows(batch, margin) & (margin < math.inf), margin, math.nan)
        return Verdict(margin, (change.mean(dim=1) > 0).long())

    def noise(self, floor: Floor) -> float:
        return margin_floor(floor) / self.tolerated

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        before, after = _values(reference), _values(seen)
        expected = self._expected(before, batch)[row]
        labelled = bool(np.isfinite(self._own_values(batch, before.shape[1])[row]).all())
        words = said_of(expected, after[row], tolerated=self.tolerated, unit=self._counted_in)
        return {
            **words,
            "expected_from": "label" if labelled else "model",
            "deviation": float((after[row] - expected).square().mean().sqrt()),
            "tolerated": self.tolerated,
        }

    def describe(self) -> dict[str, Any]:
        limit = {"bound": self._bound} if self._bound is not None else {"factor": self._factor, "mse": self._mse}
        return {**limit, **({"unit": self._counted_in} if self._counted_in else {})}

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


def _names(seen: Observation) -> tuple[str, ...]:
    names = seen.outputs["main"]
    if not isinstance(names, tuple):
        raise ConfigError("oracle label: the target answered with names before, and with numbers now")
    return names


def _scores(seen: Observation) -> Tensor:
    """(B, classes). Raises ConfigError where the main output holds no scores."""
    scores = seen.outputs["main"]
    if not isinstance(scores, Tensor) or scores.dim() != 2 or scores.shape[1] < 2:
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ConfigError(
            f"oracle label: needs one score a class, (B, classes >= 2); the target gives {shape}. "
            'Say what it is (task="binary" for a yes/no model, "regression", "embedding", ...), or name another oracle'
        )
    return scores


def _values(seen: Observation) -> Tensor:
    """(B, values). Raises TypeError where the main output is text or ragged."""
    return seen.main.reshape(len(seen.main), -1)


def invariant_rows(batch: Batch, like: Tensor) -> Tensor:
    """Rows that keep their label (B,), on the device of `like`."""
    return torch.from_numpy(batch.invariant).to(like.device, non_blocking=True)


def _top(scores: Tensor) -> list[list[float]]:
    """[class, score] of the highest, the highest first."""
    best = torch.topk(scores, min(TOP, len(scores)))
    return [[int(at), float(score)] for at, score in zip(best.indices, best.values, strict=True)]


ORACLES.add("label", Label)
ORACLES.add("tolerance", Tolerance)
