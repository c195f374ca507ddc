from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.image.codec import jpeg, resize, webp
from mlfuzz.testing.rows import example_rows


def pictures(channels: int, grid: str = "uint8") -> TensorRows:
    modality = Image(size=(32, 40), channels=3 if channels == 3 else 1, grid="uint8" if grid == "uint8" else "float32")
    rows = example_rows(modality, 6)
    assert isinstance(rows, TensorRows)
    return rows


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_gives_what_pillow_gives(channels: int) -> None:
    rows = pictures(channels)
    quality = [12, 30, 50, 70, 90, 99]
    seen = jpeg(rows, quality=torch.tensor(quality)).project()
    for row, at in enumerate(quality):
        pixels = np.asarray(rows.payload(row))
        picture = Pillow.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=at)
        expected = np.asarray(Pillow.open(file))
        expected = expected[None] if channels == 1 else expected.transpose(2, 0, 1)
        np.testing.assert_array_equal(np.asarray(seen.payload(row)), expected)


@pytest.mark.parametrize("operator", [jpeg, webp])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_lower_quality_is_further_from_the_picture(operator: object, channels: int) -> None:
    rows = pictures(channels)
    errors = [
        float((operator(rows, quality=torch.full((6,), at)).data - rows.data).square().mean())  # type: ignore[operator]
        for at in (95, 50, 5)
    ]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.1


@pytest.mark.parametrize("operator", [jpeg, webp])
def test_only_rows_below_the_neutral_quality_are_touched(operator: object) -> None:
    rows = pictures(3, grid="float32")
    quality = torch.tensor([100, 50, 100, 50, 101, 100])
    seen = operator(rows, quality=quality).data  # type: ignore[operator]
    touched = (seen != rows.data).flatten(1).any(1)
    assert touched.tolist() == [False, True, False, True, False, False]


def test_resize_loses_detail_and_keeps_the_shape() -> None:
    rows = pictures(1)
    stripes = rows.data.clone()
    stripes[..., ::2], stripes[..., 1::2] = 0, 1
    seen = resize(rows.with_data(stripes), scale=torch.full((6,), 0.5)).data
    assert seen.shape == stripes.shape
    assert float(seen.std()) < 0.3 * float(stripes.std())


def test_pictures_of_two_planes_are_coded_plane_by_plane() -> None:
    rows = pictures(1)
    two = rows.with_data(rows.data.repeat(1, 2, 1, 1))
    quality = torch.full((6,), 40)
    torch.testing.assert_close(jpeg(two, quality=quality).data[:, 1:], jpeg(rows, quality=quality).data)
