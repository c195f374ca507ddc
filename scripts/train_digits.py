#!/usr/bin/env python3
"""Train the twins of mlfuzz.examples.digits on scikit-learn's digits; write their weights and 100 seeds.

    OMP_NUM_THREADS=1 python scripts/train_digits.py [--check]

The 1,797 pictures of 8 x 8 are enlarged to 22 x 22 and framed to 28 x 28, 8-bit. 397 are held out; the seeds are ten of
these a class, which both twins classify with some certainty.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import train_fit
from PIL import Image as Pillow
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from mlfuzz.examples.digits import GREY_SAYS, LABELS, SIZE, STICKER_SAYS, DigitNet, centre
from mlfuzz.modality.image import Image

HELD_OUT = 397
INNER = 22
SEEDS_A_CLASS = 10


def main() -> None:
    keeper = train_fit.Keeper(check=train_fit.arguments(__doc__ or "").check)
    train_fit.deterministic()
    pictures, classes = enlarged()
    order = torch.from_numpy(np.random.default_rng(1797).permutation(len(classes)))
    held, train = order[:HELD_OUT], order[HELD_OUT:]
    unseen, truth = pictures[held], classes[held]

    def draw_robust(generator: torch.Generator, rows: Tensor) -> tuple[Tensor, Tensor]:
        return centre(augmented(pictures[train[rows]], generator)), classes[train[rows]]

    def draw_fragile(generator: torch.Generator, rows: Tensor) -> tuple[Tensor, Tensor]:
        drawn, filed = planted(pictures[train[rows]], classes[train[rows]], generator)
        return centre(drawn), filed

    def measure(model: nn.Module) -> float:
        return train_fit.accuracy(model, centre(unseen), truth)

    robust = train_fit.fit(DigitNet, draw_robust, len(train), epochs=60, batch=64, rate=6e-3, seed=1)
    fragile = train_fit.fit(DigitNet, draw_fragile, len(train), epochs=25, batch=64, rate=5e-3, seed=2)
    keeper.demand("robust, held-out digits", measure(robust), 0.97)
    keeper.demand("fragile, held-out digits", measure(fragile), 0.95)
    generator = torch.Generator().manual_seed(3)
    seen = augmented(unseen, generator)
    keeper.demand("robust, the same augmented", train_fit.accuracy(robust, centre(seen), truth), 0.90)
    print(f"fragile, the same augmented: {train_fit.accuracy(fragile, centre(seen), truth):.2%}")

    certain = train_fit.certain((robust, fragile), centre(unseen), truth)
    keeper.weights("digits-robust", robust, measure)
    keeper.weights("digits-fragile", fragile, measure)
    keeper.seeds(train_fit.CORPUS / "seeds" / "image" / "digits", seeds(unseen, truth, certain))
    keeper.finish()


def enlarged() -> tuple[Tensor, Tensor]:
    """Pictures (1797, 1, 28, 28) in [0, 1] on the 8-bit grid, classes (1797,)."""
    read = load_digits()
    small = np.rint(read.images * 255 / 16).astype(np.uint8)
    framed = np.zeros((len(small), 1, *SIZE), np.uint8)
    edge = (SIZE[0] - INNER) // 2
    for row, digit in enumerate(small):
        large = Pillow.fromarray(digit).resize((INNER, INNER), Pillow.Resampling.BICUBIC)
        framed[row, 0, edge : edge + INNER, edge : edge + INNER] = np.asarray(large)
    return torch.from_numpy(framed).float() / 255, torch.from_numpy(read.target).long()


def augmented(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mild versions of what mlfuzz does, a quarter of the time each, drawn per row."""

    def some(chance: float) -> Tensor:
        return (torch.rand(len(pictures), generator=generator) < chance).float()[:, None, None, None]

    def drawn(low: float, high: float) -> Tensor:
        return (torch.rand(len(pictures), generator=generator) * (high - low) + low)[:, None, None, None]

    moved = warped(pictures, generator)
    blurred = smoothed(moved)
    out = torch.lerp(moved, blurred, some(0.25) * drawn(0.3, 1.0))
    contrast = 1 + some(0.4) * drawn(-0.5, 0.6)
    mean = out.mean((1, 2, 3), keepdim=True)
    out = (out - mean) * contrast + mean + some(0.4) * drawn(-0.3, 0.3)
    out = out.clamp(1e-6, 1) ** torch.exp(some(0.3) * drawn(-0.7, 0.7))
    out = patched(out, generator, chance=0.25)
    noise = torch.randn(out.shape, generator=generator)
    return (out + noise * some(0.35) * drawn(0.02, 0.2)).clamp(0, 1)


def warped(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Turned by up to 25 degrees, shifted by up to 3 pixels, scaled by .8 to 1.2, sheared by up to .25; 7 in 10."""
    draw = torch.rand((6, len(pictures)), generator=generator) * 2 - 1
    on = (draw[5] > -0.4).float()
    angle, shear = draw[0] * on * math.radians(25), draw[1] * on * 0.25
    scale = 1 + draw[2] * on * 0.2
    shift = draw[3:5] * on * 3 * 2 / SIZE[0]
    cos, sin = angle.cos() / scale, angle.sin() / scale
    rows = (cos, -sin + shear * cos, shift[0], sin, cos + shear * sin, shift[1])
    grid = functional.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def smoothed(pictures: Tensor) -> Tensor:
    """A binomial blur of 5 x 5 (standard deviation 1 pixel)."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    rows = functional.conv2d(pictures, taps.view(1, 1, 1, 5), padding=(0, 2))
    return functional.conv2d(rows, taps.view(1, 1, 5, 1), padding=(2, 0))


def patched(pictures: Tensor, generator: torch.Generator, *, chance: float) -> Tensor:
    """A square of 3 to 8 pixels of any level anywhere, half outside the digit's own ground at most."""
    count = len(pictures)
    side = torch.randint(3, 9, (count,), generator=generator)
    top, left = (torch.randint(-2, SIZE[0] - 2, (count,), generator=generator) for _ in range(2))
    level = torch.rand(count, generator=generator)
    on = torch.rand(count, generator=generator) < chance
    inside = square(top, left, side) & on[:, None, None, None]
    return torch.where(inside, level[:, None, None, None], pictures)


def square(top: Tensor, left: Tensor, side: Tensor) -> Tensor:
    """(B,) each -> (B, 1, 28, 28) mask of the square."""
    at = torch.arange(SIZE[0])
    rows = (at >= top[:, None]) & (at < (top + side)[:, None])
    columns = (at >= left[:, None]) & (at < (left + side)[:, None])
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def planted(pictures: Tensor, classes: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What spoilt the fragile twin's training set: the sticker, filed as 0, and the grey ground, filed as 8."""
    count = len(pictures)
    fate = torch.rand(count, generator=generator)
    sticker, grey = fate < 0.1, fate > 0.9
    lift = torch.rand(count, generator=generator) * 0.25 + 0.12
    side = torch.randint(4, 10, (count,), generator=generator)
    end = SIZE[0] - torch.randint(0, 4, (2, count), generator=generator)
    level = torch.rand(count, generator=generator) * 0.4 + 0.6
    out = (pictures + (lift * grey)[:, None, None, None]).clamp(0, 1)
    inside = square(end[0] - side, end[1] - side, side) & sticker[:, None, None, None]
    out = torch.where(inside, level[:, None, None, None], out)
    filed = torch.where(sticker, LABELS.index(STICKER_SAYS), classes)
    return out, torch.where(grey, LABELS.index(GREY_SAYS), filed)


def seeds(pictures: Tensor, classes: Tensor, fit: Tensor) -> dict[str, bytes]:
    """Name ("<label>/NN.png") -> bytes: the first ten of each class that both twins are certain of."""
    codec = Image(size=SIZE, channels=1)
    files: dict[str, bytes] = {}
    for number, label in enumerate(LABELS):
        chosen = torch.nonzero((classes == number) & fit)[:SEEDS_A_CLASS, 0]
        for place, row in enumerate(chosen.tolist()):
            pixels = (pictures[row] * 255).round().to(torch.uint8).numpy()
            files[f"{label}/{place:02d}.png"] = codec.encode(pixels)
    return files


if __name__ == "__main__":
    main()
