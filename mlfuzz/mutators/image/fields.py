"""Smooth and drawn fields: clouds, blobs, streaks, flakes, crystals, as windows of textures that are made once a size.

A texture is larger than the picture; a row's field is the window of it at an offset taken from its seed, so that it
costs what copying costs (0.1-0.25 ns an element against 4-7 for value noise interpolated anew). Made by numpy from
additions and products alone: the same on any device. Lengths are shares of the shorter side of the picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.mutators.noise import mix

TEXTURE_KEY = 0x7465787475726573
"""Philox key of the textures: changing it changes every field, so it never changes."""

LEANS = (-30, -20, -10, 0, 10, 20, 30)
"""Degrees from the vertical of which there are streaks and flakes."""

Array = NDArray[np.float32]


def clouds(seeds: Tensor, size: tuple[int, int]) -> Tensor:
    """Thick and thin fog, (B, 1, H, W) in [0, 1]: noise of four octaves, the largest half the picture."""
    return windows(_clouds(size, seeds.device), seeds, size)


def blobs(seeds: Tensor, size: tuple[int, int]) -> Tensor:
    """Drops and splashes, (B, 1, H, W), evenly spread over (0, 1): below p lies p of the area, on average."""
    return windows(_blobs(size, seeds.device), seeds, size)


def crystals(seeds: Tensor, size: tuple[int, int]) -> Tensor:
    """Needles of ice, (B, 1, H, W) in [0, 1], bright along the edges of cells."""
    return windows(_crystals(size, seeds.device), seeds, size)


def streaks(seeds: Tensor, size: tuple[int, int], degrees: Tensor) -> Tensor:
    """Rain, (B, 1, H, W) in [0, 1): 0 between the drops; each is as bright as it is rare, so that those above
    1 - p are a share p of them. degrees: (B,) from the vertical, rounded to one of LEANS."""
    return windows(_streaks(size, seeds.device), seeds, size, _lean(degrees))


def flakes(seeds: Tensor, size: tuple[int, int], degrees: Tensor) -> Tensor:
    """Snow, as `streaks`: discs of 1.5 to 3 % of the side with a short trail."""
    return windows(_flakes(size, seeds.device), seeds, size, _lean(degrees))


def windows(texture: Tensor, seeds: Tensor, size: tuple[int, int], layer: Tensor | None = None) -> Tensor:
    """A window (B, 1, H, W) of the texture (L, H', W') for each seed (B,), in a layer (B,) or in the first.

    Always a copy: the caller may write into it.
    """
    layers, rows, columns = texture.shape
    height, width = size
    down, right = rows - height, columns - width
    hashed = mix(seeds)
    start = (hashed % down).mul_(columns).add_((hashed >> 16).remainder_(right))
    if layer is not None:
        start += layer * (rows * columns)
    # Of all windows that could start anywhere, those within the last row's reach are addressable.
    count = (layers - 1) * rows * columns + (down - 1) * columns + right
    every = texture.as_strided((count, height, width), (1, columns, 1))
    return every.index_select(0, start).unsqueeze(1)


def _lean(degrees: Tensor) -> Tensor:
    return (degrees * 0.1).round_().clamp_(-3, 3).long().add_(3)


def _extent(size: tuple[int, int]) -> tuple[int, int]:
    """Of a texture: room for thousands of offsets, but not many times the memory of a large picture."""
    height, width = size
    room = max(64, min(3 * max(size), 256))
    return height + room, width + room


def _generator(number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=TEXTURE_KEY, counter=[0, 0, 0, number]))


@lru_cache(16)
def _clouds(size: tuple[int, int], device: torch.device) -> Tensor:
    rng, extent, side = _generator(1), _extent(size), min(size)
    field = np.zeros(extent, np.float32)
    for octave in range(1, 5):
        field += value_noise(rng, extent, side / 2**octave) / np.float32(2 ** (octave - 1))
    low, high = field.min(), field.max()
    return _texture((field - low) / (high - low), device)


@lru_cache(16)
def _blobs(size: tuple[int, int], device: torch.device) -> Tensor:
    rng, extent, side = _generator(2), _extent(size), min(size)
    field = value_noise(rng, extent, side / 8) + value_noise(rng, extent, side / 16) / np.float32(2)
    ranks = np.empty(field.size, np.float32)
    ranks[np.argsort(field.ravel(), kind="stable")] = (np.arange(field.size, dtype=np.float32) + 0.5) / field.size
    return _texture(ranks.reshape(extent), device)


@lru_cache(16)
def _crystals(size: tuple[int, int], device: torch.device) -> Tensor:
    """Ridges between Voronoi cells, where the two nearest points are equally far; roughened by value noise."""
    rng, extent, side = _generator(3), _extent(size), min(size)
    cell = max(side / 6, 2.0)
    count = int(np.ceil(extent[0] / cell) * np.ceil(extent[1] / cell))
    y, x = (np.arange(n, dtype=np.float32) for n in extent)
    nearest = np.full(extent, np.inf, np.float32)
    second = nearest.copy()
    for point in rng.random((count, 3), np.float32):
        down, across = np.abs(y - point[0] * extent[0]), np.abs(x - point[1] * extent[1])
        # Stretched one way or the other: needles rather than honeycomb.
        far = (down * (1 + point[2]))[:, None] + (across * (2 - point[2]))[None]
        np.minimum(second, np.maximum(nearest, far), out=second)
        np.minimum(nearest, far, out=nearest)
    ridge = 1 / (1 + (second - nearest) * np.float32(5 / cell))
    return _texture(ridge * (0.6 + 0.4 * value_noise(rng, extent, side / 8)), device)


@lru_cache(16)
def _streaks(size: tuple[int, int], device: torch.device) -> Tensor:
    length = max(2, round(0.15 * min(size)))
    dots = _dots(_generator(4), _extent(size), share=0.35 / length)
    return _texture(np.stack([_trailed(dots, length, lean) for lean in LEANS]), device)


@lru_cache(16)
def _flakes(size: tuple[int, int], device: torch.device) -> Tensor:
    rng, extent, side = _generator(5), _extent(size), min(size)
    length = max(1, round(0.04 * side))
    small, large = (_disc(_dots(rng, extent, share), radius) for share, radius in (
        (0.15 / (length * max(1.0, (0.014 * side) ** 2)), 0.007 * side),
        (0.1 / (length * max(1.0, (0.03 * side) ** 2)), 0.015 * side),
    ))  # fmt: skip
    both = np.maximum(small, large)
    return _texture(np.stack([_trailed(both, length, lean) for lean in LEANS]), device)


def value_noise(rng: np.random.Generator, extent: tuple[int, int], cell: float) -> Array:
    """Random numbers in [0, 1) on a lattice of `cell` pixels, at least one, smoothly joined: (H', W').

    Source: value noise with the cubic fade of Perlin, An Image Synthesizer, SIGGRAPH 1985.
    """
    cell = max(cell, 1.0)
    knots = rng.random(tuple(int(n / cell) + 2 for n in extent), np.float32)
    for axis, n in enumerate(extent):
        at = np.arange(n, dtype=np.float64) / cell
        first = at.astype(np.int64)
        part = at - first
        fade = (part * part * (3 - 2 * part)).astype(np.float32)
        fade = fade[:, None] if axis == 0 else fade[None]
        knots = knots.take(first, axis) * (1 - fade) + knots.take(first + 1, axis) * fade
    return knots


def _dots(rng: np.random.Generator, extent: tuple[int, int], share: float) -> Array:
    """A `share` of the pixels evenly spread over (0, 1), the others 0."""
    return np.where(rng.random(extent, np.float32) < share, rng.random(extent, np.float32), np.float32(0))


def _trailed(field: Array, length: int, degrees: int) -> Array:
    """Each value smeared over `length` pixels downwards, leaning; the larger wins. The reach doubles with each pass."""
    tangent = {0: 0.0, 10: 0.1763, 20: 0.3640, 30: 0.5774}[abs(degrees)] * (1 if degrees >= 0 else -1)
    reach, seen = 1, field
    while reach < length:
        step = min(reach, length - reach)
        seen = np.maximum(seen, np.roll(seen, (step, round(step * tangent)), (0, 1)))
        reach += step
    return seen


def _disc(field: Array, radius: float) -> Array:
    """The largest value within `radius` pixels of each."""
    reach, seen = int(radius), field
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if 0 < down * down + across * across <= radius * radius:
                seen = np.maximum(seen, np.roll(field, (down, across), (0, 1)))
    return seen


def _texture(field: NDArray[np.floating], device: torch.device) -> Tensor:
    """(H', W') or (L, H', W') -> (L, H', W') on the device."""
    layers = field[None] if field.ndim == 2 else field
    return torch.from_numpy(np.ascontiguousarray(layers, np.float32)).to(device)
