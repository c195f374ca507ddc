"""Added sounds: how loud, of what colour, and where they come from."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.mutators.audio.bank import RING, noise

from .sounds import apply, chirp, decibels, power_at, rows_of, sine

NOISES = ("white_noise", "pink_noise", "brown_noise", "babble", "hum")


def added(name: str, data: torch.Tensor, **params) -> torch.Tensor:
    if name == "hum":
        params.setdefault("hertz", 50)
    return apply(name, rows_of(data), **params).data - data


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("snr", [3.0, 10.0, 25.0])
def test_noise_has_the_asked_ratio_to_its_own_row(name, snr):
    data = torch.cat([0.3 * chirp(), 0.05 * chirp()])
    sound = added(name, data, snr_db=snr, seed=[1, 2])
    for row in range(2):
        assert decibels(data[row].square().mean() / sound[row].square().mean()) == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize("name", NOISES)
def test_a_silent_row_stays_silent(name):
    assert not added(name, torch.zeros(1, 1, 4000), snr_db=3.0, seed=1).any()


@pytest.mark.parametrize("name", NOISES)
def test_only_the_loudness_of_the_noise_changes_with_the_ratio(name):
    data = 0.1 * chirp()
    soft, loud = (added(name, data, snr_db=snr, seed=5) for snr in (20.0, 10.0))
    assert torch.allclose(loud, soft * 10**0.5, atol=1e-5)


@pytest.mark.parametrize("name", NOISES)
def test_seeds_give_other_noise(name):
    data = 0.3 * chirp().expand(16, 1, -1)
    sound = added(name, data, snr_db=10.0, seed=list(range(16)))
    assert len({tuple(row[0, 1000:1010].tolist()) for row in sound}) >= 15  # hum has 1600 phases


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -3), ("brown", -6)])
def test_colours_fall_by_so_many_db_an_octave(colour, slope):
    wave = noise(colour, torch.arange(16), 1, 16384)[:, 0].double()
    power = torch.fft.rfft(wave).abs().square().mean(0)
    bands = [decibels(power[start : 2 * start].mean()) for start in (64, 128, 256, 512, 1024, 2048, 4096)]
    steps = torch.tensor(bands).diff()
    assert steps.mean() == pytest.approx(slope, abs=0.4)


def test_noise_at_a_place_does_not_depend_on_the_length_asked_for():
    seeds = torch.tensor([3, 99])
    short, long = noise("white", seeds, 2, 1000), noise("white", seeds, 2, RING + 5000)
    assert torch.equal(short, long[..., :1000])
    assert torch.equal(long[..., :5000], long[..., RING:])


def test_channels_have_their_own_noise():
    both = noise("pink", torch.tensor([4]), 2, 4000)[0].double()
    assert abs(float((both[0] * both[1]).mean())) < 0.2


def test_neighbouring_seeds_share_no_noise():
    waves = noise("white", torch.arange(8), 1, 4000)[:, 0].double()
    likeness = (waves @ waves.T / 4000).fill_diagonal_(0)
    assert likeness.abs().max() < 0.1


@pytest.mark.parametrize("hertz", [50, 60])
def test_hum_is_the_mains_and_its_harmonics(hertz):
    sound = added("hum", sine(1000), hertz=hertz, snr_db=6.0, seed=3)[0, 0]
    assert power_at(sound, hertz) > -20
    assert power_at(sound, 3 * hertz) > -20
    assert power_at(sound, 2.5 * hertz) < -50


def test_noise_stays_within_a_row_that_is_shorter_than_its_batch():
    data = torch.zeros(1, 1, 4000)
    data[..., :2500] = chirp(0.25)[..., :2500]
    for name in NOISES:
        params = {"hertz": 60} if name == "hum" else {}
        mutated = apply(name, rows_of(data, [2500]), snr_db=5.0, seed=1, **params)
        alone = apply(name, rows_of(data[..., :2500], [2500]), snr_db=5.0, seed=1, **params)
        assert not mutated.data[..., 2500:].any()
        assert torch.equal(mutated.data[..., :2500], alone.data)
