"""What filters leave of sines, and that nothing moves."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.mutators.audio.spectrum import convolved, filtered, frequencies

from .sounds import RATE, chirp, power_at, sine, through


def left(name: str, hertz: float, **params: float) -> float:
    """dB of a sine behind a filter, against before."""
    return power_at(through(name, sine(hertz), **params), hertz) - power_at(sine(hertz)[0, 0], hertz)


def test_low_pass_is_3_db_down_at_its_cutoff_and_12_db_an_octave_beyond():
    assert left("low_pass", 1000, cutoff_hz=1000.0) == pytest.approx(-3, abs=0.2)
    assert left("low_pass", 100, cutoff_hz=1000.0) == pytest.approx(0, abs=0.1)
    assert left("low_pass", 4000, cutoff_hz=1000.0) == pytest.approx(-24, abs=0.5)


def test_high_pass_is_3_db_down_at_its_cutoff_and_12_db_an_octave_below():
    assert left("high_pass", 800, cutoff_hz=800.0) == pytest.approx(-3, abs=0.2)
    assert left("high_pass", 5000, cutoff_hz=800.0) == pytest.approx(0, abs=0.1)
    assert left("high_pass", 200, cutoff_hz=800.0) == pytest.approx(-24, abs=0.5)


def test_band_pass_keeps_the_middle():
    band = {"low_hz": 300.0, "high_hz": 3400.0}
    assert left("band_pass", 1000, **band) == pytest.approx(0, abs=0.2)
    assert left("band_pass", 75, **band) < -20
    assert left("band_pass", 7000, **band) < -10


def test_the_equaliser_weighs_three_bands():
    for hertz, params in {60: (9.0, 0.0, 0.0), 1000: (0.0, -9.0, 0.0), 7800: (0.0, 0.0, 9.0)}.items():
        gains = dict(zip(("bass_db", "middle_db", "treble_db"), params, strict=True))
        asked = sum(params)
        assert left("equaliser", hertz, **gains) * asked > 0.6 * asked**2


def test_filters_move_nothing_in_time():
    wave = chirp()[0, 0]
    soft = through("low_pass", wave[None, None], cutoff_hz=2500.0)
    lags = [float((wave[100:-100] * soft[100 + lag : len(soft) - 100 + lag]).sum()) for lag in range(-20, 21)]
    assert max(range(41), key=lags.__getitem__) == 20


def test_where_blocks_meet_nothing_is_heard():
    data = torch.randn(1, 1, 9000, generator=torch.Generator().manual_seed(0))
    response = torch.ones(1, len(frequencies(RATE, data.device)))
    assert (filtered(data, response, RATE) - data).abs().max() < 1e-5
    half = filtered(data, response * 0.5, RATE)
    assert (half - data / 2).abs().max() < 1e-5


@pytest.mark.parametrize(("length", "taps"), [(300, 5), (5000, 4000), (9000, 9600), (100, 3000)])
def test_convolution_in_blocks_is_convolution(length, taps):
    generator = torch.Generator().manual_seed(1)
    data, answer = torch.randn(2, 1, length, generator=generator), torch.randn(2, taps, generator=generator)
    seen = convolved(data, answer)
    for row in range(2):
        padded = torch.nn.functional.pad(data[row : row + 1].double(), (taps - 1, 0))
        want = torch.nn.functional.conv1d(padded, answer[row].double().flip(0)[None, None])[0, 0]
        assert (seen[row, 0] - want).abs().max() < 1e-3
