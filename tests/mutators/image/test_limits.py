from __future__ import annotations

import numpy as np
import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.errors import ConfigError
from mlfuzz.modality.image import Image
from mlfuzz.mutators.image.limits import ssim
from mlfuzz.mutators.limits.distance import DISTANCES, distance
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.testing.rows import example_rows


def pictures(grid: str = "uint8", channels: int = 1) -> TensorRows:
    modality = Image(size=(28, 28), channels=3 if channels == 3 else 1, grid="uint8" if grid == "uint8" else "float32")
    rows = example_rows(modality, 8)
    assert isinstance(rows, TensorRows)
    return rows


def check(data: torch.Tensor, roots: TensorRows, limits: Limits, kind: str = "noise") -> list[bool]:
    seen: list[bool] = DISTANCES.get("image").check(roots.with_data(data), roots, limits, kind=kind).tolist()
    return seen


@pytest.mark.parametrize("grid", ["uint8", "float32"])
@pytest.mark.parametrize("linf", [0.1, 0.0999, 8 / 255])
def test_a_clipped_row_is_within_the_bound_and_on_the_grid(grid: str, linf: float) -> None:
    roots = pictures(grid)
    noisy = roots.with_data(roots.data + torch.randn(roots.data.shape, generator=torch.manual_seed(0)))
    seen = DISTANCES.get("image").clip(noisy, roots, Limits(linf=linf))
    assert isinstance(seen, TensorRows)
    apart = (seen.data - roots.data).abs().max()
    assert linf - 1 / 255 < float(apart) <= linf + 1e-6
    torch.testing.assert_close(seen.project().data, seen.data, atol=0, rtol=0)
    assert all(check(seen.data, roots, Limits(linf=linf)))


def test_rows_beyond_a_bound_do_not_pass() -> None:
    roots = pictures()
    data = roots.data.clone()
    data[3, 0, 5, 5] = 1 - data[3, 0, 5, 5].round()
    assert check(data, roots, Limits(linf=0.4)) == [True] * 3 + [False] + [True] * 4
    assert all(check(data, roots, Limits(l0=0.01)))
    data[2] = 1 - data[2]
    assert check(data, roots, Limits(l0=0.01)) == [True, True, False, *[True] * 5]


def test_deephunter_allows_much_to_few_pixels_and_little_to_many() -> None:
    roots = pictures().with_data(torch.full((4, 1, 28, 28), 0.5))
    data = roots.data.clone()
    data[0, 0, 0, :15] = 1.0
    data[1, 0, 0, :16] = 1.0
    data[2] += 0.19
    data[3] += 0.21
    limits = Limits(alpha_beta=(0.02, 0.2))
    assert check(data, roots, limits) == [True, False, True, False]
    assert check(data, roots, limits, kind="geometry") == [True] * 4


def test_ssim_is_one_for_the_same_picture_and_falls_with_noise() -> None:
    roots = pictures(channels=3)
    same = ssim(roots.data, roots.data)
    torch.testing.assert_close(same, torch.ones(8))
    noise = torch.randn(roots.data.shape, generator=torch.manual_seed(0))
    little, much = ssim(roots.data + 0.02 * noise, roots.data), ssim(roots.data + 0.2 * noise, roots.data)
    assert bool((same > little).all())
    assert bool((little > much).all())
    brighter = ssim((roots.data + 0.05).clamp(0, 1), roots.data)
    assert bool((brighter > much).all())
    assert check(roots.data + 0.2 * noise, roots, Limits(ssim=0.9)) == [False] * 8


def test_ssim_agrees_with_its_definition_on_one_window() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.random((7, 7)), rng.random((7, 7))
    covariance = ((one - one.mean()) * (two - two.mean())).mean()
    expected = (2 * one.mean() * two.mean() + 1e-4) * (2 * covariance + 9e-4)
    expected /= (one.mean() ** 2 + two.mean() ** 2 + 1e-4) * (one.var() + two.var() + 9e-4)
    a, b = (torch.from_numpy(each).float().view(1, 1, 7, 7) for each in (one, two))
    assert float(ssim(a, b)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (2, 3)])
def test_the_smallest_pictures_are_judged_too(size: tuple[int, int]) -> None:
    roots = TensorRows(torch.rand(3, 1, *size), Image(size=size))
    assert all(check(roots.data, roots, Limits(linf=0.1, l0=0.5, ssim=0.9, alpha_beta=(0.02, 0.2))))


def test_a_modality_without_a_distance_says_so() -> None:
    with pytest.raises(ConfigError, match="not video"):
        distance("video")
