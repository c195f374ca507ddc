"""Operators that move samples in time, or bend time and pitch.

Where the modality has one length for all, T stays: what passes its end is cut, what is missing is silence. Where
lengths vary, a row's length changes with it, and nothing is cut.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.spectrum import filtered, frequencies
from mlfuzz.mutators.audio.warp import read_at, stretched
from mlfuzz.mutators.audio.wave import (
    changed,
    cut,
    lengths_of,
    moved,
    of_length,
    rate_of,
    room_for,
    samples_of,
    unit_of,
    unless,
)
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Choice, LogReal, Real
from mlfuzz.timemap import Moments, Warp

SPEEDS = (0.125, 8.0)
"""Speeds beyond these are taken for these: a record may ask for anything."""


def later(seconds: float, *, milliseconds: float) -> Warp:
    """The time map of `shift`."""
    return Warp(lambda moments: moments - milliseconds / 1000, seconds)


def trimmed(seconds: float, *, start_ms: float, end_ms: float) -> Warp:
    """The time map of `trim`."""
    start, end = (min(max(gone, 0.0) / 1000, seconds / 4) for gone in (start_ms, end_ms))
    return Warp(lambda moments: moments + start, seconds - start - end)


def paused(seconds: float, *, at: float, milliseconds: float) -> Warp:
    """The time map of `silence_insert`."""
    place, pause = min(max(at, 0.0), 1.0) * seconds, max(milliseconds, 0.0) / 1000

    def source(moments: Moments) -> Moments:
        return np.where(moments < place, moments, np.where(moments < place + pause, np.nan, moments - pause))

    return Warp(source, seconds + pause)


def faster(seconds: float, *, factor: float) -> Warp:
    """The time map of `speed` and `time_stretch`."""
    fast = min(max(factor, SPEEDS[0]), SPEEDS[1])
    return Warp(lambda moments: moments * fast, seconds / fast)


@mutator(
    "audio.shift", kind="time", cost=2, time_map=later,
    milliseconds=Real(-100.0, 100.0, neutral=0.0, unit="ms", sums="delay"),
)  # fmt: skip
def shift(rows: TensorRows, *, milliseconds: Column) -> TensorRows:
    """Move each waveform later (or earlier, below 0); silence comes in, what passes the end is lost."""
    return changed(rows, moved(rows.data, -samples_of(milliseconds, rows)))


@mutator(
    "audio.trim", kind="time", cost=4, time_map=trimmed,
    start_ms=Real(0.0, 80.0, neutral=0.0, unit="ms"), end_ms=Real(0.0, 80.0, neutral=0.0, unit="ms"),
)  # fmt: skip
def trim(rows: TensorRows, *, start_ms: Column, end_ms: Column) -> TensorRows:
    """Cut both ends, at most a quarter of the row each; what is left begins at the start."""
    lengths = lengths_of(rows)
    start, end = (samples_of(gone, rows).clamp(min=0).minimum(lengths // 4) for gone in (start_ms, end_ms))
    left = lengths - start - end
    return of_length(rows, left, cut(moved(rows.data, start), left))


@mutator(
    "audio.silence_insert", kind="time", cost=2, time_map=paused,
    at=Real(0.0, 1.0, unit="of the length"), milliseconds=Real(0.0, 150.0, neutral=0.0, unit="ms"),
)  # fmt: skip
def silence_insert(rows: TensorRows, *, at: Column, milliseconds: Column) -> TensorRows:
    """Put a pause in; what follows comes later. Place and pause are rounded to about a millisecond.

    Moved in runs of a millisecond, which is five times as fast as sample by sample.
    """
    unit = unit_of(rows)
    lengths = lengths_of(rows)
    place = (at.double().clamp(0, 1) * lengths / unit).long().view(-1, 1)
    pause = (samples_of(milliseconds, rows).clamp(min=0) / unit).round().long().view(-1, 1)
    longer = lengths + pause.view(-1) * unit
    wanted = room_for(rows, longer)
    count, channels, have = rows.data.shape
    units = -(-wanted // unit)
    runs = torch.nn.functional.pad(rows.data, (0, (units + 1) * unit - have)).view(count, channels, units + 1, unit)
    time = torch.arange(units, device=rows.data.device)
    source = torch.where(time < place, time, torch.where(time < place + pause, units, time - pause))
    data = runs.transpose(1, 2).reshape(-1, channels * unit) if channels > 1 else runs.view(-1, unit)
    first = torch.arange(count, device=rows.data.device).view(-1, 1) * (units + 1)
    data = data.index_select(0, (source + first).view(-1)).view(count, units, channels, unit)
    data = data.transpose(1, 2).reshape(count, channels, units * unit)[..., :wanted]
    return of_length(rows, longer, data)


@mutator(
    "audio.speed", kind="time", cost=32, time_map=faster,
    factor=LogReal(0.8, 1.25, neutral=1.0, unit="times as fast", sums="speed"),
)  # fmt: skip
def speed(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Play each waveform faster or slower, its pitch going with it, by cubic interpolation (what lies above the new
    Nyquist frequency is not taken away first).

    Source: AequeVox's scale, .5 to 1 (Rajan et al., FASE 2022).
    """
    fast = factor.double().clamp(*SPEEDS)
    lengths = _played(rows, fast)
    return of_length(rows, lengths, read_at(rows.data, fast, room_for(rows, lengths)))


@mutator(
    "audio.time_stretch", kind="time", cost=64, time_map=faster,
    factor=LogReal(0.8, 1.25, neutral=1.0, unit="times as fast", sums="speed"),
)  # fmt: skip
def time_stretch(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Play each waveform faster or slower at the same pitch: a phase vocoder with frames of 32 ms."""
    fast = factor.double().clamp(*SPEEDS)
    lengths = _played(rows, fast)
    data = stretched(rows.data, fast, room_for(rows, lengths), rate_hz=rate_of(rows))
    return _kept(fast == 1, rows, of_length(rows, lengths, data))


@mutator(
    "audio.pitch_shift", kind="time", cost=128, semitones=Real(-3.0, 3.0, neutral=0.0, unit="semitones", sums="pitch")
)
def pitch_shift(rows: TensorRows, *, semitones: Column) -> TensorRows:
    """Raise or lower the pitch at the same speed: stretched by a phase vocoder, then read faster or slower.

    Keeps the words, not the pitch: for a task that names the pitch it is not invariant. Formants move too.
    """
    ratio = torch.exp(semitones.double().clamp(-36, 36) * 0.05776226504666211)
    length = rows.data.shape[-1]
    longest = int(length * float(ratio.max())) + 8
    long = stretched(rows.data, 1 / ratio, longest, band=1 / ratio, rate_hz=rate_of(rows))
    return unless(semitones == 0, rows, read_at(long, ratio, length))


@mutator(
    "audio.resample_chain", kind="time", cost=64,
    share=LogReal(0.35, 1.0, neutral=1.0, unit="of the sample rate"), filtered_first=Choice((1, 0)),
)  # fmt: skip
def resample_chain(rows: TensorRows, *, share: Column, filtered_first: Column) -> TensorRows:
    """Convert to a lower sample rate and back, as a pipeline of services does; 0.5 makes telephone sound of 16 kHz.

    filtered_first: 1 takes away what the lower rate cannot hold, 0 lets it fold down, as careless code does.
    """
    step = 1 / share.double().clamp(1 / 64, 1)
    place = frequencies(rate_of(rows), rows.data.device) * (2 / rate_of(rows)) * step.view(-1, 1)
    response = ((1 - place) / 0.1).clamp_(0, 1)
    response = torch.where((filtered_first == 0).view(-1, 1), 1.0, response)
    length = rows.data.shape[-1]
    low = read_at(changed(rows, filtered(rows.data, response, rate_of(rows))).data, step, length)
    return unless(share >= 1, rows, read_at(low, 1 / step, length))


def _played(rows: TensorRows, fast: Tensor) -> Tensor:
    """(B,) samples that a row takes at a speed (B,)."""
    return (lengths_of(rows) / fast).round().long().clamp(min=1)


def _kept(neutral: Tensor, rows: TensorRows, new: TensorRows) -> TensorRows:
    """`new` where `neutral` does not hold; T of `new`."""
    old = torch.nn.functional.pad(rows.data, (0, new.data.shape[-1] - rows.data.shape[-1]))
    return new.with_data(torch.where(neutral.view(-1, 1, 1), old, new.data))
