"""Out of focus, in motion, behind glass, too few pixels. Rows are (B, C, H, W) in [0, 1].

Lengths are shares of the shorter side (see `taps.side`). Borders are repeated outwards. How far a kernel reaches is
fixed by the declared range and the picture's size: a recorded length beyond it is cut off there.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators import noise
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.image.taps import along_both, box, disc, gaussian, median, padded, shifted, side, summed
from mlfuzz.mutators.image.warp import affine, identity, sample
from mlfuzz.mutators.param import Real, Seed

SIDE = "of the side"
MEAN, GAUSS, DEFOCUS, MOTION = 0.06, 0.02, 0.03, 0.1
"""The longest lengths drawn, in shares of the side."""


@mutator("image.blur_mean", kind="blur", cost=4, width=Real(0.0, MEAN, neutral=0.0, unit=SIDE))
def blur_mean(rows: TensorRows, *, width: Column) -> TensorRows:
    """Average over squares of `width`. Source: DeepTest, ICSE 2018, averaging (3 to 6 px)."""
    length = side(rows.data)
    return rows.with_data(along_both(rows.data, box(width * length, math.ceil(MEAN * length / 2))))


@mutator("image.blur_gauss", kind="blur", cost=8, deviation=Real(0.0, GAUSS, neutral=0.0, unit=SIDE))
def blur_gauss(rows: TensorRows, *, deviation: Column) -> TensorRows:
    """Blur by a Gaussian of standard `deviation`, cut off at 2.5 of the largest.

    Source: DeepTest, ICSE 2018 (3, 5, 7 px); ImageNet-C, Gaussian blur (severities 1 to 4).
    """
    length = side(rows.data)
    return rows.with_data(along_both(rows.data, gaussian(deviation * length, math.ceil(2.5 * GAUSS * length))))


@mutator("image.blur_median", kind="blur", cost=8, share=Real(0.0, 1.0, neutral=0.0, unit="of the median"))
def blur_median(rows: TensorRows, *, share: Column) -> TensorRows:
    """Move each pixel towards the median of 3 x 3, by `share`.

    The nine lie further apart on larger pictures: every pixel up to 96, every second up to 192, and so on.
    Source: DeepTest, ICSE 2018, median (3 and 5 px).
    """
    step = max(1, round(min(rows.data.shape[-2:]) / 96))
    return rows.with_data(torch.lerp(rows.data, median(rows.data, step), _each(share)))


@mutator("image.blur_bilateral", kind="blur", cost=24, contrast=Real(0.0, 0.3, neutral=0.0, unit="of full scale"))
def blur_bilateral(rows: TensorRows, *, contrast: Column) -> TensorRows:
    """Average with the four pixels to each side that differ by about `contrast` or less: edges stay.

    Along the width, then the height: Pham and van Vliet, Separable bilateral filtering, ICME 2005.
    Source: DeepTest, ICSE 2018, bilateral (diameter 9, deviation 75 of 255 = 0.3).
    """
    step = max(1, round(side(rows.data) / 112))
    falloff = _each(-0.5 / 3 / (contrast * contrast + 1e-12))
    return rows.with_data(_bilateral(_bilateral(rows.data, falloff, 3, step), falloff, 2, step))


@mutator("image.defocus", kind="blur", cost=8, radius=Real(0.0, DEFOCUS, neutral=0.0, unit=SIDE))
def defocus(rows: TensorRows, *, radius: Column) -> TensorRows:
    """Spread each point over a disc of `radius`, as a lens out of focus does.

    Source: Hendrycks and Dietterich, ImageNet-C, ICLR 2019, defocus blur (3 to 10 px of 224).
    """
    length = side(rows.data)
    return rows.with_data(disc(rows.data, radius * length, reach=math.ceil(DEFOCUS * length)))


@mutator(
    "image.motion",
    kind="blur",
    cost=8,
    length=Real(0.0, MOTION, neutral=0.0, unit=SIDE),
    degrees=Real(0.0, 180.0, unit="degrees"),
)
def motion(rows: TensorRows, *, length: Column, degrees: Column) -> TensorRows:
    """Smear the picture along a line of `length` that rises by `degrees` from the level.

    The mean of evenly spaced readings at whole pixels. Source: ImageNet-C, motion blur.
    """
    reach = math.ceil(MOTION * side(rows.data) / 2)
    wide = padded(rows.data, reach)
    half, angle = length * (side(rows.data) / 2), degrees * (math.pi / 180)
    places = torch.linspace(-1, 1, 2 * reach + 1, device=half.device)[:, None]
    across = (places * (half * angle.cos())).round_().clamp_(-reach, reach).to(torch.int64)
    down = (places * (half * -angle.sin())).round_().clamp_(-reach, reach).to(torch.int64)
    return rows.with_data(summed(wide, reach, down, across) * (1 / (2 * reach + 1)))


@mutator("image.zoom_blur", kind="blur", cost=16, amount=Real(0.0, 0.2, neutral=0.0, unit="of the size"))
def zoom_blur(rows: TensorRows, *, amount: Column) -> TensorRows:
    """Average eight pictures zoomed from 1 to 1 + `amount`, as a lens zoomed during the exposure does.

    Three rounds of "the mean of it and it zoomed", each twice as far, are eight zooms at the price of three.
    Source: Hendrycks and Dietterich, ImageNet-C, ICLR 2019, zoom blur (1.1 to 1.3).
    """
    data, step = rows.data, torch.exp(torch.log1p(amount) * (-1 / 7))
    for _ in range(3):
        data = affine(data, step + 0j, step * 1j, padding="border").add_(data).mul_(0.5)
        step = step * step
    return rows.with_data(data)


@mutator("image.glass", kind="blur", cost=8, amount=Real(0.0, 0.03, neutral=0.0, unit=SIDE), seed=Seed())
def glass(rows: TensorRows, *, amount: Column, seed: Column) -> TensorRows:
    """Read each pixel from a place of its own within `amount`, as through frosted glass.

    Source: Hendrycks and Dietterich, ImageNet-C, ICLR 2019, glass blur (there pixels swap places).
    """
    height, width = rows.data.shape[-2:]
    ground, pixel = _ground(height, width, rows.data.device)
    jitter = noise.uniform(seed, (height, width, 2)).sub_(0.5).mul_(pixel)
    grid = torch.addcmul(ground, jitter, _each(amount * (2 * side(rows.data))))
    return rows.with_data(sample(rows.data, torch.view_as_complex(grid), padding="border"))


@mutator("image.sharpen", kind="blur", cost=2, amount=Real(0.0, 2.0, neutral=0.0, unit="times"))
def sharpen(rows: TensorRows, *, amount: Column) -> TensorRows:
    """Move each pixel away from the mean of its four neighbours by `amount` of the difference."""
    wide = padded(rows.data, 1)
    around = shifted(wide, 1, -1, 0) + shifted(wide, 1, 1, 0)
    around = around.add_(shifted(wide, 1, 0, -1)).add_(shifted(wide, 1, 0, 1)).mul_(0.25)
    return rows.with_data(torch.lerp(around, rows.data, _each(amount + 1)))


@mutator("image.pixelate", kind="blur", cost=8, block=Real(0.0, 0.06, neutral=0.0, unit=SIDE))
def pixelate(rows: TensorRows, *, block: Column) -> TensorRows:
    """Average over square blocks of `block`; below one pixel nothing changes.

    Source: Hendrycks and Dietterich, ImageNet-C, ICLR 2019, pixelate.
    """
    pixels = (block * side(rows.data)).clamp(min=1)
    upright = _blocks(rows.data, pixels).transpose(2, 3).contiguous()
    return rows.with_data(_blocks(upright, pixels).transpose(2, 3).contiguous())


def _each(column: Column) -> Tensor:
    return column.view(-1, 1, 1, 1)


@lru_cache(maxsize=64)
def _ground(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The grid that changes nothing, and a pixel's extent along its axes: (H, W, 2) each."""
    pixel = torch.tensor([2 / width, 2 / height], device=device).expand(height, width, 2).contiguous()
    return torch.view_as_real(identity(height, width, device)), pixel


def _bilateral(data: Tensor, falloff: Tensor, dim: int, step: int) -> Tensor:
    """Along one axis. falloff: -1 / (6 deviation ** 2) of the difference in level, (B, 1, 1, 1)."""
    reach, size = 4 * step, data.shape[dim]
    edges = (reach, reach, 0, 0) if dim == 3 else (0, 0, reach, reach)
    wide = torch.nn.functional.pad(data, edges, mode="replicate")
    # A pixel weighs for its neighbour what that weighs for it: four times all pairs so far apart, not eight.
    pairs = [_near(wide, falloff, dim, reach - far, reach, size + far) for far in range(step, reach + 1, step)]
    total, weights = data.clone(), torch.ones_like(data[:, :1])
    for at in (-4, -3, -2, -1, 1, 2, 3, 4):
        there = wide.narrow(dim, reach + at * step, size)
        weight = pairs[abs(at) - 1].narrow(dim, max(at, 0) * step, size)
        total.addcmul_(weight, there)
        weights.add_(weight)
    return total.div_(weights)


def _near(wide: Tensor, falloff: Tensor, dim: int, here: int, there: int, size: int) -> Tensor:
    """How alike pixels are that lie `there` - `here` apart along an axis, for `size` pairs: 1 to 0, (B, 1, H', W').

    exp(x) as (1 + x / 3) ** 3 down to 0: it differs by 0.06 at most, and costs a sixth.
    """
    apart = (wide.narrow(dim, there, size) - wide.narrow(dim, here, size)).square_()
    apart = apart if wide.shape[1] == 1 else apart.mean(1, keepdim=True)
    near = apart.mul_(falloff).add_(1.0).clamp_min_(0.0)
    return (near * near).mul_(near)


def _blocks(data: Tensor, pixels: Tensor) -> Tensor:
    """Means over blocks of `pixels` (B,) along the height, each block's value in all its lines."""
    batch, channels, height, width = data.shape
    sums = torch.nn.functional.pad(data.cumsum(2), (0, 0, 1, 0)).view(-1, width)
    lines = torch.arange(height, device=data.device) + 0.5
    block = (lines / pixels[:, None]).floor_()
    first = (block * pixels[:, None]).round_().clamp_(max=height - 1)
    last = ((block + 1) * pixels[:, None]).round_().clamp_(max=height)
    start = torch.arange(batch * channels, device=data.device).view(batch, channels, 1) * (height + 1)
    above = sums.index_select(0, (first.to(torch.int64)[:, None] + start).view(-1))
    below = sums.index_select(0, (last.to(torch.int64)[:, None] + start).view(-1))
    share = (last - first).clamp_(min=1).reciprocal_().view(batch, 1, height, 1)
    return below.sub_(above).view(batch, channels, height, width) * share
