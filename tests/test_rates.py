"""Intervals against published values, tests against those of scipy."""

from __future__ import annotations

import math
import random

import pytest

from mlfuzz import rates
from mlfuzz.rates import (
    POWER,
    benjamini_hochberg,
    fisher,
    holm,
    mcnemar,
    mean_interval,
    rank_sum,
    rows_to_see,
    signed_rank,
    visible_drop,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(hits, rows, low, high):
    assert wilson(hits, rows) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_stays_within_bounds_and_holds_the_share():
    for rows in (1, 2, 7, 1000):
        for hits in {0, 1, rows // 2, rows}:
            low, high = wilson(hits, rows)
            assert 0 <= low <= hits / rows <= high <= 1


def test_nothing_counted_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_lower_confidence_gives_a_narrower_interval():
    low, high = wilson(15, 148, confidence=0.8)
    wide = wilson(15, 148)
    assert wide[0] < low < 15 / 148 < high < wide[1]


@pytest.mark.parametrize(
    ("one", "other", "p"),
    # scipy.stats.binomtest(one, one + other)
    [(0, 0, 1.0), (5, 5, 1.0), (27, 9, 0.003933), (0, 6, 0.03125), (1000, 900, 0.023109)],
)
def test_the_paired_test_is_the_exact_binomial(one, other, p):
    assert mcnemar(one, other) == pytest.approx(p, rel=2e-4)
    assert mcnemar(other, one) == mcnemar(one, other)


@pytest.mark.parametrize(
    ("table", "p"),
    # scipy.stats.fisher_exact
    [((3, 4, 1, 4), 0.485714), ((10, 100, 10, 100), 1.0), ((0, 10, 5, 10), 0.032508), ((41, 1204, 23, 1204), 0.030488)],
)
def test_the_unpaired_test_is_the_exact_one(table, p):
    assert fisher(*table) == pytest.approx(p, rel=1e-4)


def test_without_rows_nothing_differs():
    assert fisher(0, 0, 3, 10) == 1.0


@pytest.mark.parametrize(("rows", "differing"), [(20, 0.0), (40, 0.3), (100, 0.1)])
def test_the_drop_that_shows_does_so_in_four_of_five_cases_by_the_exact_sum(rows, differing):
    drop = visible_drop(rows, differing, sure=0.05)
    share = max(drop, differing)
    lost = (share + drop) / (2 * share)
    power = sum(
        math.comb(rows, count) * share**count * (1 - share) ** (rows - count)
        * math.comb(count, one) * lost**one * (1 - lost) ** (count - one)
        for count in range(rows + 1) for one in range(count // 2 + 1, count + 1) if mcnemar(one, count - one) < 0.05
    )  # fmt: skip
    assert power == pytest.approx(POWER, abs=0.06)


def test_as_many_inputs_as_are_needed_show_a_drop_and_one_fewer_do_not():
    for drop in (0.02, 0.05, 0.3):
        rows = rows_to_see(drop, 0.1, sure=0.05)
        assert visible_drop(rows, 0.1, sure=0.05) <= drop + 1e-6 < visible_drop(rows - 1, 0.1, sure=0.05) + 1e-6
    assert visible_drop(5, 0.0, sure=0.05) == math.inf
    assert visible_drop(6, 0.0, sure=0.05) == pytest.approx(1.0)


def test_signed_ranks_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    chance = random.Random(1)
    for rows in (1, 2, 5, 8, 20, 50):
        changes = [chance.gauss(0.2, 1) for _ in range(rows)]
        assert signed_rank(changes) == pytest.approx(stats.wilcoxon(changes, method="exact").pvalue)
    for rows in (80, 300):  # some of these do not move
        changes = [round(chance.gauss(0.1, 1), 1) for _ in range(rows)]
        moved = [change for change in changes if change]
        expected = stats.wilcoxon(moved, method="approx", correction=True).pvalue
        assert signed_rank(changes) == pytest.approx(expected, rel=1e-6)


def test_equal_changes_share_their_ranks_and_none_says_nothing():
    assert signed_rank([1, 1, 1, -1]) == pytest.approx(2 * 5 / 16)
    assert signed_rank([0.0, 0.0]) == signed_rank([]) == 1.0
    assert signed_rank([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 64)


def test_the_exact_and_the_normal_p_meet_where_one_takes_over():
    chance = random.Random(2)
    for shift in (0.0, 0.2, 0.4, 0.6):
        changes = [chance.gauss(shift, 1) for _ in range(rates._EXACT_RANKS)]
        exact = signed_rank(changes)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rates, "_EXACT_RANKS", 0)
            assert signed_rank(changes) == pytest.approx(exact, abs=2e-3)


def test_holm_s_adjusted_values():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says_and_is_no_wider_than_of_yes_and_no():
    chance, held, narrower = random.Random(3), 0, 0
    for _ in range(400):
        values = [chance.betavariate(8, 2) for _ in range(40)]
        low, high = mean_interval(values)
        wide = wilson(sum(values), 40)
        held += low <= 0.8 <= high
        narrower += high - low < wide[1] - wide[0]
    assert 0.92 <= held / 400 <= 0.98
    assert narrower == 400


def test_the_interval_of_few_or_equal_numbers_is_that_of_yes_and_no():
    assert mean_interval([]) == (0.0, 1.0)
    assert mean_interval([0.5, 0.7]) == wilson(1.2, 2)
    assert mean_interval([1.0] * 30) == wilson(30, 30)
    assert mean_interval([0.0, 1.0] * 10) == pytest.approx(wilson(10, 20), abs=0.02)


def test_rank_sums_are_those_of_the_tables():
    # scipy.stats.mannwhitneyu(..., method="asymptotic") of the same numbers.
    one, other = [0.1, 0.4, 0.4, 0.9, 0.8, 0.7, 0.9, 1.0], [0.2, 0.1, 0.3, 0.4, 0.0, 0.2, 0.5, 0.4, 0.1]
    assert rank_sum(one, other) == pytest.approx(0.017267, rel=1e-3)
    assert rank_sum(other, one) == pytest.approx(rank_sum(one, other))
    assert rank_sum([1.0] * 5, [1.0] * 6) == rank_sum([], [1.0]) == 1.0


def test_q_values_are_monotone_and_those_of_the_paper():
    # Benjamini and Hochberg 1995, table 1: at .05 the first four of fifteen are told.
    values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
              0.7590, 1.0]  # fmt: skip
    adjusted = benjamini_hochberg(values)
    assert [one <= 0.05 for one in adjusted] == [True] * 4 + [False] * 11
    assert adjusted == sorted(adjusted)
    assert benjamini_hochberg([]) == []
