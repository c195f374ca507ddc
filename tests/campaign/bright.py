"""A target that says whether a picture is bright, and findings on it, to run alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from findings.samples import ref
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.findings.finding import Finding
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Mutation
from mlfuzz.targets.callable import CallableTarget

IMAGE = Image(size=(12, 12))
LABELS = ("dark", "bright", "never")
SEED = np.full((1, 12, 12), 100, np.uint8)
BRIGHT = np.full((1, 12, 12), 160, np.uint8)
BRIGHTER = Mutation("image.brightness", {"amount": float(np.float32(60 / 255))})


def scores(images: Tensor) -> Tensor:
    mean = images.flatten(1).mean(1)
    return torch.stack([torch.full_like(mean, 0.5), mean, torch.full_like(mean, -1.0)], 1)


def target(answer: Any = scores, labels: tuple[str, ...] = LABELS) -> CallableTarget:
    return CallableTarget("bright", IMAGE, answer, labels=labels)


def found(payload: NDArray[np.uint8] = BRIGHT, **changes: Any) -> tuple[Finding, dict[str, bytes]]:
    """A candidate: the seed made brighter until it is called bright; and its files."""
    files = {"input.png": IMAGE.encode(payload), "seed.png": IMAGE.encode(SEED)}
    given: dict[str, Any] = {
        "id": "b" * 16, "side": "model", "kind": "label", "target": "bright",
        "modality": {"name": "image", **IMAGE.describe()}, "oracle": {"name": "label"}, "label": "dark",
        "input": ref("input.png", files["input.png"]), "seed": ref("seed.png", files["seed.png"]),
        "chain": (BRIGHTER,), "expected": "dark", "observed": "bright", "key": "label|1", "floor": 1e-4,
    }  # fmt: skip
    return Finding(**{**given, **changes}), files
