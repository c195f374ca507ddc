"""Top-k coverage by hand."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.coverage.topk import leaders, top_k, top_k_patterns
from mlfuzz.errors import ConfigError, UsageError
from mlfuzz.observation import Observation
from mlfuzz.testing.stream import Columns

LAYERS = (Columns("a", 0, 3), Columns("b", 3, 5))


def seen(*rows: list[float]) -> Observation:
    values = torch.tensor(rows)
    return Observation({"main": values}, values)


ROWS = seen([1.0, 3.0, 2.0, 0.0, 1.0], [3.0, 1.0, 2.0, 5.0, 1.0], [1.0, 2.0, 3.0, 0.0, 1.0])


def test_leaders_are_the_most_active_of_each_layer() -> None:
    assert leaders(ROWS.activations, 1, LAYERS).tolist() == [[1, 4], [0, 3], [2, 4]]
    assert leaders(ROWS.activations, 2, LAYERS).tolist() == [[1, 2, 3, 4], [0, 2, 3, 4], [1, 2, 3, 4]]


def test_a_layer_of_fewer_units_gives_all_of_them() -> None:
    assert leaders(ROWS.activations, 3, LAYERS).shape == (3, 5)


def test_a_unit_counts_once_it_has_led() -> None:
    criterion = top_k(k=1, layers=LAYERS)
    criterion.fit(ROWS)
    assert criterion.observe(criterion.embed(ROWS).numpy(), None).tolist() == [2, 2, 1]
    assert criterion.covered()["share"] == 1.0


def test_a_pattern_is_the_set_of_leaders_whatever_their_order() -> None:
    criterion = top_k_patterns(k=2, layers=LAYERS)
    assert criterion.observe(criterion.embed(ROWS).numpy(), None).tolist() == [1, 1, 0]
    assert criterion.covered()["patterns"] == 2


def test_ten_thousand_patterns_do_not_collide() -> None:
    values = torch.arange(10_000)
    rows = torch.stack([values // 100, values % 100 + 100], 1).to(torch.float32).numpy()
    criterion = top_k_patterns()
    assert criterion.observe(rows, None).all()
    assert criterion.covered()["patterns"] == 10_000


def test_without_a_fit_the_number_of_units_is_not_known() -> None:
    criterion = top_k(layers=LAYERS)
    with pytest.raises(UsageError, match="fit"):
        criterion.observe(criterion.embed(ROWS).numpy(), None)


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ConfigError):
        top_k(k=0)
