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

SMALLEST = 1e-30
"""Largest values below this count as this: a dead layer's 0 would have no reciprocal."""


class Nonfinite:
    """Fails where the main output or a watched layer holds NaN or infinity.

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
        failed = ~torch.isfinite(largest)
        margin = torch.where(failed, 1.0, -largest.clamp_min(SMALLEST).reciprocal())
        return Verdict(margin, torch.where(torch.isfinite(output), 2 + _infinite(layers), _infinite(output)))

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        key = int(self.check(seen, reference, batch).keys[row])
        before = torch.maximum(_largest(_main(reference)), _largest(reference.activations))[row]
        return {
            "expected": "finite numbers",
            "observed": KINDS[key],
            "largest_before": float(before),
            "units": (~torch.isfinite(seen.activations[row])).nonzero().flatten()[:8].tolist(),
        }

    def describe(self) -> dict[str, Any]:
        return {}


def _main(seen: Observation) -> Tensor:
    """The main output as (B, values); of text, (B, 0)."""
    output = seen.outputs["main"]
    values = output.values if isinstance(output, Ragged) else output
    return values.reshape(len(values), -1) if isinstance(values, Tensor) else seen.activations[:, :0]


def _largest(values: Tensor) -> Tensor:
    """Largest absolute value of each row of (B, n), float32; NaN where there is one, 0 where n is 0."""
    if values.shape[1] == 0:
        return torch.zeros(values.shape[0], device=values.device)
    return values.abs().amax(dim=1).float()


def _infinite(largest: Tensor) -> Tensor:
    return torch.isinf(largest).long()


ORACLES.add("nonfinite", Nonfinite)
