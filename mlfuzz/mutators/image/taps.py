"""Blurs as sums of shifted pictures: as fast as a grouped convolution, and the same bits for one row and for many.

A grouped convolution over a single row of one channel takes another path in oneDNN and differs by 2e-7.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_SIDE = 48
"""Lengths are shares of the shorter side, and of this many pixels on smaller pictures: a share that shows on a
photograph would be a fraction of a pixel on a digit."""


def side(data: Tensor) -> int:
    """The length in pixels that a share of 1 stands for."""
    return max(min(data.shape[-2:]), SMALLEST_SIDE)


def padded(data: Tensor, radius: int) -> Tensor:
    """The picture with its border pixels repeated `radius` times on each side."""
    return functional.pad(data, (radius, radius, radius, radius), mode="replicate")


def shifted(wide: Tensor, radius: int, down: int, across: int) -> Tensor:
    """The picture that `padded` widened, read `down` and `across` pixels further; a view."""
    height, width = wide.shape[-2] - 2 * radius, wide.shape[-1] - 2 * radius
    return wide[..., radius + down : radius + down + height, radius + across : radius + across + width]


def along_both(data: Tensor, weights: Tensor) -> Tensor:
    """Each row blurred by its own kernel, along the width and then the height. weights: (B, 2 R + 1)."""
    return _along(_along(data, weights, 3), weights, 2)


def gaussian(sigma: Tensor, radius: int) -> Tensor:
    """Kernels (B, 2 R + 1) of deviations `sigma` (B,) in pixels; 0 is a lone 1."""
    steps = torch.arange(-radius, radius + 1, device=sigma.device, dtype=torch.float32)
    weights = (-(steps * steps) / (2 * sigma * sigma + 1e-12)[:, None]).exp_()
    return weights / weights.sum(1, keepdim=True)


def box(width: Tensor, radius: int) -> Tensor:
    """Kernels (B, 2 R + 1) of means over `width` (B,) pixels, its ends in part; 1 and less are a lone 1."""
    steps = torch.arange(-radius, radius + 1, device=width.device, dtype=torch.float32).abs()
    weights = (width.clamp(min=1)[:, None] / 2 + 0.5 - steps).clamp_(0, 1)
    return weights / weights.sum(1, keepdim=True)


def disc(data: Tensor, radius: Tensor, *, reach: int) -> Tensor:
    """Each row averaged over a disc of `radius` (B,) pixels with a soft rim; 0 changes nothing.

    Pixels at one distance share a weight, so they are added up first. reach: the largest radius there is.
    """
    wide, rings = padded(data, reach), _rings(reach)
    weights = torch.stack([(radius + 0.5 - math.sqrt(square)).clamp(0, 1) * len(at) for square, at in rings], 1)
    weights = weights / weights.sum(1, keepdim=True)
    out = torch.zeros_like(data)
    for column, (_, at) in zip(weights.unbind(1), rings, strict=True):
        ring = shifted(wide, reach, *at[0])
        for number, place in enumerate(at[1:]):
            ring = ring + shifted(wide, reach, *place) if number == 0 else ring.add_(shifted(wide, reach, *place))
        out.addcmul_(column.view(-1, 1, 1, 1), ring, value=1 / len(at))
    return out


def summed(wide: Tensor, radius: int, down: Tensor, across: Tensor) -> Tensor:
    """The picture that `padded` widened, read at K offsets (K, B) int64 of each row's own and added up: (B, C, H, W).

    A row of the flat batch from its own first pixel on is one block of memory, so each reading is a plain copy.
    """
    batch, channels, tall, broad = wide.shape
    height, width = tall - 2 * radius, broad - 2 * radius
    row = channels * tall * broad
    length = row - 2 * radius * broad - 2 * radius
    starts = torch.arange(0, batch * row, row, device=wide.device) + (down + radius) * broad + (across + radius)
    every = wide.view(-1).as_strided((batch * row - length + 1, length), (1, 1))
    first, *others = starts.unbind(0)
    total = every.index_select(0, first)
    block = torch.empty_like(total)
    for start in others:
        total.add_(torch.index_select(every, 0, start, out=block))
    return total.as_strided((batch, channels, height, width), (length, tall * broad, broad, 1))


def median(data: Tensor, step: int) -> Tensor:
    """The median of 3 x 3 pixels `step` apart.

    Upright threes are sorted once and shared by their neighbours. The whole batch is one line of memory here: what is
    read past the end of a line falls into the border, which is cut off, and one long loop beats many short ones.
    """
    wide = padded(data, step)
    line = step * wide.shape[-1]
    low, middle, high = _sorted3(*_thirds(wide.view(-1), line))
    lows, middles, highs = _thirds(low, step), _thirds(middle, step), _thirds(high, step)
    lowest = torch.maximum(lows[0], lows[1])
    torch.maximum(lowest, lows[2], out=lowest)
    highest = torch.minimum(highs[0], highs[1])
    torch.minimum(highest, highs[2], out=highest)
    flat = _sorted3(lowest, _sorted3(*middles)[1], highest)[1]
    return flat.as_strided(data.shape, wide.stride())


def _thirds(flat: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
    return flat[: -2 * step], flat[step:-step], flat[2 * step :]


def _sorted3(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    rest = torch.minimum(high, c)
    return torch.minimum(low, c), torch.maximum(low, rest, out=rest), torch.maximum(high, c, out=high)


def _along(data: Tensor, weights: Tensor, dim: int) -> Tensor:
    radius, size = weights.shape[1] // 2, data.shape[dim]
    edges = (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius)
    wide = functional.pad(data, edges, mode="replicate")
    first, *others = (column.view(-1, 1, 1, 1) for column in weights.unbind(1))
    out = wide.narrow(dim, 0, size) * first
    for step, column in enumerate(others, start=1):
        out.addcmul_(column, wide.narrow(dim, step, size))
    return out


def _rings(reach: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """Squared distance -> the offsets at that distance, out to `reach`."""
    rings: dict[int, list[tuple[int, int]]] = {}
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if math.hypot(down, across) < reach + 0.5:
                rings.setdefault(down * down + across * across, []).append((down, across))
    return sorted(rings.items())
