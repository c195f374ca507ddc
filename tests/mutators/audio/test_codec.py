"""Real codecs: what comes back is as long, in time, recognisable, and not the same."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.audio import Audio

from .sounds import apply, chirp, decibels, rows_of, through

CODECS = {"mp3": {"strength": 0.5}, "vorbis": {"strength": 0.5}, "opus": {"strength": 0.5}, "gsm": {}, "adpcm": {}}


def ratio(want: torch.Tensor, have: torch.Tensor) -> float:
    return decibels(want.square().mean() / (want - have).square().mean())


@pytest.mark.parametrize("name", CODECS)
def test_what_comes_back_is_in_time_and_near(name):
    wave = chirp()[0, 0]
    back = through(name, wave[None, None], **CODECS[name])
    assert back.shape == wave.shape
    assert not torch.equal(back, wave)
    assert ratio(wave[400:-400], back[400:-400]) > 6
    lags = [float((wave[400:-400] * back[400 + lag : len(back) - 400 + lag]).sum()) for lag in range(-40, 41)]
    assert abs(max(range(81), key=lags.__getitem__) - 40) <= 1


@pytest.mark.parametrize("name", ["mp3", "vorbis"])
def test_a_stronger_compression_is_further_away(name):
    wave = chirp() + 0.02 * torch.randn(1, 1, 8000, generator=torch.Generator().manual_seed(0))
    weak, strong = (through(name, wave, strength=strength) for strength in (0.0, 0.9))
    assert ratio(wave[0, 0], weak) > ratio(wave[0, 0], strong) + 1


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize(
    ("rate_hz", "channels", "length"), [(11025, 2, 700), (44100, 1, 900), (96000, 3, 800), (16000, 1, 1)]
)
def test_any_rate_channels_and_length_pass(name, rate_hz, channels, length):
    data = 0.5 * torch.ones(1, channels, length).cumsum(2).div(50).sin()
    rows = TensorRows(data, Audio(rate_hz, None, channels), torch.tensor([length]))
    assert apply(name, rows, **CODECS[name]).data.shape == data.shape


def test_rows_are_coded_at_their_own_length():
    data = torch.nn.functional.pad(chirp(0.2), (0, 3000))
    alone = apply("mp3", rows_of(chirp(0.2), [3200]), strength=0.3).data
    beside = apply("mp3", rows_of(data, [3200]), strength=0.3).data
    assert torch.equal(alone, beside[..., :3200])
    assert not beside[..., 3200:].any()
