from __future__ import annotations

import numpy as np
import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators import noise as bank
from mlfuzz.mutators.image.noise import (
    gauss_noise,
    impulse_noise,
    pixel_change,
    shot_noise,
    speckle_noise,
    uniform_noise,
)

SEEDS = torch.arange(8)


def grey(value: float, *, channels: int = 1, size: tuple[int, int] = (40, 50)) -> TensorRows:
    modality = Image(size=size, channels=3 if channels == 3 else 1, grid="float32")
    return TensorRows(torch.full((8, channels, *size), value), modality)


def full(value: float) -> torch.Tensor:
    return torch.full((8,), value)


def test_gauss_noise_has_the_deviation_it_was_asked_for() -> None:
    seen = gauss_noise(grey(0.5), sigma=full(0.1), seed=SEEDS).data - 0.5
    assert abs(float(seen.mean())) < 0.005
    assert float(seen.square().mean().sqrt()) == pytest.approx(0.1, rel=0.05)


def test_a_smaller_amplitude_leaves_the_pattern_as_it_is() -> None:
    strong = gauss_noise(grey(0.5), sigma=full(0.2), seed=SEEDS).data - 0.5
    weak = gauss_noise(grey(0.5), sigma=full(0.05), seed=SEEDS).data - 0.5
    torch.testing.assert_close(weak * 4, strong, atol=1e-6, rtol=0)


def test_each_seed_gives_another_pattern() -> None:
    seen = gauss_noise(grey(0.5), sigma=full(0.1), seed=SEEDS).data.flatten(1)
    correlation = torch.corrcoef(seen) - torch.eye(8)
    assert float(correlation.abs().max()) < 0.15


def test_uniform_noise_fills_its_amplitude_and_no_more() -> None:
    seen = uniform_noise(grey(0.5), amplitude=full(0.2), seed=SEEDS).data - 0.5
    assert -0.2 <= float(seen.min()) < -0.19
    assert 0.19 < float(seen.max()) <= 0.2


def test_shot_noise_leaves_black_alone_and_is_strongest_on_white() -> None:
    black, dim, white = (shot_noise(grey(v), sigma=full(0.2), seed=SEEDS).data - v for v in (0.0, 0.25, 1.0))
    assert not black.any()
    torch.testing.assert_close(dim * 2, white, atol=1e-6, rtol=0)
    assert float(white.square().mean().sqrt()) == pytest.approx(0.2, rel=0.05)


def test_speckle_noise_is_in_proportion_to_the_value() -> None:
    dim, bright = (speckle_noise(grey(v), sigma=full(0.3), seed=SEEDS).data - v for v in (0.2, 0.8))
    torch.testing.assert_close(dim * 4, bright, atol=1e-6, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_impulse_noise_turns_its_share_of_values_black_or_white(share: float) -> None:
    seen = impulse_noise(grey(0.5, channels=3), share=full(share), seed=SEEDS).project().data
    black, white = float((seen == 0).float().mean()), float((seen == 1).float().mean())
    assert black == pytest.approx(share / 2, abs=0.01)
    assert white == pytest.approx(share / 2, abs=0.01)
    assert float((seen == 0.5).float().mean()) == pytest.approx(1 - share, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 13), (40, 50)])
def test_pixel_change_sets_as_many_pixels_as_asked_where_there_are_as_many(size: tuple[int, int]) -> None:
    rows = grey(0.5, channels=3, size=size)
    counts = torch.tensor([0, 1, 2, 3, 7, 16, 64, 1000])
    seen = pixel_change(rows, count=counts, seed=SEEDS).data
    changed = (seen != 0.5).any(1).flatten(1).sum(1)
    places = 1 << int(np.log2(min(64, size[0] * size[1])))
    assert changed.tolist() == counts.clamp(max=places).tolist()


def test_the_streams_of_one_seed_are_different_fields() -> None:
    seeds = torch.arange(200)
    one, two = bank.normal(seeds, (64,)), bank.normal(seeds, (64,), stream=1)
    assert float((one * two).mean(1).abs().max()) < 0.7
    assert not torch.equal(one[0], two[0])


def test_hashes_of_neighbouring_seeds_fill_their_range() -> None:
    hashed = bank.mix(torch.arange(4096)).numpy()
    assert hashed.min() >= 0
    assert hashed.max() < 2**31
    counts = np.bincount(hashed >> 26, minlength=32)
    assert counts.min() > 100
