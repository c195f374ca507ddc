"""What the level operators do to sines and silence; the laws say the rest."""

from __future__ import annotations

import pytest
import torch

from .sounds import apply, chirp, decibels, power_at, rows_of, sine, through


@pytest.mark.parametrize("change", [-20.0, -6.0, 3.0])
def test_gain_changes_the_power_by_what_it_says(change):
    wave = sine(440)[0, 0]
    assert decibels(through("gain", wave[None, None], decibels=change).square().mean() / wave.square().mean()) == (
        pytest.approx(change, abs=1e-3)
    )


def test_gain_clips_at_full_scale():
    loud = through("gain", sine(440, peak=0.9), decibels=6.0)
    assert loud.abs().max() == 1.0


def test_offset_moves_the_mean():
    assert through("offset", sine(400), level=0.1).mean() == pytest.approx(0.1, abs=1e-3)


def test_polarity_twice_is_nothing():
    wave = chirp()
    assert torch.equal(through("polarity", through("polarity", wave)[None, None]), wave[0, 0])
    assert torch.equal(through("polarity", wave), -wave[0, 0])


def test_clip_cuts_at_a_share_of_each_rows_own_peak():
    rows = rows_of(torch.cat([sine(440, peak=0.8), sine(440, peak=0.2)]))
    peaks = apply("clip", rows, threshold=[0.5, 0.25]).data.amax((1, 2))
    assert peaks.tolist() == pytest.approx([0.4, 0.05], abs=1e-4)


def test_soft_clip_keeps_full_scale_and_lifts_what_is_soft():
    ends = through("soft_clip", torch.tensor([[[1.0, -1.0, 0.01, 0.0]]]), drive=9.0)
    assert ends.tolist() == pytest.approx([1.0, -1.0, 0.1 / 1.09, 0.0], abs=1e-6)


def test_tremolo_swings_between_full_and_what_is_left():
    wave = through("tremolo", torch.ones(1, 1, 16000), hertz=4.0, depth=0.6)
    assert wave[0] == pytest.approx(1.0)
    assert wave[2000] == pytest.approx(0.4, abs=1e-3)
    assert wave[4000] == pytest.approx(1.0, abs=1e-3)


def test_a_smaller_count_takes_clicks_away_and_moves_none():
    silence = torch.zeros(1, 1, 8000)
    few, many = (through("click", silence, count=count, height=0.5, seed=7) for count in (2, 6))
    assert (few.abs() > 0.4).sum() == 2
    assert (many.abs() > 0.4).sum() == 6
    assert torch.equal(many[few != 0], few[few != 0])


def test_seeds_put_clicks_elsewhere():
    rows = rows_of(torch.zeros(8, 1, 8000))
    clicked = apply("click", rows, count=4, height=0.5, seed=list(range(8))).data.flatten(1)
    places = {tuple((row.abs() > 0.4).nonzero().flatten().tolist()) for row in clicked}
    assert len(places) == 8


def test_clicks_fit_into_rows_shorter_than_themselves():
    assert through("click", torch.zeros(1, 1, 3), count=8, height=0.5, seed=1).shape == (3,)


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_bit_depth_leaves_so_many_levels(bits):
    wave = through("bit_depth", sine(441, 1.0, peak=1.0), bits=bits)
    assert len(wave.unique()) <= 2**bits + 1
    assert (wave - sine(441, 1.0, peak=1.0)[0, 0]).abs().max() <= 0.5**bits + 1e-6


def test_mu_law_is_finer_where_it_is_soft():
    wave = sine(441, 1.0, peak=1.0)
    error = (through("mu_law", wave, bits=8) - wave[0, 0]).abs()
    soft = wave[0, 0].abs() < 0.01
    assert error[soft].max() < 0.001
    assert 0.005 < error.max() < 0.03
    assert len(through("mu_law", wave, bits=8).unique()) <= 255


def test_mu_law_of_a_sine_has_the_noise_of_telephony():
    wave = sine(441, 1.0)
    noise = decibels(wave.square().mean() / (through("mu_law", wave, bits=8) - wave[0, 0]).square().mean())
    assert noise == pytest.approx(38, abs=2)


def test_distortion_makes_overtones():
    assert power_at(through("clip", sine(500), threshold=0.3), 1500) > -26
    assert power_at(through("soft_clip", sine(500), drive=10.0), 1500) > -30
    assert power_at(sine(500)[0, 0], 1500) < -100
