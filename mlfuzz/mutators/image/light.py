"""Light that falls on a scene unevenly: shadow and glare. Lengths are shares of the picture's sides."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Real

SOFTNESS = 0.06
"""Of a shadow's edge, as a share of the side."""


@mutator(
    "image.shadow", kind="weather", cost=2, strength=Real(0.0, 0.6, neutral=0.0),
    facing=Real(0.0, 360.0, unit="degrees"), offset=Real(-0.35, 0.35, unit="of the side"),
)  # fmt: skip
def shadow(rows: TensorRows, *, strength: Column, facing: Column, offset: Column) -> TensorRows:
    """Darken the side of a line that it is `facing` by `strength`; the line lies `offset` from the centre."""
    y, x = _axes(rows)
    angle = facing * (math.pi / 180)
    down = torch.addcmul(_each(0.5 - offset / SOFTNESS), y, _each(angle.sin() / SOFTNESS))
    depth = (x * _each(angle.cos() / SOFTNESS) + down).clamp_(0, 1).mul_(_each(strength))
    return rows.with_data(torch.addcmul(rows.data, rows.data, depth, value=-1))


@mutator(
    "image.glare", kind="weather", cost=2, strength=Real(0.0, 0.7, neutral=0.0), x=Real(0.0, 1.0, unit="of the width"),
    y=Real(0.0, 1.0, unit="of the height"), radius=Real(0.15, 0.5, unit="of the side"),
)  # fmt: skip
def glare(rows: TensorRows, *, strength: Column, x: Column, y: Column, radius: Column) -> TensorRows:
    """A light shines into the lens at (x, y): white there, fading out over `radius`."""
    inverse = _each(1 / radius.clamp(min=1e-3))
    down, right = _axes(rows)
    near = ((down - _each(y - 0.5)) * inverse).square_().neg_().add_(1)
    disc = (near - ((right - _each(x - 0.5)) * inverse).square_()).clamp_(min=0).square_()
    return rows.with_data(torch.lerp(rows.data, rows.data.new_ones(()), disc.mul_(_each(strength))))


def _each(column: Column | Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return column.view(-1, 1, 1, 1)


def _axes(rows: TensorRows) -> tuple[Tensor, Tensor]:
    """Pixel centres as shares of the sides, from -1/2 to 1/2: (1, 1, H, 1) and (1, 1, 1, W)."""
    return _centres(int(rows.data.shape[2]), int(rows.data.shape[3]), rows.data.device)


@lru_cache(16)
def _centres(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    y, x = ((torch.arange(n, dtype=torch.float32) + 0.5) / n - 0.5 for n in (height, width))
    return y.view(1, 1, -1, 1).to(device), x.view(1, 1, 1, -1).to(device)
