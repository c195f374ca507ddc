"""Inverse warps: where in the source each output pixel is read, and the reading itself.

Coordinates are those of `grid_sample`: -1 and 1 are the outer edges of the picture, y points down. A grid is held as
complex numbers x + iy, (B, H, W): adding two separable halves of it is then one vectorised addition, three times
faster than `affine_grid`, whose matrix product may also round differently for one row and for many.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from mlfuzz.placemap import PlaceMap, Size, Warp

Lines: TypeAlias = tuple[Tensor, ...]
"""across, down and, where the picture is shifted, at: what `affine` reads each row at."""


@lru_cache(maxsize=64)
def axis(size: int, device: torch.device) -> Tensor:
    """Pixel centres along one axis, (size,) float32 in (-1, 1)."""
    return (torch.arange(size, dtype=torch.float64).mul(2).add(1).div(size).sub(1)).to(torch.float32).to(device)


@lru_cache(maxsize=64)
def identity(height: int, width: int, device: torch.device) -> Tensor:
    """The grid that changes nothing, (H, W) complex64."""
    x, y = axis(width, device), axis(height, device)
    return torch.complex(x.expand(height, width).contiguous(), y[:, None].expand(height, width).contiguous())


def sample(data: Tensor, grid: Tensor, *, padding: str = "zeros") -> Tensor:
    """data (B, C, H, W) read at grid (B, H, W) complex64, bilinear. padding: "zeros" or "border" outside."""
    return functional.grid_sample(
        data, torch.view_as_real(grid), mode="bilinear", padding_mode=padding, align_corners=False
    )


def affine(data: Tensor, across: Tensor, down: Tensor, at: Tensor | None = None, *, padding: str = "zeros") -> Tensor:
    """Each row read at across * x + down * y + at; three complex columns (B,)."""
    height, width = data.shape[-2:]
    along = axis(width, data.device) * across[:, None]
    if at is not None:
        along = along + at[:, None]
    return sample(data, along[:, None, :] + (axis(height, data.device) * down[:, None])[:, :, None], padding=padding)


def linear(lines: Callable[..., Lines]) -> PlaceMap:
    """The place map of an operator that reads with `affine` at what `lines` (size, **columns) gives."""

    def places(size: Size, **columns: Tensor) -> Warp:
        return Warp(matrix=in_pixels(_matrix(*lines(size, **columns)), size))

    return places


def in_pixels(matrix: Tensor, size: Size) -> Tensor:
    """Homogeneous matrices (R, 3, 3) between coordinates from -1 to 1 -> the same between pixels."""
    height, width = size
    # Written out: a product of matrices may round otherwise for one row than for many.
    shift = matrix[:, :, 2] - matrix[:, :, 0] - matrix[:, :, 1]
    read = torch.stack([matrix[:, :, 0] * (2 / width), matrix[:, :, 1] * (2 / height), shift], 2)
    along = [(read[:, 0] + read[:, 2]) * (width / 2), (read[:, 1] + read[:, 2]) * (height / 2), read[:, 2]]
    return torch.stack(along, 1)


def field_in_pixels(grid: Tensor) -> Tensor:
    """A grid (R, H, W) complex64 as places in pixels, (R, H, W, 2)."""
    height, width = grid.shape[-2:]
    return (torch.view_as_real(grid) + 1) * grid.real.new_tensor([width / 2, height / 2])


def _matrix(across: Tensor, down: Tensor, at: Tensor | None = None) -> Tensor:
    at = torch.zeros_like(across) if at is None else at
    upper = torch.stack([torch.stack([part.real, part.imag], -1) for part in (across, down, at)], -1)
    last = upper.new_tensor([0.0, 0.0, 1.0]).expand(len(upper), 1, 3)
    return torch.cat([upper, last], 1)
