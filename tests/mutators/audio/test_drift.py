"""Clocks that do not agree."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.mutators.audio.drift import by_its_clock

from .sounds import RATE, apply, rows_of, sine, through


@pytest.mark.parametrize("factor", [0.995, 1.005])
def test_the_pitch_goes_with_the_clock_and_the_length_stays(factor):
    wave = through("clock_drift", sine(1000.0), factor=factor)
    assert len(wave) == RATE // 2
    steady = wave[: int(0.9 * len(wave))].double()
    crossings = ((steady[:-1] < 0) & (steady[1:] >= 0)).sum()
    assert float(crossings) == pytest.approx(0.45 * 1000 * factor, abs=1.5)
    assert (wave[-30:] == 0).all() == (factor > 1)


def test_a_clock_that_agrees_changes_nothing():
    assert torch.equal(through("clock_drift", sine(440.0), factor=1.0), sine(440.0)[0, 0])


def test_shorter_rows_stay_silent_behind_their_end():
    rows = rows_of(torch.nn.functional.pad(sine(440.0), (0, 4000)), [RATE // 2])
    assert (apply("clock_drift", rows, factor=0.995).data[..., RATE // 2 :] == 0).all()


def test_the_time_map_says_where_each_moment_comes_from():
    warp = by_its_clock(2.0, factor=1.005)
    assert warp.seconds == 2.0
