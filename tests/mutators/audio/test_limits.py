"""How far a sound is from its seed."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.errors import ConfigError
from mlfuzz.modality.audio import Audio
from mlfuzz.mutators.audio.limits import AudioDistance, signal_to_noise
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import Limits

from .sounds import RATE, apply, chirp, rows_of, sine

MEASURE = AudioDistance()


def check(data: torch.Tensor, root: torch.Tensor, kind: str = "noise", **limits) -> list[bool]:
    return MEASURE.check(rows_of(data), rows_of(root), Limits(**limits), kind=kind).tolist()


def test_noise_is_measured_at_the_ratio_it_was_added_at():
    root = torch.cat([chirp(), 0.2 * chirp()])
    noisy = apply("white_noise", rows_of(root), snr_db=[5.0, 20.0], seed=[1, 2]).data
    assert signal_to_noise(noisy, root).tolist() == pytest.approx([5, 20], abs=0.3)
    assert check(noisy, root, snr=10.0) == [False, True]


def test_a_gain_or_a_swapped_wire_is_no_noise():
    root = chirp()
    assert check(0.1 * root, root, snr=40.0) == [True]
    assert check(-root, root, snr=40.0) == [True]


def test_from_silence_only_silence_is_near():
    silence = torch.zeros(2, 1, 800)
    sound = torch.cat([torch.zeros(1, 1, 800), sine(440, 0.05)])
    assert check(sound, silence, snr=-20.0) == [True, False]


def test_what_moves_samples_is_not_judged_by_the_ratio():
    root = chirp()
    later = apply("shift", rows_of(root), milliseconds=5.0).data
    assert check(later, root, snr=3.0) == [False]
    assert check(later, root, kind="time", snr=3.0, alpha_beta=(0.01, 0.01)) == [True]


def test_values_beyond_are_seen_and_clipped_to_whole_levels():
    audio = Audio(RATE, 0.1)
    root = TensorRows(torch.zeros(1, 1, 1600), audio)
    loud = root.with_data(sine(440, 0.1)).project()
    limits = Limits(linf=0.01)
    assert MEASURE.check(loud, root, limits, kind="level").tolist() == [False]
    clipped = MEASURE.clip(loud, root, limits)
    assert clipped.data.abs().max() == int(0.01 * 32768) / 32768
    assert MEASURE.check(clipped, root, limits, kind="level").tolist() == [True]
    assert torch.equal(MEASURE.clip(loud, root, Limits()).data, loud.data)


def test_the_share_of_changed_samples_and_deep_hunters_rule():
    root = torch.zeros(2, 1, 1000)
    data = root.clone()
    data[0, 0, :5] = 0.9
    data[1, 0, :500] = 0.9
    assert check(data, root, l0=0.01) == [True, False]
    assert check(data, root, alpha_beta=(0.02, 0.2)) == [True, False]
    assert check(data / 10, root, alpha_beta=(0.02, 0.2)) == [True, True]


def test_rows_of_two_lengths_are_compared_as_if_silence_followed():
    long = rows_of(chirp(), [8000])
    short = rows_of(chirp()[..., :4000], [4000])
    assert MEASURE.check(long, long, Limits(snr=20.0), kind="noise").tolist() == [True]
    assert MEASURE.check(short, long, Limits(snr=20.0), kind="noise").tolist() == [False]
    clipped = MEASURE.clip(
        TensorRows(torch.zeros(1, 1, 8000), long.modality, torch.tensor([4000])), long, Limits(linf=0.1)
    )
    assert not clipped.data[..., 4000:].any()


def test_a_limit_that_sounds_do_not_have_is_refused():
    with pytest.raises(ConfigError, match="limit ssim is not for audio"):
        distance("audio", Limits(ssim=0.9))
    with pytest.raises(ConfigError, match="limit snr is not for image"):
        distance("image", Limits(snr=3.0))
