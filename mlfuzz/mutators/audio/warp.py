"""Waveforms read between their samples, and stretched: the kernels of the operators that bend time or pitch."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

FRACTION_BITS = 24
"""Positions are whole numbers of 2**-24 samples: exact sums, whatever the length of a row."""

SILENT = 1e-9
"""Magnitude of a bin below which it has no phase."""


def read_at(data: Tensor, step: Tensor, length: int) -> Tensor:
    """(B, C, T) read at 0, step, 2 step, ... by cubic interpolation -> (B, C, length). step: (B,) float64 samples.

    Silence outside. Where a step is exactly 1 the samples come back as they are.
    Source: E. Catmull, R. Rom, A class of local interpolating splines, 1974.
    """
    count, channels, have = data.shape
    place = torch.arange(length, device=data.device) * (step * (1 << FRACTION_BITS)).round().long().view(-1, 1)
    whole = (place >> FRACTION_BITS).clamp_(max=have + 1)
    t = place.bitwise_and_((1 << FRACTION_BITS) - 1).to(data.dtype).mul_(2.0**-FRACTION_BITS)[:, None]
    framed = pad(data, (1, 4))
    if channels > 1:
        whole = whole[:, None].expand(count, channels, length)
        a, b, c, d = (framed.gather(2, whole + near) for near in range(4))
    else:
        rows = torch.arange(count, device=data.device).view(-1, 1) * framed.shape[-1]
        flat, first = framed.view(-1), whole.add_(rows)
        a, b, c, d = (flat.take(first + near)[:, None] for near in range(4))
    # Horner's form of the Catmull-Rom cubic through b and c.
    cubic = torch.add(d - a, b - c, alpha=3.0)
    square = torch.add(a, b, alpha=-2.5).add_(c, alpha=2.0).add_(d, alpha=-0.5)
    bent = cubic.mul_(t).mul_(0.5).add_(square).mul_(t).add_(c - a, alpha=0.5)
    return bent.mul_(t).add_(b)


def stretched(data: Tensor, speed: Tensor, length: int, *, band: Tensor | None = None, rate_hz: int) -> Tensor:
    """(B, C, T) played at `speed` (B,) float64 without a change of pitch -> (B, C, length); silence behind.

    band: (B,) share of the spectrum that is kept, from below.
    A phase vocoder whose phases are turned by products of unit phasors, so that no angle is ever taken.
    Source: J. Laroche, M. Dolson, Improved phase vocoder time-scale modification of audio, IEEE SAP 7, 1999.
    """
    count, channels, _ = data.shape
    size = _frame(rate_hz)
    hop = size // 4
    real, imaginary = _analysed(data.flatten(0, 1), size, hop)
    size_of = real.square().addcmul_(imaginary, imaginary).sqrt_()
    loud = size_of > SILENT
    x = torch.where(loud, real.div_(size_of), 1.0)
    y = torch.where(loud, imaginary.div_(size_of), 0.0)
    if band is not None:
        kept = torch.arange(real.shape[2], device=data.device) < (band * real.shape[2]).view(-1, 1)
        size_of *= kept.repeat_interleave(channels, 0)[:, None]
    frames = -(-length // hop) + 4
    first, share = _places(speed.repeat_interleave(channels), real.shape[1], frames)
    size_of = torch.lerp(_taken(size_of, first), _taken(size_of, first + 1), share)
    x0, y0, x1, y1 = _taken(x, first), _taken(y, first), _taken(x, first + 1), _taken(y, first + 1)
    out_x, out_y = _turned(x0, y0, x1, y1)
    wave = _synthesised(out_x.mul_(size_of), out_y.mul_(size_of), size, hop)
    return wave[:, :length].reshape(count, channels, length)


def _turned(x0: Tensor, y0: Tensor, x1: Tensor, y1: Tensor) -> tuple[Tensor, Tensor]:
    """Phasors of all frames, from that of the first read and what each bin's phase advances between the two frames
    that are read for each: real and imaginary parts, (N, M, F) all.

    A frame's are the products of all advances before it: a loop of two calls a frame, real and imaginary part in one.
    """
    count, frames, bins = x0.shape
    # The advance x + iy as (x, y) and (-y, x), a frame after the other: what is next to another is read together.
    straight, crossed = x0.new_empty(2, frames, 2, count, bins)
    turn_x, turn_y = (straight[:, part].transpose(0, 1) for part in range(2))
    # y0 and x1 are kept apart by hand: complex products round differently at the end of a tensor.
    torch.addcmul(x1 * x0, y1, y0, out=turn_x)
    torch.addcmul(y1 * x0, x1, y0, value=-1, out=turn_y)
    torch.neg(turn_y, out=crossed[:, 0].transpose(0, 1))
    crossed[:, 1].transpose(0, 1).copy_(turn_x)
    out = x0.new_empty(frames + 1, 2, count, bins)
    out[0, 0], out[0, 1] = x0[:, 0], y0[:, 0]
    partly = out[0].view(2, -1).clone()
    reals, imaginaries = out.view(frames + 1, 2, 1, -1).unbind(1)
    lanes = (part.view(-1, 2, count * bins).unbind(0) for part in (straight, crossed, out[1:]))
    for real, imaginary, a, b, then in zip(reals, imaginaries, *lanes, strict=False):
        torch.mul(real, a, out=partly)
        torch.addcmul(partly, imaginary, b, out=then)
    return out[:frames, 0].transpose(0, 1).contiguous(), out[:frames, 1].transpose(0, 1).contiguous()


def _places(speed: Tensor, have: int, frames: int) -> tuple[Tensor, Tensor]:
    """Frame numbers (N, frames) that are read, at most the last but one, and how far towards the next."""
    place = torch.arange(frames, device=speed.device) * (speed * (1 << FRACTION_BITS)).round().long().view(-1, 1)
    whole = (place >> FRACTION_BITS).clamp(max=have - 2)
    share = (place & ((1 << FRACTION_BITS) - 1)).float() * 2.0**-FRACTION_BITS
    return whole, share[..., None]


def _taken(values: Tensor, frames: Tensor) -> Tensor:
    """Frames (N, M) of (N, K, F) -> (N, M, F), copied run by run."""
    count, have, bins = values.shape
    flat = frames + torch.arange(count, device=values.device).view(-1, 1) * have
    return values.view(-1, bins).index_select(0, flat.view(-1)).view(count, -1, bins)


@cache
def _frame(rate_hz: int) -> int:
    """Samples of a frame, about 30 ms: 512 at 16 kHz."""
    size = 64
    while size < rate_hz * 0.025:
        size *= 2
    return size


@cache
def _window(size: int, device: torch.device) -> Tensor:
    return torch.hann_window(size, dtype=torch.float64).float().to(device)


def _analysed(waves: Tensor, size: int, hop: int) -> tuple[Tensor, Tensor]:
    """(N, T) -> real and imaginary part of the spectra (N, K, F): frame k is centred on sample k hop; 0 at the end."""
    framed = pad(waves, (size // 2, 2 * size + (-waves.shape[1]) % hop))
    frames = framed.unfold(1, size, hop) * _window(size, waves.device)
    spectrum = torch.view_as_real(torch.fft.rfft(frames))
    return spectrum[..., 0].contiguous(), spectrum[..., 1].contiguous()


def _synthesised(real: Tensor, imaginary: Tensor, size: int, hop: int) -> Tensor:
    """The waveforms (N, (K - 2) hop) of spectra (N, K, F)."""
    frames = torch.fft.irfft(torch.complex(real, imaginary), n=size)
    # A Hann window on the way in and one on the way out add up to 1.5 at four frames a window.
    frames *= _window(size, frames.device) / 1.5
    count, have, _ = frames.shape
    out = torch.zeros(count, have + 3, hop, dtype=frames.dtype, device=frames.device)
    for quarter in range(4):
        out[:, quarter : quarter + have] += frames[:, :, quarter * hop : (quarter + 1) * hop]
    return out.flatten(1)[:, size // 2 :]
