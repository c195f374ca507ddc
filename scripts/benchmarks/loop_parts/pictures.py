"""Picture models of `scripts/bench loop`, with random weights, and their seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from torch import Tensor, nn

SEEDS = 64


class Block(nn.Module):
    """A basic residual block (He et al., CVPR 2016)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
        same = stride == 1 and channels == out
        self.skip = nn.Identity() if same else nn.Sequential(nn.Conv2d(channels, out, 1, stride), nn.BatchNorm2d(out))
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.two(self.one(x)) + self.skip(x))  # type: ignore[no-any-return]


def resnet18(*, stem: str) -> nn.Module:
    first = (
        [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        if stem == "small"
        else [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    )
    blocks = []
    for channels, out, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        blocks += [Block(channels, out, stride), Block(out, out, 1)]
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def mlp() -> nn.Module:
    layers = [nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 10)]
    return nn.Sequential(*layers)


def lenet(channels: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


MODELS: dict[str, tuple[Callable[[], nn.Module], int, int, float]] = {
    "mlp": (mlp, 28, 1, 0.55),
    "lenet": (lenet, 28, 1, 0.80),
    "resnet32": (lambda: resnet18(stem="small"), 32, 3, 0.93),
    "resnet224": (lambda: resnet18(stem="large"), 224, 3, 0.93),
}
"""Name -> how it is made, size and channels of its pictures, and the ratio to reach."""


def write_seeds(folder: Path, size: int, channels: int) -> None:
    """Smooth random pictures: blurred noise, stretched to the full range."""
    rng = np.random.default_rng(0)
    for at in range(SEEDS):
        coarse = rng.integers(0, 256, (7, 7, channels), dtype=np.uint8)
        picture = Picture.fromarray(coarse.squeeze(), "L" if channels == 1 else "RGB")
        picture.resize((size, size), Picture.Resampling.BICUBIC).save(folder / f"{at:03d}.png")
