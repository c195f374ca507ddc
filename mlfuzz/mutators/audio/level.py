"""Operators on the values of samples: how loud, how bent, how coarse."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.bank import noise
from mlfuzz.mutators.audio.wave import amplitude, changed, each, lengths_of, rate_of, unless
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Integer, LogReal, Real, Seed

MAX_CLICKS = 16
"""Clicks in a row: one at most in each of as many equal parts of it."""

CLICK = (1.0, -0.6, 0.36, -0.22, 0.13, -0.08)
"""Shape of a click: a spark that rings for six samples."""

MU = 255.0
"""Of the mu-law, as telephony has it."""


@mutator("audio.gain", kind="level", cost=1, decibels=Real(-20.0, 6.0, neutral=0.0, unit="dB", sums="gain"))
def gain(rows: TensorRows, *, decibels: Column) -> TensorRows:
    """Make each waveform louder or softer; what passes full scale is clipped.

    Source: AequeVox's amplitude scaling, x .1 to .5 and x 2 (Rajan et al., FASE 2022).
    """
    return rows.with_data(rows.data * each(amplitude(decibels)))


@mutator("audio.offset", kind="level", cost=1, level=Real(-0.1, 0.1, neutral=0.0, unit="of full scale"))
def offset(rows: TensorRows, *, level: Column) -> TensorRows:
    """Add a constant to each sample, as a badly coupled input does. Ears do not notice."""
    return changed(rows, rows.data + each(level))


@mutator("audio.polarity", kind="level", cost=1)
def polarity(rows: TensorRows) -> TensorRows:
    """Turn each waveform upside down, as swapped wires do. Ears do not notice."""
    return rows.with_data(-rows.data)


@mutator("audio.clip", kind="level", cost=2, threshold=LogReal(0.05, 1.0, neutral=1.0, unit="of the peak"))
def clip(rows: TensorRows, *, threshold: Column) -> TensorRows:
    """Cut what passes a share of each row's own peak, as an overdriven input does; what is left stays as loud.

    Source: AequeVox's clipping at .01 to .05 of full scale (Rajan et al., FASE 2022).
    """
    peaks = rows.data.abs().amax((1, 2))
    bound = each(peaks * threshold.clamp(0, 1))
    return rows.with_data(torch.minimum(torch.maximum(rows.data, -bound), bound))


@mutator("audio.soft_clip", kind="level", cost=2, drive=Real(0.0, 12.0, neutral=0.0, unit="times louder"))
def soft_clip(rows: TensorRows, *, drive: Column) -> TensorRows:
    """Bend samples as a saturated amplifier does: soft ones come out louder, full scale stays where it is.

    (1 + drive) x / (1 + drive |x|): as round as a hyperbolic tangent, at a fifth of its cost.
    """
    strength = each(drive.clamp(min=0))
    return rows.with_data(rows.data.abs().mul_(strength).add_(1).reciprocal_().mul_(1 + strength).mul_(rows.data))


@mutator(
    "audio.tremolo", kind="level", cost=4,
    hertz=Real(2.0, 12.0, unit="Hz"), depth=Real(0.0, 0.8, neutral=0.0, unit="of the amplitude"),
)  # fmt: skip
def tremolo(rows: TensorRows, *, hertz: Column, depth: Column) -> TensorRows:
    """Let the loudness swing between 1 and 1 - depth, `hertz` times a second, from full loudness on."""
    place = torch.arange(rows.data.shape[-1], dtype=torch.float32, device=rows.data.device)
    swing = torch.cos(each(hertz.double() * (2 * math.pi / rate_of(rows))) * place)
    half = each(depth.double().clamp(0, 1) / 2)
    return rows.with_data(rows.data * swing.mul_(half).add_(1 - half))


@mutator(
    "audio.click", kind="level", cost=2,
    count=Integer(0, 8, neutral=0, unit="clicks"), height=LogReal(0.05, 0.8, unit="of full scale"), seed=Seed(),
)  # fmt: skip
def click(rows: TensorRows, *, count: Column, height: Column, seed: Column) -> TensorRows:
    """Add sparks of six samples at places that the seed decides, up or down: a scratched record, a loose plug.

    The first of 16 are kept; a smaller count takes clicks away and moves none.
    """
    chance = noise("uniform", seed, 2, MAX_CLICKS)
    order = noise("uniform", seed, 1, MAX_CLICKS, stream=1)[:, 0].argsort(dim=1, stable=True)
    parts = lengths_of(rows).view(-1, 1) / MAX_CLICKS
    places = ((order + chance[:, 0]) * parts).long().clamp_(min=0)
    there = torch.arange(MAX_CLICKS, device=seed.device) < count.view(-1, 1)
    heights = torch.where(chance[:, 1] < 0.5, -1.0, 1.0) * height.view(-1, 1).float() * there
    shape = torch.tensor(CLICK, device=seed.device)
    length = rows.data.shape[-1]
    sparks = torch.zeros(len(rows), length + len(CLICK), device=seed.device)
    at = (places[..., None] + torch.arange(len(CLICK), device=seed.device)).flatten(1)
    sparks.scatter_add_(1, at, (heights[..., None] * shape).flatten(1))
    return changed(rows, rows.data + sparks[:, None, :length])


@mutator("audio.bit_depth", kind="level", cost=2, bits=Integer(6, 14, neutral=16, unit="bits"))
def bit_depth(rows: TensorRows, *, bits: Column) -> TensorRows:
    """Round samples to fewer bits, without dither."""
    steps = each(_steps(bits))
    return unless(bits >= 16, rows, (rows.data * steps).round_().div_(steps))


@mutator("audio.mu_law", kind="level", cost=8, bits=Integer(4, 8, neutral=16, unit="bits"))
def mu_law(rows: TensorRows, *, bits: Column) -> TensorRows:
    """Round samples on the logarithmic scale of digital telephony (8 bits there; fewer are coarser).

    Source: ITU-T G.711, its continuous form with mu = 255.
    """
    steps = each(_steps(bits) - 1)
    codes = rows.data.abs().mul_(MU).log1p_().mul_(steps / math.log1p(MU)).round_()
    sizes = codes.mul_(math.log1p(MU) / steps).expm1_().div_(MU)
    return unless(bits >= 16, rows, sizes.copysign_(rows.data))


def _steps(bits: Tensor) -> Tensor:
    """(B,) -> (B,) float64: 2 to the power bits - 1, exactly."""
    return (torch.ones_like(bits) << (bits.clamp(1, 32) - 1)).double()
