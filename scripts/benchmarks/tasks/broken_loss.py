"""TensorFuzz's third experiment: a public DCGAN's loss, whose gradient is flat where it is as wrong as can be.

Binary cross entropy of label 0 against sigmoid(x) with 1e-12 inside the logarithm. Right of x = 17 the sigmoid is 1 in
float32: the loss is 27.6, the gradient 0. To the left the gradient falls too, but rightly so: the margin deceives.
One number x in [-1000, 1000], from U(0, 1), normal steps of deviation 0.2, batches of 64.
Source: Odena et al., TensorFuzz, ICML 2019, section 4.4; the released examples/dcgan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

import mlfuzz
from mlfuzz.batch import Batch
from mlfuzz.errors import PluginError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict
from tasks.operators import FREE, white_noise
from tasks.task import Setup, Task

REACH = 1000.0
EPSILON = 1e-12
WRONG, FLAT = 0.01, 1e-4


class FlatAndWrong:
    """Fails where the loss is above 0.01 and its gradient below 0.0001.

    margin: the smaller of how far, in factors of e, the loss lies above and the gradient below; at most +-30.
    """

    name = "flat_and_wrong"
    unit = "factors of e"
    where: Literal["device", "host"] = "device"
    relative = False

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        loss, gradient = (_column(seen, name) for name in ("loss", "gradient"))
        wrong = (loss / WRONG).clamp_min(1e-13).log()
        flat = (FLAT / gradient.abs().clamp_min(1e-17)).log()
        margin = torch.minimum(wrong, flat).clamp(-30, 30)
        return Verdict(margin, torch.zeros(len(loss), dtype=torch.int64))

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        return {
            "expected": "a gradient where the loss is wrong",
            "observed": "none",
            "loss": float(_column(seen, "loss")[row]),
            "gradient": float(_column(seen, "gradient")[row]),
        }

    def describe(self) -> dict[str, Any]:
        return {}


def _column(seen: Observation, name: str) -> Tensor:
    column = seen.outputs[name]
    assert isinstance(column, Tensor)
    return column[:, 0]


def loss_and_gradient(numbers: Tensor) -> Mapping[str, Tensor]:
    """(B, 1, 1, 1) -> the number itself, the loss and its gradient as a framework gives it, (B, 1) each."""
    x = numbers.reshape(-1, 1)
    sigmoid = torch.sigmoid(x)
    beside = 1 - sigmoid
    return {"main": x, "loss": -(beside + EPSILON).log(), "gradient": sigmoid * beside / (beside + EPSILON)}


def build(repeat: int, cache: Path) -> Setup:
    with contextlib.suppress(PluginError):
        ORACLES.add("flat_and_wrong", FlatAndWrong)
    start = np.random.default_rng(repeat).uniform(0.0, 1.0)
    path = cache / f"loss-{repeat}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.full((1, 1, 1, 1), (start + REACH) / (2 * REACH), np.float32))

    def target() -> mlfuzz.CallableTarget:
        modality = mlfuzz.Image(size=(1, 1), grid="float32", range=(-REACH, REACH))
        return mlfuzz.CallableTarget("bench:loss", modality, loss_and_gradient)

    options = {
        "oracles": ["flat_and_wrong"],
        "mutators": [white_noise(0.2 / (2 * REACH), "image.tensorfuzz_step")],
        "limits": FREE,
        "batch": 64,
    }
    return Setup(target, path, options)


TASK = Task(
    "loss", build, evaluations=100_000, short=20_000, chief="evaluations", first=True,
    goal="10/10, median <= 5,000 evaluations",
    overrides={
        "tensorfuzz": {
            "coverage": {"name": "novelty", "features": "logits", "radius": 0.1**0.5, "standardise": False},
        },
    },
)  # fmt: skip
