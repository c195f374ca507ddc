"""Parts of a picture hidden or moved: blocks, copied patches, grids. Lengths are shares of the picture's sides."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators import noise
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Real, Seed
from mlfuzz.placemap import Size, Warp

PATCH = 0.3
"""The largest patch, as a share of each side: what `patch` reads and writes, whatever its size."""

SIDE = "of the side"
ACROSS, DOWN = Real(0.0, 1.0, unit="of the way across"), Real(0.0, 1.0, unit="of the way down")


def behind_block(size_: Size, *, size: Column, x: Column, y: Column, **_: object) -> Warp:
    """What a block hides, in part or in whole."""
    return Warp(hidden=_block(size_, size, x, y)[:, 0] > 0)


def behind_patch(size_: Size, *, size: Column, x: Column, y: Column, **_: object) -> Warp:
    """What stands where the patch is put is another part of the scene."""
    height, width = size_
    tall, wide = math.ceil(PATCH * height), math.ceil(PATCH * width)
    down, across = (
        _within(n, _corner(at, n - side), _pixels(size, n, side).view(-1))
        for n, at, side in ((height, y, tall), (width, x, wide))
    )
    return Warp(hidden=down[:, :, None] & across[:, None])


def behind_grid(size_: Size, *, size: Column, period: Column, x: Column, y: Column, **_: object) -> Warp:
    """What the squares hide."""
    return Warp(hidden=_squares(size_, size, period, x, y)[:, 0] > 0)


@mutator(
    "image.occlusion", kind="occlusion", cost=2, place_map=behind_block,
    size=Real(0.0, 0.3, neutral=0.0, unit=SIDE), x=ACROSS, y=DOWN, shade=Real(0.0, 1.0, unit="of white"),
)  # fmt: skip
def occlusion(rows: TensorRows, *, size: Column, x: Column, y: Column, shade: Column) -> TensorRows:
    """Hide a block of `size` x `size` behind one shade, from black to white.

    Source: DeVries & Taylor, Cutout, 2017; DeepXplore's occlusion (Pei et al., SOSP 2017).
    """
    return rows.with_data(torch.lerp(rows.data, _each(shade), _block(_size(rows), size, x, y)))


@mutator(
    "image.noise_block", kind="occlusion", cost=2, place_map=behind_block,
    size=Real(0.0, 0.3, neutral=0.0, unit=SIDE), x=ACROSS, y=DOWN, seed=Seed(),
)  # fmt: skip
def noise_block(rows: TensorRows, *, size: Column, x: Column, y: Column, seed: Column) -> TensorRows:
    """Fill a block of `size` x `size` with random values. Source: Zhong et al., Random Erasing, AAAI 2020."""
    field = noise.uniform(seed, rows.data.shape[1:])
    return rows.with_data(torch.lerp(rows.data, field, _block(_size(rows), size, x, y)))


@mutator(
    "image.patch", kind="occlusion", cost=2, place_map=behind_patch,
    size=Real(0.0, PATCH, neutral=0.0, unit=SIDE), x=ACROSS, y=DOWN, from_x=ACROSS, from_y=DOWN,
)  # fmt: skip
def patch(rows: TensorRows, *, size: Column, x: Column, y: Column, from_x: Column, from_y: Column) -> TensorRows:
    """Copy a block of at most 0.3 of the sides from one place of the picture to another."""
    batch, channels, height, width = rows.data.shape
    tall, wide = math.ceil(PATCH * height), math.ceil(PATCH * width)
    into = _corner(y, height - tall) * width + _corner(x, width - wide)
    away = _corner(from_y, height - tall) * width + _corner(from_x, width - wide)
    down = torch.arange(tall, device=into.device)[:, None]
    across = torch.arange(wide, device=into.device)[None]
    written = into.view(-1, 1, 1) + (down * width + across)
    copied = (down < _pixels(size, height, tall)) & (across < _pixels(size, width, wide))
    # The block's size is fixed, so that rows of all sizes run in one call; what is not copied reads itself.
    read = written + torch.where(copied, (away - into).view(-1, 1, 1), 0)
    flat = rows.data.reshape(batch, channels, -1)
    read, written = (index.view(batch, 1, -1).expand(-1, channels, -1) for index in (read, written))
    return rows.with_data(flat.scatter(2, written, flat.gather(2, read)).view_as(rows.data))


@mutator(
    "image.grid_mask", kind="occlusion", cost=2, place_map=behind_grid,
    size=Real(0.0, 0.45, neutral=0.0, unit="of the period"), period=Real(0.15, 0.4, unit=SIDE),
    x=Real(0.0, 1.0, unit="of the period"), y=Real(0.0, 1.0, unit="of the period"),
    shade=Real(0.0, 1.0, unit="of white"),
)  # fmt: skip
def grid_mask(rows: TensorRows, *, size: Column, period: Column, x: Column, y: Column, shade: Column) -> TensorRows:
    """Hide a square in each cell of a grid. Source: Chen et al., GridMask, 2020."""
    return rows.with_data(torch.lerp(rows.data, _each(shade), _squares(_size(rows), size, period, x, y)))


def _block(size_: Size, size: Column, x: Column, y: Column) -> Tensor:
    """How much of each pixel the block covers, (B, 1, H, W) in [0, 1]: its edges lie between pixels too."""
    height, width = size_
    down, across = (_covered(n, size, at, size.device) for n, at in ((height, y), (width, x)))
    return down[:, None, :, None] * across[:, None, None]


def _squares(size_: Size, size: Column, period: Column, x: Column, y: Column) -> Tensor:
    """1 where a square of the grid lies, else 0: (B, 1, H, W)."""
    height, width = size_
    down, across = (_stripes(_centres(n, size.device), size, period, phase) for n, phase in ((height, y), (width, x)))
    return down[:, None, :, None] * across[:, None, None]


def _within(n: int, start: Tensor, length: Tensor) -> Tensor:
    """Whether each of n pixels lies in [start, start + length): (B, n)."""
    pixels = torch.arange(n, device=start.device)[None]
    return (pixels >= start[:, None]) & (pixels < (start + length)[:, None])


def _size(rows: TensorRows) -> Size:
    height, width = rows.data.shape[-2:]
    return int(height), int(width)


def _covered(n: int, size: Column, at: Column, device: torch.device) -> Tensor:
    """Of n pixels, the share of each that [start, start + length) covers: (B, n)."""
    edges = _edges(n, device)
    length = size * n
    start = (at * (n - length))[:, None]
    inside = torch.minimum(edges[1:], start + length[:, None])
    return inside.sub_(torch.maximum(edges[:-1], start)).clamp_(min=0)


def _stripes(centres: Tensor, size: Column, period: Column, phase: Column) -> Tensor:
    """1 in the first `size` of each period, else 0: (B, n)."""
    inverse = 1 / period.clamp(min=1e-3)
    place = torch.addcmul(phase[:, None], centres, inverse[:, None]).remainder_(1)
    # A steep ramp for a comparison, which would have to write bools.
    return (size[:, None] - place).mul_(1e9).clamp_(0, 1)


def _corner(share: Column, room: int) -> Tensor:
    return (share.clamp(0, 1) * room).round_().long()


def _pixels(size: Column, n: int, most: int) -> Tensor:
    """Whole pixels of a side, (B, 1, 1)."""
    return (size * n).round_().clamp_(0, most).view(-1, 1, 1)


def _each(column: Column) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return column.view(-1, 1, 1, 1)


@lru_cache(64)
def _edges(n: int, device: torch.device) -> Tensor:
    return torch.arange(n + 1, dtype=torch.float32, device=device)


@lru_cache(64)
def _centres(n: int, device: torch.device) -> Tensor:
    """Pixel centres as shares of the side, (1, n)."""
    return ((_edges(n, device)[:-1] + 0.5) / n)[None]
