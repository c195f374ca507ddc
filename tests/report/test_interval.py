"""Wilson's interval, against its published values."""

from __future__ import annotations

import pytest

from mlfuzz.report.interval import wilson


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
