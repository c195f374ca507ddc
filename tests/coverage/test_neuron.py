"""Neuron coverage by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlfuzz.coverage.neuron import neuron_coverage
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.testing.stream import Columns

LAYERS = (Columns("a", 0, 3), Columns("b", 3, 5))


def seen(*rows: list[float]) -> Observation:
    values = torch.tensor(rows)
    return Observation({"main": values}, values)


def active(rows: Observation, threshold: float) -> list[list[float]]:
    return neuron_coverage(threshold=threshold, layers=LAYERS).embed(rows).tolist()


def test_values_are_scaled_over_their_layer_in_the_same_input() -> None:
    rows = seen([0.0, 5.0, 10.0, 100.0, 200.0], [1.0, 1.1, 2.0, -1.0, -2.0])
    assert active(rows, 0.2) == [[0, 1, 1, 0, 1], [0, 0, 1, 1, 0]]
    assert active(rows, 0.6) == [[0, 0, 1, 0, 1], [0, 0, 1, 1, 0]]


def test_a_unit_exactly_at_the_threshold_is_not_active() -> None:
    assert active(seen([0.0, 2.0, 8.0, 0.0, 1.0]), 0.25)[0][1] == 0


def test_a_layer_of_equal_values_has_no_active_unit() -> None:
    assert active(seen([3.0, 3.0, 3.0, 0.0, 1.0]), 0.0)[0][:3] == [0, 0, 0]


def test_the_share_is_of_all_units() -> None:
    criterion = neuron_coverage(layers=LAYERS)
    rows = criterion.embed(seen([0.0, 5.0, 10.0, 100.0, 200.0], [0.0, 5.0, 10.0, 100.0, 200.0])).numpy()
    assert criterion.observe(rows, None).tolist() == [3, 0]
    assert criterion.covered() == {"share": 0.6, "covered": 3, "buckets": 5}


def test_many_rows_are_measured_in_parts_alike() -> None:
    values = torch.rand((300, 4000), generator=torch.Generator().manual_seed(0))
    criterion = neuron_coverage()
    whole = criterion.embed(Observation({"main": values}, values))
    assert torch.equal(whole[170:], criterion.embed(Observation({"main": values[170:]}, values[170:])))
    assert np.isfinite(whole.numpy()).all()


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        neuron_coverage(threshold=threshold)
