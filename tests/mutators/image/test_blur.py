"""What the blurs do to a point, an edge and a plain; the laws say the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS, select
from mlfuzz.mutators.image import taps

SIDE = 49


def grey(data: Tensor) -> TensorRows:
    return TensorRows(data, Image((data.shape[2], data.shape[3]), 1, "float32"))


def point(size: int = SIDE) -> TensorRows:
    data = torch.zeros(1, 1, size, size)
    data[0, 0, size // 2, size // 2] = 1
    return grey(data)


def apply(name: str, rows: TensorRows, **params: float) -> Tensor:
    columns = {
        key: np.full(len(rows), value, np.int64 if isinstance(value, int) else np.float32)
        for key, value in params.items()
    }
    seen = MUTATORS.get(f"image.{name}").apply(rows, columns)
    assert isinstance(seen, TensorRows)
    return seen.data


def spread(picture: Tensor) -> tuple[float, float]:
    """Standard deviations down and across of a spot about the centre, in pixels."""
    at = torch.arange(picture.shape[0]) - picture.shape[0] // 2
    down, across = picture.sum(1) / picture.sum(), picture.sum(0) / picture.sum()
    return float((down * at**2).sum().sqrt()), float((across * at**2).sum().sqrt())


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("blur_mean", {"width": 0.06}),
        ("blur_gauss", {"deviation": 0.02}),
        ("defocus", {"radius": 0.03}),
        ("motion", {"length": 0.1, "degrees": 30.0}),
    ],
)
def test_a_blur_spreads_a_point_and_keeps_its_light(name: str, params: dict[str, float]) -> None:
    seen = apply(name, point(), **params)
    assert float(seen.sum()) == pytest.approx(1, abs=1e-5)
    assert float(seen.max()) < 0.5
    assert torch.equal(seen > 0, seen.flip((2, 3)) > 0)


@pytest.mark.parametrize("name", [part.name for part in select("image", ["kind:blur"])])
def test_a_plain_stays_plain(name: str) -> None:
    part = MUTATORS.get(name)
    rows = grey(torch.full((8, 1, 30, 37), 0.4))
    seen = part.apply(rows, part.draw(8, np.random.default_rng(3)))
    assert isinstance(seen, TensorRows)
    assert torch.allclose(seen.data, rows.data, atol=1e-5)


@pytest.mark.parametrize("name", [part.name for part in select("image", ["kind:blur"]) if part.name != "image.sharpen"])
def test_a_blur_never_leaves_the_range_of_its_picture(name: str) -> None:
    part = MUTATORS.get(name)
    rows = grey(torch.rand(8, 1, 30, 37, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25)
    seen = part.apply(rows, part.draw(8, np.random.default_rng(3)))
    assert isinstance(seen, TensorRows)
    assert float(seen.data.min()) >= 0.25 - 1e-5
    assert float(seen.data.max()) <= 0.75 + 1e-5


def test_a_gaussian_has_the_deviation_it_says() -> None:
    down, across = spread(apply("blur_gauss", point(), deviation=0.0125)[0, 0])
    assert (down, across) == pytest.approx((0.0125 * SIDE, 0.0125 * SIDE), rel=0.02)


def test_a_mean_over_three_pixels_is_a_ninth_each() -> None:
    seen = apply("blur_mean", point(), width=3 / SIDE)[0, 0]
    middle = SIDE // 2
    assert torch.allclose(seen[middle - 1 : middle + 2, middle - 1 : middle + 2], torch.full((3, 3), 1 / 9), atol=1e-6)
    assert int((seen > 1e-6).sum()) == 9


@pytest.mark.parametrize(("degrees", "tilt"), [(0.0, "level"), (90.0, "upright")])
def test_motion_smears_along_its_own_direction(degrees: float, tilt: str) -> None:
    down, across = spread(apply("motion", point(), length=0.1, degrees=degrees)[0, 0])
    assert (down < 0.1 < across) if tilt == "level" else (across < 0.1 < down)


def test_motion_rises_to_the_right_for_small_angles() -> None:
    seen = apply("motion", point(), length=0.1, degrees=45.0)[0, 0]
    middle = SIDE // 2
    assert seen[middle - 1, middle + 1] > 0
    assert seen[middle - 1, middle - 1] == 0


def test_the_median_is_that_of_nine_pixels() -> None:
    data = torch.rand(2, 1, 12, 15, generator=torch.Generator().manual_seed(1))
    nine = torch.nn.functional.unfold(taps.padded(data, 1), 3).view(2, 9, 12, 15)
    assert torch.equal(apply("blur_median", grey(data), share=1.0)[:, 0], nine.median(1).values)


def test_the_median_takes_specks_away_and_leaves_an_edge() -> None:
    data = torch.zeros(1, 1, 30, 30)
    data[..., 15:] = 0.8
    speck = data.clone()
    speck[0, 0, 7, 7] = 1
    assert torch.equal(apply("blur_median", grey(speck), share=1.0), data)


def test_the_bilateral_blur_smooths_a_ripple_and_leaves_an_edge() -> None:
    data = torch.zeros(1, 1, 30, 40)
    data[..., 20:] = 0.8
    ripple = data + 0.05 * (torch.arange(30)[:, None] % 2)
    seen = apply("blur_bilateral", grey(ripple), contrast=0.1)
    assert float(seen[0, 0, 10:20, 5:15].std()) < 0.01
    assert float(seen[0, 0, 15, 20] - seen[0, 0, 15, 19]) > 0.75


def test_zoom_blur_smears_outwards_only() -> None:
    data = torch.zeros(1, 1, SIDE, SIDE)
    data[0, 0, SIDE // 2, 10] = 1
    seen = apply("zoom_blur", grey(data), amount=0.2)[0, 0, SIDE // 2]
    assert float(seen[:9].sum()) > 0.3 * float(seen.sum())
    assert float(seen[12:].sum()) < 1e-6


def test_glass_reads_no_further_than_it_says() -> None:
    slope = torch.linspace(0, 1, 100).expand(4, 1, 100, 100).contiguous()
    columns = {"amount": np.full(4, 0.03, np.float32), "seed": np.arange(4)}
    seen = MUTATORS.get("image.glass").apply(grey(slope), columns)
    assert isinstance(seen, TensorRows)
    apart = (seen.data - slope).abs()[..., 5:-5] * 99
    assert 2.5 < float(apart.max()) <= 3.0 + 1e-3


def test_sharpening_steepens_an_edge() -> None:
    data = torch.full((1, 1, 10, 10), 0.4)
    data[..., 5:] = 0.6
    seen = apply("sharpen", grey(data), amount=1.0)[0, 0, 5]
    assert seen.tolist() == pytest.approx([0.4] * 4 + [0.35, 0.65] + [0.6] * 4, abs=1e-5)


def test_pixels_become_the_means_of_their_blocks() -> None:
    data = torch.rand(1, 1, 50, 50, generator=torch.Generator().manual_seed(2))
    means = torch.nn.functional.avg_pool2d(data, 5)
    expected = means.repeat_interleave(5, 2).repeat_interleave(5, 3)
    assert torch.allclose(apply("pixelate", grey(data), block=0.1), expected, atol=1e-5)


def test_a_length_means_more_pixels_on_a_larger_picture_and_no_fewer_than_on_48() -> None:
    assert [taps.side(torch.zeros(1, 1, *size)) for size in ((28, 28), (48, 64), (224, 300))] == [48, 48, 224]
