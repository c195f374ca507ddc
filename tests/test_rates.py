"""Intervals against published values, tests against those of scipy."""

from __future__ import annotations

import pytest

from mlfuzz.rates import fisher, mcnemar, wilson


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
