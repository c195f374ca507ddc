"""Which way things move; the laws say the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS

SIDE = 41


def blob(across: float, down: float, *, height: int = SIDE, width: int = SIDE) -> TensorRows:
    """A bright spot, so far right of and below the centre in pixels."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    square = (x - (width - 1) / 2 - across) ** 2 + (y - (height - 1) / 2 - down) ** 2
    return TensorRows(torch.exp(-square / 8)[None, None], Image((height, width), 1, "float32"))


def moved(name: str, rows: TensorRows, **params: float) -> tuple[float, float]:
    """Where the spot's centre of mass is afterwards, right of and below the centre in pixels."""
    columns = {key: np.asarray([value], np.float32) for key, value in params.items()}
    seen = MUTATORS.get(f"image.{name}").apply(rows, columns)
    assert isinstance(seen, TensorRows)
    return centre(seen.data[0, 0])


def centre(picture: Tensor) -> tuple[float, float]:
    height, width = picture.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    total = picture.sum()
    return float((x * picture).sum() / total) - (width - 1) / 2, float((y * picture).sum() / total) - (height - 1) / 2


@pytest.mark.parametrize(
    ("name", "params", "before", "after"),
    [
        ("translate", {"right": 0.1, "down": 0.0}, (0, 0), (4.1, 0)),
        ("translate", {"right": 0.0, "down": -0.05}, (0, 0), (0, -2.05)),
        ("scale", {"factor": 1.25}, (8, -4), (10, -5)),
        ("scale", {"factor": 0.8}, (10, 5), (8, 4)),
        ("rotate", {"degrees": 30.0}, (10, 0), (8.66, -5)),
        ("rotate", {"degrees": -30.0}, (10, 0), (8.66, 5)),
        ("rotate", {"degrees": 90.0}, (0, 10), (10, 0)),
        ("shear", {"slope": 0.3}, (0, 10), (-3, 10)),
        ("shear", {"slope": 0.3}, (5, 0), (5, 0)),
        ("flip", {}, (7, 3), (-7, 3)),
    ],
)
def test_a_spot_goes_where_it_should(
    name: str, params: dict[str, float], before: tuple[float, float], after: tuple[float, float]
) -> None:
    assert moved(name, blob(*before), **params) == pytest.approx(after, abs=0.1)


def test_a_turn_is_a_turn_on_a_picture_that_is_not_square() -> None:
    across, down = moved("rotate", blob(10, 0, height=31, width=61), degrees=30.0)
    assert (across, down) == pytest.approx((8.66, -5), abs=0.1)


def test_a_slope_counts_in_pixels_on_a_picture_that_is_not_square() -> None:
    assert moved("shear", blob(0, 10, height=31, width=61), slope=0.3) == pytest.approx((-3, 10), abs=0.1)


def test_a_tilt_brings_one_side_nearer() -> None:
    right, left = blob(10, 0), blob(-10, 0)
    near, _ = moved("perspective", left, across=0.25, down=0.0)
    far, _ = moved("perspective", right, across=0.25, down=0.0)
    assert abs(near) < 10 < abs(far)
    _, below = moved("perspective", blob(0, 10), across=0.0, down=0.25)
    assert below > 10.5


def test_a_whole_pixel_shift_is_exact_on_the_8_bit_grid() -> None:
    stored = np.random.default_rng(0).integers(0, 256, (1, 1, 20, 20)).astype(np.float32)
    rows = TensorRows(torch.from_numpy(stored) / 255, Image((20, 20), 1))
    seen = MUTATORS.get("image.translate").apply(
        rows, {"right": np.asarray([0.05], np.float32), "down": np.asarray([-0.1], np.float32)}
    )
    assert np.array_equal(seen.payload(0)[0, :-2, 1:], rows.payload(0)[0, 2:, :-1])  # type: ignore[call-overload, index]
    assert not seen.payload(0)[0, -2:].any()  # type: ignore[call-overload, index, union-attr]


def test_an_elastic_pull_has_the_size_it_says() -> None:
    """A slope of brightness shows how far each pixel was read from."""
    slope = torch.linspace(0, 1, 200).expand(32, 1, 200, 200).contiguous()
    rows = TensorRows(slope, Image((200, 200), 1, "float32"))
    seen = MUTATORS.get("image.elastic").apply(rows, {"amount": np.full(32, 0.02, np.float32), "seed": np.arange(32)})
    assert isinstance(seen, TensorRows)
    pull = (seen.data - slope)[..., 40:160, 40:160]
    assert float(pull.square().mean().sqrt()) == pytest.approx(0.02, rel=0.25)


def test_turns_and_shifts_count_towards_their_limits() -> None:
    assert {p.sums for p in MUTATORS.get("image.translate").space.values()} == {"shift"}
    assert MUTATORS.get("image.rotate").space["degrees"].sums == "rotation"


def test_a_mirror_image_is_not_in_the_default_set() -> None:
    part = MUTATORS.get("image.flip")
    assert (part.default, part.effect) == (False, "equivariant")
