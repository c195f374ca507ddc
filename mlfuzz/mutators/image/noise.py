"""Noise on pictures: every value of it is a function of a row's seed and a position, taken from the noise bank."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from mlfuzz.batch import TensorRows
from mlfuzz.mutators import noise
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Integer, Real, Seed

HUGE = 1e9
"""Added to a value that is to become white (or taken from one that is to become black): the grid clips the rest."""

CHANGED_PIXELS = 64
"""At most so many pixels `pixel_change` sets: a power of two."""


@mutator(
    "image.gauss_noise", kind="noise", cost=2, sigma=Real(0.0, 0.2, neutral=0.0, unit="of full scale"), seed=Seed()
)
def gauss_noise(rows: TensorRows, *, sigma: Column, seed: Column) -> TensorRows:
    """Add normal noise of standard deviation `sigma` to each value.

    Source: TensorFuzz (Odena et al., ICML 2019), whose only mutator it is, with sigma 0.2; ImageNet-C's
    `gaussian_noise` (Hendrycks & Dietterich, ICLR 2019) with 0.08 to 0.38.
    """
    field = noise.normal(seed, rows.data.shape[1:])
    return rows.with_data(torch.addcmul(rows.data, field, _each(sigma), out=field))


@mutator(
    "image.uniform_noise",
    kind="noise",
    cost=2,
    amplitude=Real(0.0, 0.3, neutral=0.0, unit="of full scale"),
    seed=Seed(),
)
def uniform_noise(rows: TensorRows, *, amplitude: Column, seed: Column) -> TensorRows:
    """Add to each value a number drawn evenly from [-amplitude, amplitude)."""
    field = noise.uniform(seed, rows.data.shape[1:]).sub_(0.5)
    return rows.with_data(torch.addcmul(rows.data, field, _each(amplitude * 2), out=field))


@mutator("image.shot_noise", kind="noise", cost=4, sigma=Real(0.0, 0.25, neutral=0.0, unit="of white"), seed=Seed())
def shot_noise(rows: TensorRows, *, sigma: Column, seed: Column) -> TensorRows:
    """Noise of counted photons: its deviation grows with the root of the value, up to `sigma` where it is white.

    A white pixel stands for 1 / sigma**2 photons (16 at 0.25); Poisson's law is replaced by the normal one.
    Source: ImageNet-C's `shot_noise` (Hendrycks & Dietterich, ICLR 2019), which counts 60 to 3 photons.
    """
    field = noise.normal(seed, rows.data.shape[1:])
    return rows.with_data(torch.addcmul(rows.data, field.mul_(rows.data.sqrt()), _each(sigma), out=field))


@mutator(
    "image.speckle_noise", kind="noise", cost=2, sigma=Real(0.0, 0.35, neutral=0.0, unit="of the value"), seed=Seed()
)
def speckle_noise(rows: TensorRows, *, sigma: Column, seed: Column) -> TensorRows:
    """Multiply each value by a normal number of mean 1 and standard deviation `sigma`.

    Source: ImageNet-C's `speckle_noise` (Hendrycks & Dietterich, ICLR 2019), 0.15 to 0.6.
    """
    field = noise.normal(seed, rows.data.shape[1:])
    return rows.with_data(torch.addcmul(rows.data, field.mul_(rows.data), _each(sigma), out=field))


@mutator("image.impulse_noise", kind="noise", cost=2, share=Real(0.0, 0.1, neutral=0.0, unit="of values"), seed=Seed())
def impulse_noise(rows: TensorRows, *, share: Column, seed: Column) -> TensorRows:
    """Salt and pepper: a `share` of the values becomes 0 or 1, half each.

    Source: ImageNet-C's `impulse_noise` (Hendrycks & Dietterich, ICLR 2019), 0.03 to 0.27.
    """
    # |u - 1/2| > (1 - share) / 2 in 5 % of a comparison's and a choice's time: comparing writes bools, which is slow.
    field = noise.uniform(seed, rows.data.shape[1:]).sub_(0.5).mul_(_each(1 / (1 - share).clamp(min=1e-6)))
    return rows.with_data(softshrink(field, 0.5).mul_(HUGE).add_(rows.data))


@mutator("image.pixel_change", kind="noise", cost=2, count=Integer(0, 16, neutral=0, unit="pixels"), seed=Seed())
def pixel_change(rows: TensorRows, *, count: Column, seed: Column) -> TensorRows:
    """Set `count` pixels (at most 64) to random values, each in its own part of the picture.

    Source: DeepHunter's `image_pixel_change` (Xie et al., ISSTA 2019), 1 to 10 pixels.
    """
    batch, channels, height, width = rows.data.shape
    parts = min(CHANGED_PIXELS, 1 << int(math.log2(height * width)))
    device = rows.data.device
    drawn = noise.uniform(seed, (1 + channels, parts))
    starts = torch.arange(parts + 1, device=device) * (height * width) // parts
    widths = starts.diff()
    # The product may round up to the width: no two parts may meet in one pixel, for then the last write would win.
    places = torch.minimum((drawn[:, 0] * widths).long(), widths - 1) + starts[:-1]
    # Which parts are hit: `count` consecutive ones of a permutation that starts where the seed says.
    turn = (torch.arange(parts, device=device) * 5 + noise.mix(seed, stream=1)[:, None]).remainder_(parts)
    flat = rows.data.reshape(batch, channels, -1)
    index = places[:, None].expand(-1, channels, -1)
    values = torch.where((turn < count[:, None])[:, None], drawn[:, 1:], flat.gather(2, index))
    return rows.with_data(flat.scatter(2, index, values).view_as(rows.data))


def _each(column: Column) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return column.view(-1, 1, 1, 1)
