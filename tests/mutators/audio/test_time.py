"""What moving and bending time does to places, lengths and pitch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlfuzz.mutators.audio.warp import read_at, stretched

from .sounds import RATE, apply, chirp, decibels, pitch, power_at, rows_of, sine, through


def impulse(place: int, length: int = 8000) -> torch.Tensor:
    data = torch.zeros(1, 1, length)
    data[0, 0, place] = 0.5
    return data


def test_shift_moves_later_above_zero_and_earlier_below():
    assert through("shift", impulse(3000), milliseconds=50.0).argmax() == 3800
    assert through("shift", impulse(3000), milliseconds=-50.0).argmax() == 2200
    assert not through("shift", impulse(7900), milliseconds=50.0).any()


def test_trim_cuts_both_ends_and_moves_the_rest_to_the_start():
    wave = through("trim", sine(440), start_ms=50.0, end_ms=25.0)
    assert torch.equal(wave[:6800], sine(440)[0, 0, 800:7600])
    assert not wave[6800:].any()


def test_trim_takes_no_more_than_a_quarter_from_either_end():
    wave = through("trim", torch.full((1, 1, 400), 0.5), start_ms=1000.0, end_ms=1000.0)
    assert (wave != 0).sum() == 200


def test_silence_inserted_parts_the_row():
    wave = through("silence_insert", torch.full((1, 1, 8000), 0.5), at=0.25, milliseconds=100.0)
    assert (wave[:2000] == 0.5).all()
    assert not wave[2000:3600].any()
    assert (wave[3600:] == 0.5).all()


def test_several_channels_are_moved_together():
    stereo = torch.cat([chirp(), sine(300)], 1)
    both = apply("silence_insert", rows_of(stereo), at=0.3, milliseconds=40.0).data
    for channel in range(2):
        alone = apply("silence_insert", rows_of(stereo[:, channel : channel + 1]), at=0.3, milliseconds=40.0).data
        assert torch.equal(both[:, channel], alone[:, 0])


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_speed_changes_pitch_and_length(factor):
    wave = through("speed", sine(500), factor=factor)
    assert pitch(wave[: int(8000 / max(1.0, factor))]) == pytest.approx(500 * factor, rel=0.005)
    assert wave.shape == (8000,)
    if factor > 1:
        assert not wave[6402:].any()


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_time_stretch_changes_the_length_and_keeps_the_pitch(factor):
    wave = through("time_stretch", sine(500), factor=factor)
    assert pitch(wave[: int(8000 / max(1.0, factor))]) == pytest.approx(500, rel=0.005)
    if factor > 1:
        assert wave[:6000].square().mean() > 0.1
        assert wave[6800:].abs().max() < 0.02


def test_time_stretch_moves_an_impulse_in_proportion():
    place = int(through("time_stretch", impulse(4000), factor=0.8).abs().argmax())
    assert abs(place - 5000) < 200


@pytest.mark.parametrize("semitones", [-3.0, 2.0])
def test_pitch_shift_changes_the_pitch_and_keeps_the_time(semitones):
    wave = through("pitch_shift", sine(500), semitones=semitones)
    assert pitch(wave) == pytest.approx(500 * 2 ** (semitones / 12), rel=0.005)
    assert wave[7000:7800].abs().max() > 0.3


def test_a_raised_pitch_folds_nothing_down():
    wave = through("pitch_shift", sine(7500), semitones=3.0)
    assert wave[1000:-1000].abs().max() < 0.02


def test_the_vocoder_at_speed_one_gives_the_waveform_back():
    wave = chirp()
    same = stretched(wave, torch.ones(1, dtype=torch.float64), wave.shape[2], rate_hz=RATE)
    assert (same - wave).abs().max() < 1e-4


def test_cubic_reading_follows_a_sine_between_its_samples():
    step = torch.tensor([0.7310585], dtype=torch.float64)
    read = read_at(sine(200), step, 8000)[0, 0, 10:]
    place = np.arange(10, 8000) * 0.7310585
    want = 0.5 * np.sin(2 * np.pi * 200 * place / RATE)
    assert np.abs(read.numpy() - want).max() < 1e-3


def test_a_resampled_chain_loses_what_the_lower_rate_cannot_hold():
    assert power_at(through("resample_chain", sine(1000), share=0.5, filtered_first=1), 1000) == pytest.approx(
        -6, abs=1
    )
    assert power_at(through("resample_chain", sine(5000), share=0.5, filtered_first=1), 5000) < -40
    folded = through("resample_chain", sine(5000), share=0.5, filtered_first=0)
    assert power_at(folded, 3000) > -20


RAGGED = [8000, 4000, 1003]


@pytest.mark.parametrize(
    ("name", "params", "lengths"),
    [
        ("speed", {"factor": 0.8}, [10000, 5000, 1254]),
        ("time_stretch", {"factor": 1.25}, [6400, 3200, 802]),
        ("silence_insert", {"at": 0.5, "milliseconds": 100.0}, [9600, 5600, 2603]),
        ("trim", {"start_ms": 10.0, "end_ms": 20.0}, [7520, 3520, 593]),
        ("shift", {"milliseconds": 30.0}, RAGGED),
        ("pitch_shift", {"semitones": 2.0}, RAGGED),
    ],
)
def test_rows_of_varying_length_change_it_and_lose_nothing(name, params, lengths):
    data = torch.zeros(3, 1, 8000)
    for row, length in enumerate(RAGGED):
        data[row, :, :length] = chirp()[0, :, :length]
    mutated = apply(name, rows_of(data, RAGGED), **params)
    assert mutated.lengths.tolist() == lengths
    for row, length in enumerate(lengths):
        assert not mutated.data[row, :, length:].any()
        assert mutated.data[row, :, :length].any()


@pytest.mark.parametrize("name", ["speed", "time_stretch", "pitch_shift", "resample_chain", "shift", "silence_insert"])
def test_a_row_does_not_depend_on_how_long_its_batch_is(name):
    """T of a batch of varying lengths is that of its longest row, here far beyond."""
    params = {
        "speed": {"factor": 0.9}, "time_stretch": {"factor": 0.9}, "pitch_shift": {"semitones": 1.5},
        "resample_chain": {"share": 0.6, "filtered_first": 1}, "shift": {"milliseconds": 3.0},
        "silence_insert": {"at": 0.4, "milliseconds": 30.0},
    }[name]  # fmt: skip
    alone = apply(name, rows_of(chirp(0.2), [3200]), **params)
    padded = torch.nn.functional.pad(chirp(0.2), (0, 9001))
    beside = apply(name, rows_of(padded, [3200]), **params)
    length = int(alone.lengths[0])
    assert torch.equal(alone.data[..., :length], beside.data[..., :length])


def test_loudness_survives_bending():
    wave = sine(700)
    for name, params in {"time_stretch": {"factor": 0.9}, "pitch_shift": {"semitones": -2.0}}.items():
        level = decibels(through(name, wave, **params)[1000:-1000].square().mean() / wave.square().mean())
        assert level == pytest.approx(0, abs=1.5)
