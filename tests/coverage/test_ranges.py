"""Criteria that profile the units' ranges: sections and corners by hand."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.coverage.boundary import boundary, strong_activation
from mlfuzz.coverage.bucketed import Bucketed
from mlfuzz.coverage.sections import sections
from mlfuzz.errors import ConfigError, UsageError
from mlfuzz.observation import Observation


def seen(*rows: list[float]) -> Observation:
    values = torch.tensor(rows)
    return Observation({"main": values}, values)


PROFILE = seen([0.0, -1.0, 2.0], [4.0, 1.0, 2.0])
"""Ranges [0, 4], [-1, 1], and none."""


def fitted(criterion: Bucketed) -> Bucketed:
    criterion.fit(PROFILE)
    return criterion


def test_sections_are_closed_below_and_open_above_and_the_last_is_closed() -> None:
    criterion = fitted(sections(k=4))
    places = criterion.embed(seen(*([value, 0.0, 2.0] for value in (-0.1, 0.0, 0.99, 1.0, 3.99, 4.0, 4.01))))
    assert places[:, 0].tolist() == [0, 1, 1, 2, 4, 4, 5]


@pytest.mark.parametrize("k", [3, 7, 10, 1000])
def test_both_ends_of_a_training_range_are_inside_it(k: int) -> None:
    values = torch.randn((50, 400), generator=torch.Generator().manual_seed(k))
    rows = Observation({"main": values}, values)
    criterion = sections(k=k)
    criterion.fit(rows)
    places = criterion.embed(rows)
    assert float(places.min()) == 1
    assert float(places.max()) == k
    above = values.amax(0, keepdim=True) * (1 + 1e-6 * values.amax(0, keepdim=True).sign()) + 1e-7
    assert (criterion.embed(Observation({"main": above}, above)) == k + 1).all()


def test_what_lies_outside_its_range_and_units_without_one_gain_no_section() -> None:
    criterion = fitted(sections(k=4))
    rows = criterion.embed(seen([9.0, -9.0, 2.0], [9.0, 0.0, 5.0], [0.5, 0.0, 2.0])).numpy()
    assert criterion.observe(rows, None).tolist() == [0, 1, 1]
    assert criterion.covered()["buckets"] == 8


def test_corners_are_beyond_the_range_and_not_on_it() -> None:
    criterion = fitted(boundary())
    rows = criterion.embed(seen([4.0, -1.0, 2.0], [4.1, -1.1, 2.1], [5.0, 1.1, 1.9], [-1.0, 0.0, 2.0])).numpy()
    assert criterion.observe(rows, None).tolist() == [0, 3, 2, 1]
    assert criterion.covered() == {"share": 1.0, "covered": 6, "buckets": 6}


def test_strong_activation_looks_above_only() -> None:
    criterion = fitted(strong_activation())
    rows = criterion.embed(seen([-9.0, -9.0, -9.0], [4.1, 0.0, 2.1])).numpy()
    assert criterion.observe(rows, None).tolist() == [0, 2]
    assert criterion.covered()["buckets"] == 3


def test_corners_may_begin_standard_deviations_beyond_the_range() -> None:
    criterion = fitted(strong_activation(sigmas=1.0))  # spread of the first unit: 2
    rows = criterion.embed(seen([5.9, 0.0, 2.0], [6.1, 0.0, 2.0])).numpy()
    assert criterion.observe(rows, None).tolist() == [0, 1]


def test_without_a_profile_it_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="fit"):
        sections().embed(PROFILE)


def test_senseless_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="k must"):
        sections(k=0)
    with pytest.raises(ConfigError, match="sigmas"):
        boundary(sigmas=-1.0)
