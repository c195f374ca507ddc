"""Two forms of one model that should agree: a target against one of its variants.

The input needs no meaning kept: whatever it is, both forms were given the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict, margin_floor

NEAR = frozenset({"compile", "export", "single", "padded", "threads"})
"""Variants that should give the same numbers, and are judged by those: labels hardly ever differ between them."""

APART_FACTOR = 8.0
"""Times the largest difference between the two on the seeds that is tolerated of numbers, where no bound is given."""

APART_SHARE = 1e-3
"""... and at least this share of the outputs' standard deviation."""

BY = ("label", "value", "text")


class Differ:
    """Fails where the target and a variant of it answer differently: other class, other number, other text.

    of: the variant: "bf16", "fp16", "int8", "compile", "export", "single", "padded", "threads", or "module:attribute"
      of another target, such as an older checkpoint.
    by: "label", the highest score; "value", the largest difference of two numbers; "text", letter by letter. Left out,
      what suits the output; numbers for variants that should be exact (compile, export, single, padded, threads).
    bound: for values, the difference that is let pass; else 8 x the largest one on the seeds.

    margin, by label: the smaller of the two leads, the target's of its class over the variant's and the variant's of
    its own over the target's: how far the nearer of the two is from agreeing. While they agree, minus the smaller lead
    over the runner-up. By value: largest difference / tolerated - 1. By text: 1.
    A variant without numbers (NaN, infinity: fp16 overflows at 65,504) or without an answer fails where the target has
    both: by 1 plus the target's lead. Rows whose own scores are not finite are unjudged.
    Source: differential testing as in TensorFuzz (Odena et al., ICML 2019, section 4.2) and DeepXplore (Pei et al.,
    SOSP 2017, section 4).
    """

    where: Literal["device", "host"] = "device"
    relative = False

    def __init__(self, name: str = "", *, of: str, by: str = "", bound: float | None = None) -> None:
        if by not in ("", *BY):
            raise ConfigError(f"oracle differ: by is one of {', '.join(BY)}, not {by!r}")
        if bound is not None and not (math.isfinite(bound) and bound > 0):
            raise ConfigError(f"oracle differ: bound must be above 0, not {bound}")
        if not of:
            raise ConfigError("oracle differ: of names a variant (mlfuzz list variants) or another target")
        self.name = name or f"differ:{of}"
        self.variants: tuple[str, ...] = (of,)
        self.shown = f"{of}.main"
        self._of, self._by, self._bound = of, by, bound

    @property
    def by(self) -> str:
        """What is compared."""
        return self._by or ("value" if self._of.partition(":")[0] in NEAR else "label")

    @property
    def crossable(self) -> bool:
        """Whether there is a boundary that the two forms may fall on different sides of: what searches look for."""
        return self.by == "label"

    @property
    def unit(self) -> str:
        shares = {"label": "score", "text": "text"}
        return shares.get(self.by, "share of the tolerated difference, less 1")

    def suit(self, kind: str) -> None:
        """kind: of the target's output: "classes", "numbers", "texts" or "frames"; what is to be compared follows."""
        if not self._by and kind != "classes":
            self._by = "text" if kind == "texts" else "value"

    def calibrate(self, floor: Floor) -> None:
        """Where no bound is given: what the two differ by on the seeds, eight times."""
        own = floor.of(self._of)
        if self._bound is None and self.by == "value":
            least = max(margin_floor(floor), margin_floor(own), APART_SHARE * floor.spread)
            self._bound = max(APART_FACTOR * own.apart, least) or None

    @property
    def tolerated(self) -> float:
        """The largest difference of two numbers that is no failure. Raises ConfigError where nothing says it."""
        if self._bound is None:
            raise ConfigError(f"oracle {self.name}: needs bound, the difference of two numbers that is let pass")
        return self._bound

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        ours, theirs = self._pair(seen.outputs)
        if self.by == "text" or isinstance(ours, tuple) or isinstance(theirs, tuple):
            return _texts(ours, theirs, seen.activations.device)
        if self.by == "label":
            one, other = _scores(ours, self.name), _scores(theirs, self.name)
            keys = one.argmax(1) * one.shape[1] + other.argmax(1)
            void = _without_numbers(one, other)
            keys = torch.where(void, one.shape[1] * one.shape[1] + one.argmax(1), keys)
            return Verdict(self._masked(_lead_gap(one, other), one, void), keys)
        one, other = _numbers(ours, theirs)
        void = _without_numbers(one, other)
        keys = torch.where(void, 2, (other.nan_to_num().sum(1) > one.nan_to_num().sum(1)).long())
        return Verdict(self._masked(_value_gap(one, other, self.tolerated), None, void), keys)

    def gap(self, outputs: Mapping[str, Output]) -> Tensor:
        """The margin (B,) of outputs by name ("main", "bf16.main", ...), differentiable towards both; NaN unjudged.

        Above 0 where they disagree by label or by value. Raises TypeError for texts.
        """
        ours, theirs = self._pair(outputs)
        if isinstance(ours, tuple) or isinstance(theirs, tuple):
            raise TypeError(f"oracle {self.name}: texts have no gradients")
        if self.by == "label":
            return _lead_gap(_scores(ours, self.name), _scores(theirs, self.name))
        return _value_gap(*_numbers(ours, theirs), self.tolerated)

    def noise(self, floor: Floor) -> float:
        """Both leads must stand out of both forms' own noise."""
        least = max(margin_floor(floor), margin_floor(floor.of(self._of)))
        if self.by == "text":
            return 0.0
        return least if self.by == "label" else least / self.tolerated

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        """Classes by number; who knows the target's labels puts names for them."""
        ours, theirs = self._pair(seen.outputs)
        margin = float(self.check(seen, reference, batch).margin[row])
        details: dict[str, Any] = {"variant": self._of, "compared": self.by, "severity": margin if margin > 0 else None}
        if isinstance(ours, tuple) or isinstance(theirs, tuple):
            return {**details, "expected": str(_one(ours, row))[:200], "observed": str(_one(theirs, row))[:200]}
        if self.by == "label":
            one, other = _scores(ours, self.name)[row], _scores(theirs, self.name)[row]
            void = bool(_without_numbers(one[None], other[None])[0])
            i, j = int(one.argmax()), int(other.argmax())
            leads = {} if void else {"main": _plain(one[i] - one[j]), self._of: _plain(other[j] - other[i])}
            return {
                **details, "expected": i, "expected_from": "model", "observed": "no number" if void else j,
                "leads": leads, "scores": {"main": _few(one, (i, j)), self._of: _few(other, (i, j))},
            }  # fmt: skip
        one, other = (values[row] for values in _numbers(ours, theirs))
        apart = (one - other).abs().nan_to_num(nan=math.inf)
        at = int(apart.argmax()) if apart.numel() else 0
        void = bool(_without_numbers(one[None], other[None])[0])
        # Words, not the numbers: findings that differ in these alone are of one fault.
        return {
            **details, "expected": "the same numbers", "expected_from": "model",
            "observed": "no number" if void else "other numbers",
            "numbers": {"main": _excerpt(one, at), self._of: _excerpt(other, at)}, "at": at,
            "difference": _plain(apart[at]) if apart.numel() else 0.0, "tolerated": self.tolerated,
        }  # fmt: skip

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = {"part": "differ", "of": self._of, "by": self.by}
        return described if self._bound is None else {**described, "bound": self._bound}

    def _pair(self, outputs: Mapping[str, Output]) -> tuple[Output, Output]:
        key = f"{self._of}.main"
        if key not in outputs:
            raise ConfigError(
                f"oracle {self.name}: variant {self._of!r} has not been run; there is {', '.join(outputs)}"
            )
        return outputs.get(f"{self._of}.base", outputs["main"]), outputs[key]

    def _masked(self, margin: Tensor, scores: Tensor | None, void: Tensor) -> Tensor:
        """Margins that are numbers stay, a variant without numbers fails, the rest is unjudged."""
        lead = _lead(scores) if scores is not None else torch.zeros_like(margin)
        alone = 1.0 + torch.where(torch.isfinite(lead), lead, 0.0)
        margin = torch.where(torch.isfinite(margin), margin, torch.nan)
        return torch.where(void, alone, margin).float()


def _lead_gap(one: Tensor, other: Tensor) -> Tensor:
    """(B, K) twice -> (B,): the smaller lead where the classes differ, else minus the smaller lead over a runner-up."""
    i, j = one.argmax(1, keepdim=True), other.argmax(1, keepdim=True)
    leads = torch.minimum(one.gather(1, i) - one.gather(1, j), other.gather(1, j) - other.gather(1, i))[:, 0]
    agreed = -torch.minimum(_lead(one), _lead(other))
    # A tie of one of the two is no lead: 0, and no failure.
    return torch.where((i == j)[:, 0], agreed, leads).float()


def _lead(scores: Tensor) -> Tensor:
    """Of the highest score over the second, (B,)."""
    best = scores.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def _value_gap(one: Tensor, other: Tensor, tolerated: float) -> Tensor:
    apart = (one - other).abs()
    apart = torch.where(one == other, torch.zeros_like(apart), apart)  # infinity is equal to itself
    return apart.amax(1).float() / tolerated - 1.0 if apart.shape[1] else apart.new_full((len(apart),), -1.0)


def _without_numbers(one: Tensor, other: Tensor) -> Tensor:
    """Rows (B,) where the target's values are numbers, the variant's not all. Minus infinity is a masked class."""
    ours = torch.isfinite(one) | (one == -math.inf)
    theirs = torch.isfinite(other) | ((other == -math.inf) & (one == -math.inf))
    return ours.all(1) & torch.isfinite(one).any(1) & ~theirs.all(1)


def _texts(ours: Output, theirs: Output, device: torch.device) -> Verdict:
    one, other = (output if isinstance(output, tuple) else _rows_of(output) for output in (ours, theirs))
    differs = torch.tensor([left != right for left, right in zip(one, other, strict=True)], device=device)
    return Verdict(torch.where(differs, 1.0, -1.0), differs.long())


def _rows_of(output: Output) -> tuple[object, ...]:
    if isinstance(output, Ragged):
        pairs = zip(output.values.cpu(), output.lengths.tolist(), strict=True)
        return tuple(tuple(row[:length].flatten().tolist()) for row, length in pairs)
    return tuple(tuple(row.flatten().tolist()) for row in output.cpu()) if isinstance(output, Tensor) else output


def _one(output: Output, row: int) -> object:
    return _rows_of(output)[row]


def _scores(output: Output, name: str) -> Tensor:
    """(B, K >= 2). Raises ConfigError."""
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(f"oracle {name}: by label needs scores (B, classes), and the output is {shape}; use by=value")
    return output.float()


def _numbers(ours: Output, theirs: Output) -> tuple[Tensor, Tensor]:
    """(B, n) twice. Sequences count up to their lengths; where lengths differ, what is missing is not a number."""
    if isinstance(ours, Ragged) and isinstance(theirs, Ragged):
        return _sequences(ours, theirs)
    assert isinstance(ours, Tensor)
    assert isinstance(theirs, Tensor)
    one, other = (side.float().reshape(len(side), -1) for side in (ours, theirs))
    if one.shape != other.shape:
        raise ConfigError(f"the target gives {tuple(ours.shape)} and its variant {tuple(theirs.shape)}: not to compare")
    return one, other


def _sequences(ours: Ragged, theirs: Ragged) -> tuple[Tensor, Tensor]:
    steps = max(ours.values.shape[1], theirs.values.shape[1])
    one, other = (
        _padded(part.values.float().flatten(2) if part.values.dim() > 2 else part.values.float()[:, :, None], steps)
        for part in (ours, theirs)
    )
    at = torch.arange(steps, device=one.device)
    left, right = at < ours.lengths[:, None], at < theirs.lengths[:, None]
    one = torch.where((left | right)[:, :, None], one, 0.0)
    other = torch.where(right[:, :, None], other, torch.where(left[:, :, None], torch.nan, 0.0))
    return one.reshape(len(one), -1), other.reshape(len(other), -1)


def _padded(values: Tensor, steps: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, 0, 0, steps - values.shape[1]))


def _few(scores: Tensor, classes: tuple[int, int]) -> dict[str, float | None]:
    return {str(at): _plain(scores[at]) for at in dict.fromkeys(classes)}


def _excerpt(values: Tensor, at: int) -> str:
    return f"{float(values[at]):.7g}" if values.numel() else "nothing"


def _plain(value: Tensor) -> float | None:
    """A number as JSON has it."""
    number = float(f"{float(value):.7g}")
    return number if math.isfinite(number) else None


ORACLES.add("differ", Differ)
