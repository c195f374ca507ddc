"""Sample-rate conversion of waveforms on the host: windowed sinc, polyphase, the same bits every time.

Own code, since the alternatives are LGPL (soxr) or heavy (scipy), and seeds are converted once.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

LOBES = 48
"""Zero crossings of the sinc on either side, at the lower of the two rates."""

BETA = 9.0
"""Of the Kaiser window: side lobes below -90 dB."""

ROLLOFF = 0.94
"""Cut-off over the lower Nyquist frequency: flat to 0.88 of it, -90 dB at it."""

MAX_PHASES = 1024
"""A ratio needing more filters is replaced by a nearby one, at most one part in a million off."""

BLOCK = 4096
"""Output samples of one phase at a time: bounds the memory of long files."""


def resampled(samples: NDArray[np.floating], from_hz: int, to_hz: int) -> NDArray[np.floating]:
    """(C, T) at `from_hz` -> (C, ceil(T * to_hz / from_hz)) at `to_hz`, float64; unchanged where the rates agree.

    No delay: sample n stands for the time n / to_hz. Outside the file is silence.
    Source: J. O. Smith, Digital Audio Resampling, CCRMA, 2002 (windowed sinc, polyphase form).
    """
    if from_hz == to_hz:
        return samples
    step = _ratio(from_hz, to_hz)
    filters = _filters(step)
    length = -(-samples.shape[1] * to_hz // from_hz)
    half = filters.shape[1] // 2
    reach = (length * step.numerator) // step.denominator + filters.shape[1] - samples.shape[1]
    padded = np.pad(samples.astype(np.float64), ((0, 0), (half - 1, max(0, reach) + 1)))
    out = np.empty((samples.shape[0], length))
    for phase in range(min(step.denominator, length)):
        first = phase * step.numerator // step.denominator
        for channel, wave in zip(out, padded, strict=True):
            _one_phase(channel[phase :: step.denominator], wave[first:], filters[phase], step.numerator)
    return out


def _one_phase(out: NDArray[np.float64], wave: NDArray[np.float64], taps: NDArray[np.float64], hop: int) -> None:
    """out[k] = taps . wave[k * hop : k * hop + len(taps)], in place."""
    stride = wave.strides[0]
    for start in range(0, len(out), BLOCK):
        stop = min(start + BLOCK, len(out))
        windows = as_strided(wave[start * hop :], (stop - start, len(taps)), (hop * stride, stride), writeable=False)
        out[start:stop] = windows @ taps


def _ratio(from_hz: int, to_hz: int) -> Fraction:
    """Input samples an output sample; its denominator is the number of filters."""
    return Fraction(from_hz, to_hz).limit_denominator(MAX_PHASES)


@lru_cache(maxsize=2)
def _filters(step: Fraction) -> NDArray[np.float64]:
    """One low-pass filter a phase, (phases, taps), each with a sum of one."""
    scale = max(1.0, float(step))
    half = math.ceil(LOBES * scale)
    phases = np.arange(step.denominator) * step.numerator % step.denominator / step.denominator
    distance = (np.arange(2 * half) - (half - 1) - phases[:, None]) / scale
    inside = np.clip(1 - (distance / LOBES) ** 2, 0, None)
    taps = np.sinc(distance * ROLLOFF) * np.i0(BETA * np.sqrt(inside))
    taps[np.abs(distance) >= LOBES] = 0
    return np.asarray(taps / taps.sum(1, keepdims=True), np.float64)
