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
from mlfuzz.mutators.image.warp import Lines, affine, axis, field_in_pixels, identity, in_pixels, linear, sample
from mlfuzz.mutators.param import LogReal, Real, Seed
from mlfuzz.placemap import Size, Warp

KNOTS = 5
"""Of an elastic field, along each side."""

TILT = 0.45
"""Two of these are below 1, where the plane would pass the eye."""


def shifted(size: Size, *, right: Column, down: Column) -> Lines:
    one = torch.ones_like(right)
    return one + 0j, one * 1j, torch.complex(right * -2, down * -2)


def scaled(size: Size, *, factor: Column) -> Lines:
    inverse = factor.reciprocal()
    return inverse + 0j, inverse * 1j


def sheared(size: Size, *, slope: Column) -> Lines:
    height, width = size
    return torch.ones_like(slope) + 0j, slope * (height / width) + 1j


def turned(size: Size, *, degrees: Column) -> Lines:
    height, width = size
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    return torch.complex(cos, sin * (width / height)), torch.complex(sin * (-height / width), cos)


def tilted(size: Size, *, across: Column, down: Column) -> Warp:
    """A tilt is a homography: x at x / (across x + down y + 1)."""
    matrix = torch.eye(3, device=across.device).repeat(len(across), 1, 1)
    matrix[:, 2, 0], matrix[:, 2, 1] = across.clamp(-TILT, TILT), down.clamp(-TILT, TILT)
    return Warp(matrix=in_pixels(matrix, size))


def mirrored(size: Size) -> Warp:
    return Warp(matrix=torch.tensor([[[-1.0, 0.0, float(size[1])], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]))


def pulled(size: Size, *, amount: Column, seed: Column) -> Warp:
    return Warp(field=field_in_pixels(_elastic_grid(size, amount, seed)))


@mutator(
    "image.translate",
    kind="geometry",
    cost=4,
    place_map=linear(shifted),
    right=Real(-0.1, 0.1, neutral=0.0, unit="of the width", sums="shift"),
    down=Real(-0.1, 0.1, neutral=0.0, unit="of the height", sums="shift"),
)
def translate(rows: TensorRows, *, right: Column, down: Column) -> TensorRows:
    """Shift the picture `right` and `down`, by parts of a pixel too.

    Source: DeepTest, ICSE 2018, translation (-50..49 px of its 128 x 128 and larger frames).
    """
    return rows.with_data(affine(rows.data, *shifted(_size(rows), right=right, down=down)))


@mutator(
    "image.scale", kind="geometry", cost=4, place_map=linear(scaled),
    factor=LogReal(0.75, 1.33, neutral=1.0, unit="times"),
)  # fmt: skip
def scale(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Make the picture larger or smaller about its centre. Source: DeepTest, ICSE 2018, scale (x 0.5..1.9)."""
    return rows.with_data(affine(rows.data, *scaled(_size(rows), factor=factor)))


@mutator(
    "image.shear", kind="geometry", cost=4, place_map=linear(sheared),
    slope=Real(-0.3, 0.3, neutral=0.0, unit="px a row"),
)  # fmt: skip
def shear(rows: TensorRows, *, slope: Column) -> TensorRows:
    """Slide each line sideways in proportion to its height, the middle line staying.

    Source: DeepTest, ICSE 2018, shear (-0.5..4; above 0.5 digits are no longer read).
    """
    return rows.with_data(affine(rows.data, *sheared(_size(rows), slope=slope)))


@mutator(
    "image.rotate", kind="geometry", cost=4, place_map=linear(turned),
    degrees=Real(-30.0, 30.0, neutral=0.0, unit="degrees", sums="rotation"),
)  # fmt: skip
def rotate(rows: TensorRows, *, degrees: Column) -> TensorRows:
    """Turn the picture about its centre, anticlockwise. Source: DeepTest, ICSE 2018, rotation (-30..29 degrees)."""
    return rows.with_data(affine(rows.data, *turned(_size(rows), degrees=degrees)))


@mutator(
    "image.perspective",
    kind="geometry",
    cost=8,
    place_map=tilted,
    across=Real(-0.25, 0.25, neutral=0.0, unit="tilt"),
    down=Real(-0.25, 0.25, neutral=0.0, unit="tilt"),
)
def perspective(rows: TensorRows, *, across: Column, down: Column) -> TensorRows:
    """Tilt the picture about its upright and its level axis: one side comes nearer by `across`, one by `down`.

    A tilt of t reads x at x / (1 + t x); the two together are kept below 1, where the plane would pass the eye.
    """
    height, width = rows.data.shape[-2:]
    x, y = axis(width, rows.data.device), axis(height, rows.data.device)[:, None]
    across, down = across.clamp(-TILT, TILT).view(-1, 1, 1), down.clamp(-TILT, TILT).view(-1, 1, 1)
    depth = (across * x + (down * y + 1)).reciprocal_()
    return rows.with_data(sample(rows.data, torch.complex(depth * x, depth * y)))


@mutator("image.flip", kind="geometry", effect="equivariant", default=False, place_map=mirrored)
def flip(rows: TensorRows) -> TensorRows:
    """Mirror the picture left to right. Not in the default set: letters and road signs change with it."""
    return rows.with_data(rows.data.flip(3))


@mutator(
    "image.elastic", kind="geometry", cost=8, place_map=pulled,
    amount=Real(0.0, 0.03, neutral=0.0, unit="of the size"), seed=Seed(),
)  # fmt: skip
def elastic(rows: TensorRows, *, amount: Column, seed: Column) -> TensorRows:
    """Pull the picture about smoothly, by `amount` of its size on average (root mean square, each way).

    Source: Simard, Steinkraus and Platt, ICDAR 2003; ImageNet-C's elastic transform. The smooth field is made of
    5 x 5 bumps rather than by filtering white noise: the same look at a tenth of the cost.
    """
    return rows.with_data(sample(rows.data, _elastic_grid(_size(rows), amount, seed), padding="border"))


@lru_cache(maxsize=64)
def _bumps(size: int, device: torch.device) -> Tensor:
    """Gaussian bumps about KNOTS points from edge to edge, (KNOTS, size); their squares add up to 1 everywhere."""
    x, knots = axis(size, torch.device("cpu")).double(), torch.linspace(-1, 1, KNOTS, dtype=torch.float64)
    bumps = torch.exp(-(((x[None] - knots[:, None]) / 0.4) ** 2))
    bumps = bumps / bumps.square().sum(0, keepdim=True).sqrt()
    return bumps.to(torch.float32).to(device)


def _elastic_grid(size: Size, amount: Column, seed: Column) -> Tensor:
    """Where each pixel is read, (B, H, W) complex64."""
    height, width = size
    pulls = noise.normal(seed, (2, KNOTS, KNOTS)).mul_((2 * amount).view(-1, 1, 1, 1))
    over, up = _bumps(width, seed.device), _bumps(height, seed.device)[:, :, None]
    lines = pulls[..., :1] * over[0]
    for at in range(1, KNOTS):
        lines.addcmul_(pulls[..., at : at + 1], over[at])
    field = lines[:, :, :1] * up[0]
    for at in range(1, KNOTS):
        field.addcmul_(lines[:, :, at : at + 1], up[at])
    return torch.complex(field[:, 0], field[:, 1]).add_(identity(height, width, seed.device))


def _size(rows: TensorRows) -> Size:
    height, width = rows.data.shape[-2:]
    return int(height), int(width)
