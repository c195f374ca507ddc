"""Noise for waveforms: rings of white, pink and brown noise, read from a place that the seed decides.

Unlike the bank for pictures, what a row gets does not depend on how long its batch is: position t of channel c is a
function of (seed, c, t) alone, so a row replays from its own file.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.mutators.noise import BANK_KEY, mix

RING = 1 << 18
"""Numbers of a ring: 16 s at 16 kHz until noise comes back."""

STRIDE = 16
"""Rows start at every 16th number of the ring (a cache line)."""

SHORT = 1024
"""Below this many numbers a row they are taken one by one: copying a run costs 6 us before its first number."""

LOWEST = 1.0 / 1024
"""Share of the sample rate (16 Hz at 16 kHz) below which coloured noise no longer rises."""

Colour = Literal["white", "pink", "brown", "uniform"]

SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}
"""Amplitude falls with frequency to this power: 0, 3 and 6 dB an octave."""


def noise(colour: Colour, seeds: Tensor, channels: int, length: int, *, stream: int = 0) -> Tensor:
    """(B, channels, length) noise of mean square 1, or even in [0, 1). seeds: (B,) int64. stream: for another field."""
    starts = torch.stack([_place(seeds, stream * 64 + channel) for channel in range(channels)], 1).view(-1)
    turns = 1 + -(-length // RING)
    ring = _ring(colour, turns, seeds.device)
    if length < SHORT:
        found = ring.take((starts * STRIDE).view(-1, 1) + torch.arange(length, device=seeds.device))
    else:
        found = ring.as_strided((RING // STRIDE, length), (STRIDE, 1)).index_select(0, starts)
    return found.view(len(seeds), channels, length)


def _place(seeds: Tensor, stream: int) -> Tensor:
    """(B,) window numbers. The upper bits: the lowest of a hash by multiplication depend on the seed's lowest alone."""
    return (mix(seeds, stream=stream) >> 8) % (RING // STRIDE)


@cache
def _ring(colour: Colour, turns: int, device: torch.device) -> Tensor:
    """The ring laid out `turns` times, so that any row is one run of it."""
    return torch.from_numpy(np.tile(_once(colour), turns)).to(device)


@cache
def _once(colour: Colour) -> NDArray[np.float32]:
    generator = np.random.Generator(np.random.Philox(key=BANK_KEY + 1))
    if colour == "uniform":
        return generator.random(RING, np.float32)
    spectrum = np.fft.rfft(generator.standard_normal(RING))
    spectrum *= np.maximum(np.arange(len(spectrum)) / RING, LOWEST) ** -SLOPES[colour]
    spectrum[0] = 0
    wave = np.fft.irfft(spectrum, RING)
    return np.asarray(wave / np.sqrt(np.mean(wave**2)), np.float32)
