"""Clocks that do not agree: a recording read by another one than it was made by."""

from __future__ import annotations

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.warp import read_at
from mlfuzz.mutators.audio.wave import changed
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Real
from mlfuzz.timemap import Warp

MOST_PPM = 5000.0
"""Cheap oscillators are off by 100 parts per million, tape and cheap adapters by half a percent."""


def by_its_clock(seconds: float, *, factor: float) -> Warp:
    """The time map of `clock_drift`."""
    return Warp(lambda moments: moments * factor, seconds)


@mutator(
    "audio.clock_drift", kind="time", cost=32, default=False, time_map=by_its_clock,
    factor=Real(1 - MOST_PPM * 1e-6, 1 + MOST_PPM * 1e-6, neutral=1.0, unit="times as fast", sums="speed"),
)  # fmt: skip
def clock_drift(rows: TensorRows, *, factor: Column) -> TensorRows:
    """Read each waveform by a clock that runs a little too fast or too slow: its end is missing, or silent.

    The length stays, as that of a buffer does; pitch and time go with the clock, by cubic interpolation.
    Source: Pawig, Enzner and Vary, Adaptive sampling rate correction for acoustic echo control, IEEE TSP 2010 (clocks
    of sound cards are off by up to some hundred parts per million).
    """
    return changed(rows, read_at(rows.data, factor.double(), rows.data.shape[-1]))
