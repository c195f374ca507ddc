"""The radius holds a rate of acceptance, and stands still while rows are observed."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.coverage.radius import Radius
from mlfuzz.errors import ConfigError


def squares(rows: int, *, far: float = 1.0, key: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return ((far * np.random.default_rng(key).random(rows)) ** 2).astype(np.float32)


def played(radius: Radius, batches: int, rows: int) -> float:
    """Distances even in [0, 1]: a radius r lets in 1 - r. Returns the share let in over the last half."""
    let_in = 0
    for at in range(batches):
        distances = squares(rows, key=at)
        accepted = int((distances > radius.value**2).sum())
        radius.count(accepted, distances)
        radius.step()
        let_in += accepted if at >= batches // 2 else 0
    return let_in / (rows * (batches - batches // 2))


@pytest.mark.parametrize(("start", "rows"), [(0.01, 512), (100.0, 512), (0.5, 64), (0.5, 16)])
def test_it_comes_to_the_target_rate_from_any_start_and_batch(start: float, rows: int) -> None:
    radius = Radius(target=0.05)
    radius.begin(np.array([start, 1.0]))
    assert 0.03 < played(radius, 40_000 // rows + 300, rows) < 0.08


def test_a_fixed_radius_stays() -> None:
    radius = Radius(0.3)
    played(radius, 20, 512)
    assert radius.value == 0.3
    assert radius.recent == pytest.approx(0.7, abs=0.05)


def test_it_starts_at_the_ninety_percent_quantile() -> None:
    radius = Radius()
    assert radius.start(squares(10_000))
    assert radius.value == pytest.approx(0.9, abs=0.01)


def test_one_seed_says_nothing_and_the_first_children_do() -> None:
    radius = Radius()
    assert not radius.start(np.array([np.inf], np.float32))
    radius.guess(50.0)
    radius.count(0, squares(512))
    radius.step()
    assert radius.value == pytest.approx(0.9, abs=0.03)


def test_counting_does_not_move_it() -> None:
    radius = Radius()
    radius.begin(np.array([0.5, 1.0]))
    for _ in range(10):
        radius.count(512, squares(512))
    assert radius.value == 0.5


def test_a_flood_is_answered_before_enough_rows_are_there() -> None:
    radius = Radius()
    radius.begin(np.array([0.5, 1.0]))
    radius.count(32, squares(32))
    radius.step()
    assert radius.value > 0.5


def test_a_few_rows_wait_for_more() -> None:
    radius = Radius()
    radius.begin(np.array([0.5, 1.0]))
    radius.count(0, squares(32))
    radius.step()
    assert radius.value == 0.5


@pytest.mark.parametrize("arguments", [{"value": -1.0}, {"value": float("nan")}, {"target": 0.0}, {"target": 1.0}])
def test_senseless_arguments_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Radius(**arguments)
