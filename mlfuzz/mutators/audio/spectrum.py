"""Filters and convolution in short blocks: a row's bits do not depend on its batch, as they would with one long FFT.

Measured: batches of real FFTs of up to 8192 points give each row the bits it has alone, from 16384 points on not.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

MAX_POINTS = 8192

BLOCK_SECONDS = 0.128
"""Of an FFT: a quarter of it (32 ms) is what a zero-phase filter may reach to either side."""


@cache
def points(rate_hz: int) -> int:
    """Of the FFT at a sample rate: 2048 at 16 kHz."""
    wanted = 256
    while wanted < rate_hz * BLOCK_SECONDS and wanted < MAX_POINTS:
        wanted *= 2
    return wanted


def frequencies(rate_hz: int, device: torch.device) -> Tensor:
    """(F,) Hz of the bins that `filtered` wants a response for, float64."""
    size = points(rate_hz)
    return torch.arange(size // 2 + 1, dtype=torch.float64, device=device) * (rate_hz / size)


def filtered(data: Tensor, response: Tensor, rate_hz: int) -> Tensor:
    """(B, C, T) through zero-phase filters: response (B, F) is the factor at each of `frequencies`. No delay.

    Blocks of half an FFT stand in its middle, so that a filter may reach a quarter of it to either side, and are added
    where they overlap.
    """
    size = points(rate_hz)
    half, quarter = size // 2, size // 4
    count, channels, length = data.shape
    blocks = -(-length // half)
    framed = pad(data, (0, blocks * half - length)).view(count, channels, blocks, half)
    spectrum = torch.view_as_real(torch.fft.rfft(pad(framed, (quarter, quarter)))).flatten(-2)
    # Real and imaginary parts side by side times the same real factor: a product that vectorises, and rounds alike.
    spectrum *= response.float().repeat_interleave(2, dim=1)[:, None, None]
    frames = torch.fft.irfft(torch.view_as_complex(spectrum.view(count, channels, blocks, half + 1, 2)), n=size)
    return _overlapped(frames.view(count, channels, blocks, 2, half))[..., quarter : quarter + length]


def convolved(data: Tensor, taps: Tensor) -> Tensor:
    """(B, C, T) with causal taps (B, L), cut to T: uniformly partitioned convolution.

    Source: T. G. Stockham, High-speed convolution and correlation, AFIPS 1966, with the taps cut into blocks too.
    """
    count, channels, length = data.shape
    half = _partition(taps.shape[1])
    blocks, parts = -(-length // half), -(-taps.shape[1] // half)
    real, imaginary = _split(pad(data, (0, blocks * half - length)).view(count, channels, blocks, half))
    framed = pad(taps, (0, parts * half - taps.shape[1])).view(count, 1, parts, half)
    # Whole blocks of taps, even past T: one tap fewer would round the others otherwise than in a longer batch.
    tap_real, tap_imaginary = _split(framed[:, :, :blocks])
    out_real, out_imaginary = torch.zeros_like(real), torch.zeros_like(imaginary)
    for part in range(min(parts, blocks)):
        here, there = slice(0, blocks - part), slice(part, blocks)
        a, b = real[:, :, here], imaginary[:, :, here]
        c, d = tap_real[:, :, part : part + 1], tap_imaginary[:, :, part : part + 1]
        out_real[:, :, there].addcmul_(a, c).addcmul_(b, d, value=-1)
        out_imaginary[:, :, there].addcmul_(a, d).addcmul_(b, c)
    frames = torch.fft.irfft(torch.complex(out_real, out_imaginary), n=2 * half)
    return _overlapped(frames.view(count, channels, blocks, 2, half))[..., :length]


def _partition(taps: int) -> int:
    """Block length: a quarter of the taps or so, within what an exact FFT allows."""
    half = 256
    while half < taps // 4 and half < MAX_POINTS // 2:
        half *= 2
    return half


def _split(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks (..., half) -> real and imaginary part of their spectra at twice the length, each contiguous."""
    spectrum = torch.view_as_real(torch.fft.rfft(blocks, n=2 * blocks.shape[-1]))
    return spectrum[..., 0].contiguous(), spectrum[..., 1].contiguous()


def _overlapped(frames: Tensor) -> Tensor:
    """(B, C, blocks, 2, half) -> (B, C, (blocks + 1) * half): the second half of each on the first of the next."""
    count, channels, blocks, _, half = frames.shape
    out = torch.zeros(count, channels, blocks + 1, half, dtype=frames.dtype, device=frames.device)
    out[:, :, :blocks] = frames[..., 0, :]
    out[:, :, 1:] += frames[..., 1, :]
    return out.flatten(2)
