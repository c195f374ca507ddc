"""What the colour operators mean; the laws say the rest."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.image import colour

FINE = Image((2, 3), 3, "float32")


def rows(values: list[float], channels: int = 3) -> TensorRows:
    """One flat row of that colour, on the float grid, where nothing is rounded."""
    data = torch.tensor(values).view(1, channels, 1, 1).expand(1, channels, 2, 3).contiguous()
    return TensorRows(data, Image((2, 3), 3 if channels == 3 else 1, "float32"))


def apply(name: str, to: TensorRows, **params: float) -> list[float]:
    columns = {
        key: np.asarray([value], np.int64 if isinstance(value, int) else np.float32) for key, value in params.items()
    }
    seen = MUTATORS.get(f"image.{name}").apply(to, columns)
    assert isinstance(seen, TensorRows)
    return [round(float(value), 4) for value in seen.data[0, :, 0, 0]]


@pytest.mark.parametrize(
    ("name", "params", "before", "after"),
    [
        ("brightness", {"amount": 0.2}, [0.1, 0.5, 0.9], [0.3, 0.7, 1.0]),
        ("brightness", {"amount": -0.2}, [0.1, 0.5, 0.9], [0.0, 0.3, 0.7]),
        ("contrast_gain", {"gain": 1.5}, [0.1, 0.5, 0.9], [0.15, 0.75, 1.0]),
        ("gamma", {"exponent": 2.0}, [0.0, 0.5, 1.0], [0.0, 0.25, 1.0]),
        ("gamma", {"exponent": 0.5}, [0.0, 0.25, 1.0], [0.0, 0.5, 1.0]),
        ("saturation", {"factor": 0.0}, [1.0, 0.0, 0.0], [0.299, 0.299, 0.299]),
        ("saturation", {"factor": 2.0}, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
        ("posterize", {"bits": 1}, [0.2, 0.6, 0.9], [0.0, 1.0, 1.0]),
        ("posterize", {"bits": 2}, [0.1, 0.3, 0.6], [0.0, 0.3333, 0.6667]),
        ("solarize", {"threshold": 0.5}, [0.2, 0.5, 0.9], [0.2, 0.5, 0.1]),
        ("invert", {}, [0.2, 0.5, 0.9], [0.8, 0.5, 0.1]),
        ("channel_swap", {"order": 5}, [0.1, 0.5, 0.9], [0.9, 0.5, 0.1]),
        ("channel_swap", {"order": 3}, [0.1, 0.5, 0.9], [0.5, 0.9, 0.1]),
    ],
)
def test_a_colour_becomes_another(name: str, params: dict[str, float], before: list[float], after: list[float]) -> None:
    assert apply(name, rows(before), **params) == pytest.approx(after, abs=1e-4)


def test_contrast_keeps_each_channels_mean() -> None:
    data = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4
    seen = MUTATORS.get("image.contrast").apply(
        TensorRows(data, Image((8, 8), 3, "float32")), {"factor": np.asarray([2.0], np.float32)}
    )
    assert isinstance(seen, TensorRows)
    assert torch.allclose(seen.data.mean((2, 3)), data.mean((2, 3)), atol=1e-6)
    assert torch.allclose(seen.data.amax((2, 3)) - seen.data.amin((2, 3)), 2 * (data.amax((2, 3)) - data.amin((2, 3))))


@pytest.mark.parametrize("degrees", [-45.0, -10.0, 20.0, 45.0])
def test_a_turned_hue_keeps_the_brightness_and_moves_the_hue_that_way(degrees: float) -> None:
    before = [0.6, 0.4, 0.35]
    after = apply("hue", rows(before), degrees=degrees)
    assert sum(np.multiply(after, colour.LUMA)) == pytest.approx(sum(np.multiply(before, colour.LUMA)), abs=1e-3)
    turned = (colorsys.rgb_to_hsv(*after)[0] - colorsys.rgb_to_hsv(*before)[0] + 0.5) % 1 - 0.5
    assert abs(turned) * 360 == pytest.approx(abs(degrees), abs=20)


def test_a_full_turn_of_the_hue_is_none() -> None:
    assert apply("hue", rows([0.2, 0.5, 0.7]), degrees=360.0) == pytest.approx([0.2, 0.5, 0.7], abs=1e-4)


@pytest.mark.parametrize(("name", "params"), [("hue", {"degrees": 40.0}), ("saturation", {"factor": 2.0})])
def test_a_colour_operator_leaves_grey_alone(name: str, params: dict[str, float]) -> None:
    assert apply(name, rows([0.3], channels=1), **params) == [0.3]
    assert apply(name, rows([0.3, 0.3, 0.3]), **params) == pytest.approx([0.3] * 3, abs=1e-4)


def test_the_six_orders_are_all_there_are() -> None:
    seen = {tuple(apply("channel_swap", rows([0.1, 0.5, 0.9]), order=order)) for order in range(6)}
    assert len(seen) == 6


def test_what_may_lose_the_label_is_not_in_the_default_set() -> None:
    assert not MUTATORS.get("image.invert").default
    assert MUTATORS.get("image.invert").effect == "destroying"
    assert not MUTATORS.get("image.solarize").default
