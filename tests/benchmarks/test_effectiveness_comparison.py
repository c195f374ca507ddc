"""The statistics, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from effectiveness_parts.comparison import Quartiles, a12, p_value


def test_a12_counts_pairs_and_half_of_the_ties() -> None:
    assert a12([3, 4, 5], [1, 2, 3]) == pytest.approx(8.5 / 9)
    assert a12([1, 2, 3], [3, 4, 5]) == pytest.approx(0.5 / 9)
    assert a12([2, 2], [2, 2]) == 0.5


def test_the_exact_test_of_three_against_three_has_twenty_outcomes() -> None:
    assert p_value([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert p_value([1, 3, 5], [2, 4, 6]) == pytest.approx(0.7)  # U = 3: 7 of 20 are as low, either way


def test_runs_that_found_nothing_rank_last() -> None:
    never = math.inf
    assert a12([-never, -never], [-10, -20]) == 0.0
    assert p_value([-never] * 10, [-5.0] * 10) < 0.001


def test_all_alike_is_no_difference() -> None:
    assert p_value([math.inf] * 3, [math.inf] * 3) == 1.0


def test_quartiles_are_values_that_were_seen() -> None:
    assert Quartiles.of([4, 1, 3, 2]) == Quartiles(1, 2, 3)
    assert Quartiles.of([7]) == Quartiles(7, 7, 7)
    assert Quartiles.of([1, 2, math.inf, math.inf]).high == math.inf
