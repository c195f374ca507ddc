"""Pixel by pixel: brightness, contrast, colours. Rows are (B, C, H, W) in [0, 1]."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Integer, LogReal, Real

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R BT.601, as in YIQ."""


@mutator("image.brightness", kind="colour", amount=Real(-0.25, 0.25, neutral=0.0, unit="of full scale"))
def brightness(rows: TensorRows, *, amount: Column) -> TensorRows:
    """Add `amount` to every pixel.

    Source: DeepTest, ICSE 2018 (-21..20 of 255); ImageNet-C's brightness at severities 1 to 3.
    """
    return rows.with_data(rows.data + _each(amount))


@mutator("image.contrast_gain", kind="colour", gain=LogReal(0.5, 1.9, neutral=1.0, unit="times"))
def contrast_gain(rows: TensorRows, *, gain: Column) -> TensorRows:
    """Multiply every pixel by `gain`, about black.

    Source: DeepTest, ICSE 2018, contrast (x 0.1..1.9; below 0.5 dark pictures vanish).
    """
    return rows.with_data(rows.data * _each(gain))


@mutator("image.contrast", kind="colour", cost=2, factor=LogReal(0.4, 2.0, neutral=1.0, unit="times"))
def contrast(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Stretch or flatten each channel about its mean by `factor`.

    Source: Hendrycks and Dietterich, ImageNet-C, ICLR 2019, contrast (0.4 is its severity 1).
    """
    # One axis at a time: a sum over all of a lone grey row is split between threads, and rounds otherwise.
    mean = rows.data.mean(3, keepdim=True).mean(2, keepdim=True)
    return rows.with_data(torch.lerp(mean, rows.data, _each(factor)))


@mutator("image.gamma", kind="colour", cost=4, exponent=LogReal(0.5, 2.0, neutral=1.0))
def gamma(rows: TensorRows, *, exponent: Column) -> TensorRows:
    """Raise every pixel to `exponent`: below 1 lifts the shadows, above 1 deepens them."""
    # Not `**`: the last few values of a loop go through another pow, and where loops end depends on the threads.
    return rows.with_data(rows.data.log().mul_(_each(exponent)).exp_())


@mutator("image.saturation", kind="colour", min_channels=3, factor=Real(0.0, 2.5, neutral=1.0, unit="times"))
def saturation(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Move each pixel away from its own grey (0 is grey, 1 as it is); grey pictures stay as they are.

    Source: Hendrycks and Dietterich, ImageNet-C, ICLR 2019, saturate.
    """
    if rows.data.shape[1] == 1:
        return rows
    red, green, blue = (rows.data.narrow(1, channel, 1) for channel in range(3))
    grey = (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])
    return rows.with_data(torch.lerp(grey, rows.data, _each(factor)))


@mutator("image.hue", kind="colour", min_channels=3, degrees=Real(-45.0, 45.0, neutral=0.0, unit="degrees"))
def hue(rows: TensorRows, *, degrees: Column) -> TensorRows:
    """Turn every colour about the grey axis of YIQ; brightness stays, grey pictures stay as they are."""
    if rows.data.shape[1] == 1:
        return rows
    keep, turn, grey = _yiq(rows.data.device)
    angle = degrees.view(-1, 1, 1) * (math.pi / 180)
    matrix = grey + angle.cos() * keep + angle.sin() * turn
    return rows.with_data(_mixed(rows.data, matrix))


@mutator("image.posterize", kind="colour", cost=2, bits=Integer(3, 8, neutral=8, unit="bits"))
def posterize(rows: TensorRows, *, bits: Column) -> TensorRows:
    """Round every pixel to one of 2 ** `bits` levels, black and white among them.

    Source: Cubuk et al., AutoAugment, CVPR 2019, posterize (4 to 8 bits, there cut and not rounded).
    """
    # 8 bits and more leave a float32 grid as it is, too: rounding is mixed in by a share of 0 or 1.
    steps = _each(torch.exp2(bits.to(torch.float32)).sub_(1))
    rounded = (rows.data * steps).round_().div_(steps)
    return rows.with_data(torch.lerp(rows.data, rounded, _each((bits < 8).to(torch.float32))))


@mutator(
    "image.solarize", kind="colour", cost=2, threshold=Real(0.5, 1.0, neutral=1.0, unit="of full scale"), default=False
)
def solarize(rows: TensorRows, *, threshold: Column) -> TensorRows:
    """Invert what is brighter than `threshold`. Not in the default set: of a bright stroke only its outline stays.

    Source: Cubuk et al., AutoAugment, CVPR 2019, solarize.
    """
    above = (rows.data - _each(threshold)).mul_(1e30).clamp_(0, 1)
    return rows.with_data(torch.addcmul(rows.data, above, 1 - 2 * rows.data))


@mutator("image.invert", kind="colour", effect="destroying", default=False)
def invert(rows: TensorRows) -> TensorRows:
    """Turn black to white and back. Whether a negative keeps its label depends on the task: not in the default set."""
    return rows.with_data(1 - rows.data)


@mutator("image.channel_swap", kind="colour", min_channels=3, order=Integer(0, 5, neutral=0))
def channel_swap(rows: TensorRows, *, order: Column) -> TensorRows:
    """Put the colours in another order: 0 RGB, 1 RBG, 2 GRB, 3 GBR, 4 BRG, 5 BGR; grey pictures stay as they are.

    BGR is what a decoder of another library hands over.
    """
    batch, channels, height, width = rows.data.shape
    if channels == 1:
        return rows
    source = _orders(rows.data.device)[order.clamp(0, 5)] + 3 * torch.arange(batch, device=order.device)[:, None]
    planes = rows.data.reshape(batch * 3, height, width).index_select(0, source.view(-1))
    return rows.with_data(planes.view(batch, 3, height, width))


def _each(column: Column) -> Tensor:
    return column.view(-1, 1, 1, 1)


def _mixed(data: Tensor, matrix: Tensor) -> Tensor:
    """Colours (B, 3, H, W) through matrices (B, 3, 3); sums rather than a product, whose order depends on the batch."""
    out = data[:, :1] * matrix[:, :, :1, None]
    for channel in (1, 2):
        out.addcmul_(data.narrow(1, channel, 1), matrix.narrow(2, channel, 1)[..., None])
    return out


@lru_cache(maxsize=8)
def _orders(device: torch.device) -> Tensor:
    return torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], device=device)


@lru_cache(maxsize=8)
def _yiq(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices (3, 3) of a hue rotation: grey + cos * keep + sin * turn."""
    to_yiq = torch.tensor(
        [list(LUMA), [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]], dtype=torch.float64
    )
    back = torch.linalg.inv(to_yiq)
    grey = back[:, :1] @ to_yiq[:1]
    keep = back[:, 1:] @ to_yiq[1:]
    turn = back[:, 1:] @ torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64) @ to_yiq[1:]
    return keep.float().to(device), turn.float().to(device), grey.float().to(device)
