"""Tiny targets with a planted fault, and what a campaign must say of each: found within so many inputs, shrunk to this.

Each factory takes no argument and can be fuzzed by name: `mlfuzz fuzz mlfuzz.testing.puzzles:nan_when_bright`.
`puzzle(name)` gives the target with its expectation, `puzzle_seeds(folder)` writes seeds that none of them fails on
(but `nan_always`).
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlfuzz.modality.image import Image

if TYPE_CHECKING:
    from mlfuzz.targets.module import ModuleTarget

SIZE = (28, 28)
LABELS = ("dull", "bright corner", "other")

BRIGHT = 0.8
"""Mean of a picture, above which `*_when_bright` fail; seeds have about 0.6."""

FLAT = 0.08
"""Standard deviation of a picture, below which `raise_when_flat` raises; seeds have about 0.18."""

CORNER = 0.04
"""How much brighter than the picture its lower right corner must be to flip the label; in seeds it is darker."""

BRIGHTENING = frozenset(
    {"image.brightness", "image.contrast_gain", "image.contrast", "image.gamma", "image.fog", "image.frost",
     "image.mist", "image.glare", "image.snow", "image.scale", "image.blank"}
)  # fmt: skip
FLATTENING = BRIGHTENING | {"image.blur_mean", "image.blur_gauss", "image.defocus", "image.shadow", "image.rain"}
MOVING = frozenset(
    {
        "image.translate", "image.rotate", "image.scale", "image.shear", "image.perspective", "image.elastic",
        "image.occlusion", "image.shadow", "image.glare", "image.patch", "image.noise_block", "image.grid_mask",
        "image.fog", "image.mist",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a campaign on a puzzle owes.

    found: the oracle, or the kind of crash, that must be among the confirmed findings; "" where nothing may be.
    within: inputs, at most, whatever the campaign's seed. operators: most shrunk chains are made of these alone.
    steps: the shortest shrunk chain has no more; others may need several operators that fall short alone.
    check: words of a warning or failure that `mlfuzz check` must give, "" where there may be no failure.
    isolated: whether the fault takes the process down, so that only an isolated worker survives it.
    """

    found: str
    within: int = 0
    operators: frozenset[str] = frozenset()
    steps: int = 1
    check: str = ""
    isolated: bool = False


class Planted(nn.Module):
    """(B, 1, H, W) -> scores (B, 3), by fixed small weights; `plant` is where each puzzle goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(16, 8)
        self.act = nn.ReLU()
        self.head = nn.Linear(8, len(LABELS))
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
            self.head.bias.copy_(torch.tensor([2.0, 0.0, -2.0]))

    def forward(self, pictures: Tensor) -> Tensor:
        pooled = nn.functional.adaptive_avg_pool1d(pictures.flatten(1)[:, None], 16)[:, 0]
        scores: Tensor = self.head(self.act(self.body(pooled)))
        return self.plant(pictures, scores)

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        return scores


class NanWhenBright(Planted):
    """The logarithm of what is left to BRIGHT: it grows before it fails."""

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        return scores - 0.1 * torch.log(BRIGHT - _mean(pictures))[:, None]


class FlipWhenCornerBright(Planted):
    """One score rises with the lower right corner."""

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        corner = pictures[..., -8:, -8:].flatten(1).mean(1) - _mean(pictures) - CORNER
        lifted = scores.clone()
        lifted[:, 1] = scores[:, 0] + 8.0 * corner
        return lifted


class RaiseWhenFlat(Planted):
    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        if bool((pictures.flatten(1).std(1) < FLAT).any()):
            raise ValueError("the picture has no contrast to normalise by")
        return scores


class HangWhenBright(Planted):
    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        while bool((_mean(pictures) > BRIGHT).any()):
            time.sleep(0.05)
        return scores


class ExitWhenBright(Planted):
    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        if bool((_mean(pictures) > BRIGHT).any()):
            os._exit(7)
        return scores


class DieWhenBright(Planted):
    """A null pointer is read: signal 11."""

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        if bool((_mean(pictures) > BRIGHT).any()):
            ctypes.string_at(0)
        return scores


class BatchCoupled(Planted):
    """A row's answer depends on its company, as where a padding mask is forgotten: alone, every row answers alike."""

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        own = pictures.flatten(1).std(1)
        lifted = scores.clone()
        lifted[:, 1] = scores[:, 0] - 1.0 + 200.0 * (own - own.mean()).abs()
        return lifted


class Dropping(Planted):
    """Dropout and batch normalisation, left in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(len(LABELS), affine=False)
        self.drop = nn.Dropout(0.5)

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        dropped: Tensor = self.drop(self.norm(scores))
        return dropped


class WritingIntoItsInput(Planted):
    """Scores are right; the pictures that were handed over are not what they were."""

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        pictures.sub_(0.5)
        return scores


class OneAnswerForAll(Planted):
    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        return scores.mean(0, keepdim=True)


class NanAlways(Planted):
    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        return scores * torch.nan


def sound() -> ModuleTarget:
    """No fault at all: whatever is found here is mlfuzz's own mistake."""
    return _target("sound", Planted())


def nan_when_bright() -> ModuleTarget:
    return _target("nan_when_bright", NanWhenBright())


def flip_when_corner_bright() -> ModuleTarget:
    return _target("flip_when_corner_bright", FlipWhenCornerBright())


def raise_when_flat() -> ModuleTarget:
    return _target("raise_when_flat", RaiseWhenFlat())


def hang_when_bright() -> ModuleTarget:
    return _target("hang_when_bright", HangWhenBright())


def exit_when_bright() -> ModuleTarget:
    return _target("exit_when_bright", ExitWhenBright())


def die_when_bright() -> ModuleTarget:
    return _target("die_when_bright", DieWhenBright())


def batch_coupled() -> ModuleTarget:
    return _target("batch_coupled", BatchCoupled())


def dropping() -> ModuleTarget:
    return _target("dropping", Dropping(), train_mode=True)


def writing_into_its_input() -> ModuleTarget:
    return _target("writing_into_its_input", WritingIntoItsInput())


def one_answer_for_all() -> ModuleTarget:
    return _target("one_answer_for_all", OneAnswerForAll())


def nan_always() -> ModuleTarget:
    return _target("nan_always", NanAlways())


EXPECTED: Mapping[str, Expectation] = {
    "sound": Expectation(""),
    "nan_when_bright": Expectation("nonfinite", 5_000, BRIGHTENING),
    "flip_when_corner_bright": Expectation("label", 5_000, MOVING),
    "raise_when_flat": Expectation("exception", 5_000, FLATTENING),
    "hang_when_bright": Expectation("hang", 5_000, BRIGHTENING, isolated=True),
    "exit_when_bright": Expectation("exit", 5_000, BRIGHTENING, isolated=True),
    "die_when_bright": Expectation("crash", 5_000, BRIGHTENING, isolated=True),
    "batch_coupled": Expectation("", check="depends on its batch"),
    "dropping": Expectation("", check="training mode"),
    "writing_into_its_input": Expectation("", check="writes into its input"),
    "one_answer_for_all": Expectation("", check="one answer an input"),
    "nan_always": Expectation("", check="NaN or infinity on 6 of 6 seeds"),
}
"""Factory's name -> what is owed."""


def puzzle(name: str) -> tuple[ModuleTarget, Expectation]:
    """The target and what is owed. Raises KeyError for a name that is no puzzle."""
    expected = EXPECTED[name]
    target: ModuleTarget = globals()[name]()
    return target, expected


def puzzle_seeds(folder: Path, *, count: int = 6) -> list[Path]:
    """Write `count` pictures that differ; on none of them a puzzle fails."""
    folder.mkdir(parents=True, exist_ok=True)
    modality = Image(size=SIZE)
    paths = []
    for number in range(count):
        path = folder / f"puzzle-{number}.png"
        path.write_bytes(modality.encode(_picture(number)))
        paths.append(path)
    return paths


def _picture(number: int) -> NDArray[np.uint8]:
    """A grey gradient with a bright disc below and right of the middle; mean 0.6, deviation 0.18, a dark corner."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    ground = 0.62 - 0.22 * (x + y) / sum(SIZE) + rng.normal(0.0, 0.02, SIZE)
    disc = np.hypot(y - 15 - number % 3, x - 15 - number % 2) < 8.0
    levels: NDArray[np.uint8] = np.clip(np.rint(np.where(disc, 0.92, ground) * 255), 0, 255).astype(np.uint8)
    return levels[None]


def _mean(pictures: Tensor) -> Tensor:
    return pictures.flatten(1).mean(1)


def _target(name: str, model: nn.Module, *, train_mode: bool = False) -> ModuleTarget:
    from mlfuzz.targets.module import ModuleTarget

    return ModuleTarget(name, Image(size=SIZE), model.train(train_mode), labels=LABELS, train_mode=train_mode)
