"""Operators that take parts of the spectrum away, or weigh them otherwise. Zero-phase: nothing moves in time."""

from __future__ import annotations

from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.spectrum import filtered, frequencies
from mlfuzz.mutators.audio.wave import amplitude, rate_of, unless
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import LogReal, Real

INAUDIBLE_LOW, INAUDIBLE_HIGH = 10.0, 20_000.0
"""Hz: a high-pass at or below the first, a low-pass at or above the second, changes nothing that is heard."""

BANDS_HZ = (250.0, 4000.0)
"""Where the equaliser's bass ends and its treble begins."""


@mutator("audio.low_pass", kind="filter", cost=16, cutoff_hz=LogReal(800.0, 7000.0, neutral=INAUDIBLE_HIGH, unit="Hz"))
def low_pass(rows: TensorRows, *, cutoff_hz: Column) -> TensorRows:
    """Weaken what lies above a frequency, by 12 dB an octave; from 20 kHz on nothing.

    Source: AequeVox's low-pass, Butterworth of order 2 at 500 to 900 Hz (Rajan et al., FASE 2022).
    """
    return unless(cutoff_hz >= INAUDIBLE_HIGH, rows, filtered(rows.data, _low(rows, cutoff_hz), rate_of(rows)))


@mutator("audio.high_pass", kind="filter", cost=16, cutoff_hz=LogReal(60.0, 900.0, neutral=INAUDIBLE_LOW, unit="Hz"))
def high_pass(rows: TensorRows, *, cutoff_hz: Column) -> TensorRows:
    """Weaken what lies below a frequency, by 12 dB an octave; down to 10 Hz nothing.

    Source: AequeVox's high-pass, Butterworth of order 2 at 500 to 900 Hz (Rajan et al., FASE 2022).
    """
    return unless(cutoff_hz <= INAUDIBLE_LOW, rows, filtered(rows.data, _high(rows, cutoff_hz), rate_of(rows)))


@mutator(
    "audio.band_pass",
    kind="filter",
    cost=16,
    low_hz=LogReal(60.0, 500.0, neutral=INAUDIBLE_LOW, unit="Hz"),
    high_hz=LogReal(1800.0, 7000.0, neutral=INAUDIBLE_HIGH, unit="Hz"),
)
def band_pass(rows: TensorRows, *, low_hz: Column, high_hz: Column) -> TensorRows:
    """Keep what lies between two frequencies; 300 and 3400 Hz are a telephone's.

    Butterworth of order 2 on either side.
    """
    response = _low(rows, high_hz) * _high(rows, low_hz)
    neutral = (low_hz <= INAUDIBLE_LOW) & (high_hz >= INAUDIBLE_HIGH)
    return unless(neutral, rows, filtered(rows.data, response, rate_of(rows)))


@mutator(
    "audio.equaliser", kind="filter", cost=16,
    bass_db=Real(-12.0, 12.0, neutral=0.0, unit="dB"), middle_db=Real(-12.0, 12.0, neutral=0.0, unit="dB"),
    treble_db=Real(-12.0, 12.0, neutral=0.0, unit="dB"),
)  # fmt: skip
def equaliser(rows: TensorRows, *, bass_db: Column, middle_db: Column, treble_db: Column) -> TensorRows:
    """Weigh bass, middle and treble otherwise, as another microphone does; the bands meet at 250 Hz and 4 kHz."""
    hertz = frequencies(rate_of(rows), rows.data.device)
    bass, treble = 1 / (1 + (hertz / BANDS_HZ[0]).square()), 1 / (1 + (BANDS_HZ[1] / hertz.clamp(min=1)).square())
    middle = 1 - bass - treble
    shares = zip((bass, middle, treble), (bass_db, middle_db, treble_db), strict=True)
    decibels = sum((share * level.double().view(-1, 1) for share, level in shares), hertz.new_zeros(()))
    neutral = (bass_db == 0) & (middle_db == 0) & (treble_db == 0)
    return unless(neutral, rows, filtered(rows.data, amplitude(decibels), rate_of(rows)))


def _low(rows: TensorRows, cutoff_hz: Tensor) -> Tensor:
    """(B, F) magnitude of a Butterworth low-pass of order 2; 1 everywhere from 20 kHz on."""
    cutoff = cutoff_hz.double().clamp(min=1).view(-1, 1)
    ratio = (frequencies(rate_of(rows), rows.data.device) / cutoff).square_().square_()
    return ratio.add_(1).rsqrt_().masked_fill_(cutoff >= INAUDIBLE_HIGH, 1)


def _high(rows: TensorRows, cutoff_hz: Tensor) -> Tensor:
    """(B, F) magnitude of a Butterworth high-pass of order 2; 1 everywhere up to 10 Hz."""
    cutoff = cutoff_hz.double().clamp(min=1e-3).view(-1, 1)
    ratio = (frequencies(rate_of(rows), rows.data.device) / cutoff).square_().square_()
    return (ratio / (1 + ratio)).sqrt_().masked_fill_(cutoff <= INAUDIBLE_LOW, 1)
