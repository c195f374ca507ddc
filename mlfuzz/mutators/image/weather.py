"""Weather: fog, mist, rain, snow, frost, spatter. Fields come from `fields.py`; no picture file is needed.

DeepTest's fog and rain were composed in a picture editor and never released (Tian et al., ICSE 2018, section 4: a layer
laid over the photograph); `image.mist` and `image.rain` lay such layers.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.image import fields
from mlfuzz.mutators.param import Real, Seed

DROP_EDGE = 0.15
"""Drops and flakes fade in over so much of their rarity: a slightly higher density brings them in one by one."""

SPLASH_EDGE = 0.02
"""Splashes have a soft rim of this share of the area."""

MUD, WATER = (0.247, 0.165, 0.078), (0.686, 0.933, 0.933)
"""Colours of ImageNet-C's spatter."""

LUMA = (0.299, 0.587, 0.114)


@mutator("image.fog", kind="weather", cost=2, amount=Real(0.0, 1.0, neutral=0.0), seed=Seed())
def fog(rows: TensorRows, *, amount: Column, seed: Column) -> TensorRows:
    """Add `amount` times a cloud to the picture and scale back to the range.

    Source: ImageNet-C's `fog` (Hendrycks & Dietterich, ICLR 2019), amounts 1.5 to 3, with plasma for the cloud.
    """
    return rows.with_data(torch.lerp(rows.data, fields.clouds(seed, _size(rows)), _each(amount / (1 + amount))))


@mutator("image.mist", kind="weather", cost=2, opacity=Real(0.0, 0.6, neutral=0.0), seed=Seed())
def mist(rows: TensorRows, *, opacity: Column, seed: Column) -> TensorRows:
    """Lay a white cloud over the picture, thick in places.

    Source: DeepTest's fog (ICSE 2018), whose code is not out.
    """
    layer = fields.clouds(seed, _size(rows)).mul_(_each(opacity))
    return rows.with_data(torch.lerp(rows.data, _white(rows), layer))


@mutator(
    "image.rain", kind="weather", cost=2, density=Real(0.0, 0.4, neutral=0.0, unit="of a downpour"),
    opacity=Real(0.3, 0.7), lean=Real(-30.0, 30.0, unit="degrees"), seed=Seed(),
)  # fmt: skip
def rain(rows: TensorRows, *, density: Column, opacity: Column, lean: Column, seed: Column) -> TensorRows:
    """Lay bright streaks over the picture, which `lean` from the vertical, in steps of 10 degrees.

    Source: DeepTest's rain (ICSE 2018), whose code is not out.
    """
    layer = _drops(fields.streaks(seed, _size(rows), lean), density, opacity)
    return rows.with_data(torch.lerp(rows.data, _white(rows), layer))


@mutator(
    "image.snow", kind="weather", cost=4, density=Real(0.0, 0.5, neutral=0.0, unit="of a snowstorm"),
    lean=Real(-30.0, 30.0, unit="degrees"), seed=Seed(),
)  # fmt: skip
def snow(rows: TensorRows, *, density: Column, lean: Column, seed: Column) -> TensorRows:
    """Lay flakes with a short trail over the picture, and brighten it as a snowy day does.

    Source: ImageNet-C's `snow` (Hendrycks & Dietterich, ICLR 2019).
    """
    layer = _drops(fields.flakes(seed, _size(rows), lean), density, torch.ones_like(density))
    pale = torch.lerp(rows.data, _white(rows), _each(density * 0.2))
    return rows.with_data(torch.lerp(pale, _white(rows), layer, out=pale))


@mutator("image.frost", kind="weather", cost=2, amount=Real(0.0, 1.0, neutral=0.0), seed=Seed())
def frost(rows: TensorRows, *, amount: Column, seed: Column) -> TensorRows:
    """Grow ice crystals from the rim of the picture inwards.

    Source: ImageNet-C's `frost` (Hendrycks & Dietterich, ICLR 2019), which blends in photographs of ice.
    """
    size = _size(rows)
    ice = fields.crystals(seed, size).mul_(_rim(size, rows.data.device)).mul_(_each(amount))
    return rows.with_data(torch.lerp(rows.data, _white(rows), ice))


@mutator(
    "image.spatter", kind="weather", cost=2, share=Real(0.0, 0.2, neutral=0.0, unit="of the area"),
    mud=Real(0.0, 1.0, unit="of mud, else water"), seed=Seed(),
)  # fmt: skip
def spatter(rows: TensorRows, *, share: Column, mud: Column, seed: Column) -> TensorRows:
    """Splash the lens: clear pale water (`mud` 0) to opaque brown mud (1), over a `share` of the picture.

    Source: ImageNet-C's `spatter` (Hendrycks & Dietterich, ICLR 2019), which knows water and mud.
    """
    opacity = 0.5 + 0.4 * mud
    layer = fields.blobs(seed, _size(rows)).neg_().add_(_each(share)).clamp_(0, SPLASH_EDGE)
    water, brown = _colours(rows.data.shape[1], rows.data.device)
    colour = torch.lerp(water, brown, _each(mud))
    return rows.with_data(torch.lerp(rows.data, colour, layer.mul_(_each(opacity / SPLASH_EDGE))))


def _drops(field: Tensor, density: Column, opacity: Column) -> Tensor:
    """Of a field of drops those above 1 - density, as a layer (B, 1, H, W). Writes into the field."""
    return field.add_(_each(density - 1)).clamp_(0, DROP_EDGE).mul_(_each(opacity / DROP_EDGE))


def _each(column: Column) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return column.view(-1, 1, 1, 1)


def _size(rows: TensorRows) -> tuple[int, int]:
    return int(rows.data.shape[2]), int(rows.data.shape[3])


def _white(rows: TensorRows) -> Tensor:
    return rows.data.new_ones(())


@lru_cache(16)
def _rim(size: tuple[int, int], device: torch.device) -> Tensor:
    """0.3 in the middle to 1 in the corners, (H, W)."""
    y, x = (torch.linspace(-1, 1, n) if n > 1 else torch.zeros(1) for n in size)
    return (0.3 + 0.35 * (y[:, None] ** 2 + x[None] ** 2)).to(device)


@lru_cache(16)
def _colours(channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Water and mud, (1, C, 1, 1) each; grey pictures have their luma."""
    water, brown = torch.tensor(WATER), torch.tensor(MUD)
    if channels != 3:
        luma = torch.tensor(LUMA)
        water, brown = (water * luma).sum().expand(channels), (brown * luma).sum().expand(channels)
    return water.view(1, -1, 1, 1).to(device), brown.view(1, -1, 1, 1).to(device)
