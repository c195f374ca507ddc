"""Where pixels lie: shifts, turns, tilts. Rows are (B, C, H, W) in [0, 1].

All are inverse warps with bilinear reading. What comes in from outside is black, as in DeepTest; a digit's ground is
black anyway, and a black rim says plainly what was done to a photograph. `elastic` alone repeats the border.
Offsets are shares of the width or height, so that one range serves pictures of any size.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators import noise
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.image.warp import affine, axis, identity, sample
from mlfuzz.mutators.param import LogReal, Real, Seed

KNOTS = 5
"""Of an elastic field, along each side."""


@mutator(
    "image.translate",
    kind="geometry",
    cost=4,
    right=Real(-0.1, 0.1, neutral=0.0, unit="of the width", sums="shift"),
    down=Real(-0.1, 0.1, neutral=0.0, unit="of the height", sums="shift"),
)
def translate(rows: TensorRows, *, right: Column, down: Column) -> TensorRows:
    """Shift the picture `right` and `down`, by parts of a pixel too.

    Source: DeepTest, ICSE 2018, translation (-50..49 px of its 128 x 128 and larger frames).
    """
    one = torch.ones_like(right)
    return rows.with_data(affine(rows.data, one + 0j, one * 1j, torch.complex(right * -2, down * -2)))


@mutator("image.scale", kind="geometry", cost=4, factor=LogReal(0.75, 1.33, neutral=1.0, unit="times"))
def scale(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Make the picture larger or smaller about its centre. Source: DeepTest, ICSE 2018, scale (x 0.5..1.9)."""
    inverse = factor.reciprocal()
    return rows.with_data(affine(rows.data, inverse + 0j, inverse * 1j))


@mutator("image.shear", kind="geometry", cost=4, slope=Real(-0.3, 0.3, neutral=0.0, unit="px a row"))
def shear(rows: TensorRows, *, slope: Column) -> TensorRows:
    """Slide each line sideways in proportion to its height, the middle line staying.

    Source: DeepTest, ICSE 2018, shear (-0.5..4; above 0.5 digits are no longer read).
    """
    height, width = rows.data.shape[-2:]
    return rows.with_data(affine(rows.data, torch.ones_like(slope) + 0j, slope * (height / width) + 1j))


@mutator(
    "image.rotate", kind="geometry", cost=4, degrees=Real(-30.0, 30.0, neutral=0.0, unit="degrees", sums="rotation")
)
def rotate(rows: TensorRows, *, degrees: Column) -> TensorRows:
    """Turn the picture about its centre, anticlockwise. Source: DeepTest, ICSE 2018, rotation (-30..29 degrees)."""
    height, width = rows.data.shape[-2:]
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    across = torch.complex(cos, sin * (width / height))
    down = torch.complex(sin * (-height / width), cos)
    return rows.with_data(affine(rows.data, across, down))


@mutator(
    "image.perspective",
    kind="geometry",
    cost=8,
    across=Real(-0.25, 0.25, neutral=0.0, unit="tilt"),
    down=Real(-0.25, 0.25, neutral=0.0, unit="tilt"),
)
def perspective(rows: TensorRows, *, across: Column, down: Column) -> TensorRows:
    """Tilt the picture about its upright and its level axis: one side comes nearer by `across`, one by `down`.

    A tilt of t reads x at x / (1 + t x); the two together are kept below 1, where the plane would pass the eye.
    """
    height, width = rows.data.shape[-2:]
    x, y = axis(width, rows.data.device), axis(height, rows.data.device)[:, None]
    across, down = across.clamp(-0.45, 0.45).view(-1, 1, 1), down.clamp(-0.45, 0.45).view(-1, 1, 1)
    depth = (across * x + (down * y + 1)).reciprocal_()
    return rows.with_data(sample(rows.data, torch.complex(depth * x, depth * y)))


@mutator("image.flip", kind="geometry", effect="equivariant", default=False)
def flip(rows: TensorRows) -> TensorRows:
    """Mirror the picture left to right. Not in the default set: letters and road signs change with it."""
    return rows.with_data(rows.data.flip(3))


@mutator("image.elastic", kind="geometry", cost=8, amount=Real(0.0, 0.03, neutral=0.0, unit="of the size"), seed=Seed())
def elastic(rows: TensorRows, *, amount: Column, seed: Column) -> TensorRows:
    """Pull the picture about smoothly, by `amount` of its size on average (root mean square, each way).

    Source: Simard, Steinkraus and Platt, ICDAR 2003; ImageNet-C's elastic transform. The smooth field is made of
    5 x 5 bumps rather than by filtering white noise: the same look at a tenth of the cost.
    """
    height, width = rows.data.shape[-2:]
    pulls = noise.normal(seed, (2, KNOTS, KNOTS)).mul_((2 * amount).view(-1, 1, 1, 1))
    over, up = _bumps(width, rows.data.device), _bumps(height, rows.data.device)[:, :, None]
    lines = pulls[..., :1] * over[0]
    for at in range(1, KNOTS):
        lines.addcmul_(pulls[..., at : at + 1], over[at])
    field = lines[:, :, :1] * up[0]
    for at in range(1, KNOTS):
        field.addcmul_(lines[:, :, at : at + 1], up[at])
    grid = torch.complex(field[:, 0], field[:, 1]).add_(identity(height, width, rows.data.device))
    return rows.with_data(sample(rows.data, grid, padding="border"))


@lru_cache(maxsize=64)
def _bumps(size: int, device: torch.device) -> Tensor:
    """Gaussian bumps about KNOTS points from edge to edge, (KNOTS, size); their squares add up to 1 everywhere."""
    x, knots = axis(size, torch.device("cpu")).double(), torch.linspace(-1, 1, KNOTS, dtype=torch.float64)
    bumps = torch.exp(-(((x[None] - knots[:, None]) / 0.4) ** 2))
    bumps = bumps / bumps.square().sum(0, keepdim=True).sqrt()
    return bumps.to(torch.float32).to(device)
