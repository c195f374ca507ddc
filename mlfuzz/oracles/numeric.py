"""Numbers that no model should give: NaN and infinity."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict

KINDS = ("NaN in the output", "infinity in the output", "NaN in a layer", "infinity in a layer")
"""What a key stands for."""

OTHERS = (".main", ".base", ".alone")
"""Ends of names of outputs that are no target's own: of variants, of what these are compared with, of meters."""

SMALLEST = 1e-30
"""Largest values below this count as this: a dead layer's 0 would have no reciprocal."""


class Nonfinite:
    """Fails where an output or a watched layer holds NaN or infinity: the main one, or one that stands beside it.

    Margin: 1 where failed, else minus the reciprocal of the row's largest absolute value: larger logits and activations
    are nearer to overflow, and each doubling halves what is still to go. One pass over (B, K) and (B, units), and no
    wait for the device.
    """

    name = "nonfinite"
    unit = "1 / largest absolute value"
    where: Literal["device", "host"] = "device"
    relative = False

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        output, layers = _largest(_main(seen)), _largest(seen.activations)
        largest = torch.maximum(output, layers)
        keys = torch.where(torch.isfinite(output), 2 + _infinite(layers), _infinite(output))
        finite = torch.isfinite(largest)
        for number, values in enumerate(_beside(seen).values()):
            beside = _largest(values)
            key = len(KINDS) + 2 * number + _infinite(beside)
            keys = torch.where(finite & ~torch.isfinite(beside), key, keys)
            largest = torch.maximum(largest, beside)
            finite = torch.isfinite(largest)
        margin = torch.where(finite, -largest.clamp_min(SMALLEST).reciprocal(), 1.0)
        return Verdict(margin, keys)

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        key = int(self.check(seen, reference, batch).keys[row])
        before = torch.maximum(_largest(_main(reference)), _largest(reference.activations))[row]
        return {
            "expected": "finite numbers",
            "observed": self._kind(seen, key),
            "largest_before": float(before),
            "units": (~torch.isfinite(seen.activations[row])).nonzero().flatten()[:8].tolist(),
        }

    def describe(self) -> dict[str, Any]:
        return {}

    def _kind(self, seen: Observation, key: int) -> str:
        if key < len(KINDS):
            return KINDS[key]
        number, infinite = divmod(key - len(KINDS), 2)
        return f"{'infinity' if infinite else 'NaN'} in the output {list(_beside(seen))[number]!r}"


def _main(seen: Observation) -> Tensor:
    """The main output as (B, values); of text, (B, 0)."""
    output = seen.outputs["main"]
    values = output.values if isinstance(output, Ragged) else output
    return values.reshape(len(values), -1) if isinstance(values, Tensor) else seen.activations[:, :0]


def _beside(seen: Observation) -> dict[str, Tensor]:
    """Outputs of floats beside the main one, as (B, values); those of variants and meters are not the target's."""
    found = {}
    for name, output in seen.outputs.items():
        values = output.values if isinstance(output, Ragged) else output
        if name == "main" or name.endswith(OTHERS) or not isinstance(values, Tensor) or not values.is_floating_point():
            continue
        found[name] = values.reshape(len(values), -1)
    return found


def _largest(values: Tensor) -> Tensor:
    """Largest absolute value of each row of (B, n), float32; NaN where there is one, 0 where n is 0."""
    if values.shape[1] == 0:
        return torch.zeros(values.shape[0], device=values.device)
    return values.abs().amax(dim=1).float()


def _infinite(largest: Tensor) -> Tensor:
    return torch.isinf(largest).long()


ORACLES.add("nonfinite", Nonfinite)
