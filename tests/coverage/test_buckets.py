"""Buckets: who hits first, what counts, and what a merge keeps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mlfuzz.coverage.buckets import Buckets


def naive(places: NDArray[np.float32], known: set[tuple[int, int]]) -> list[int]:
    """One row and unit after the other."""
    gains = []
    for row in places.astype(int).tolist():
        new = {(unit, place) for unit, place in enumerate(row)} - known
        known |= new
        gains.append(len(new))
    return gains


@pytest.mark.parametrize(
    ("rows", "units", "slots"), [(1, 1, 1), (7, 3, 2), (40, 600, 5), (600, 20, 50), (300, 1100, 4)]
)
def test_a_bucket_belongs_to_the_first_row_that_hits_it(rows: int, units: int, slots: int) -> None:
    rng = np.random.default_rng(rows)
    buckets, known = Buckets(units, slots), set[tuple[int, int]]()
    for _ in range(2):
        places = np.minimum(rng.geometric(0.3, (rows, units)) - 1, slots - 1).astype(np.float32)
        assert buckets.place(places).tolist() == naive(places, known)
        assert buckets.covered == len(known)


def test_closed_buckets_never_count() -> None:
    closed = np.zeros((2, 3), np.bool_)
    closed[0] = True
    closed[:, 0] = True
    buckets = Buckets(2, 3, closed=closed)
    assert buckets.open == 2
    assert buckets.place(np.array([[1, 0], [2, 1], [0, 2]], np.float32)).tolist() == [0, 1, 1]
    assert buckets.share == 1.0


def test_flags_are_hit_by_the_first_row_that_raises_them() -> None:
    buckets = Buckets(4)
    assert buckets.flag(np.array([[0, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 1]], np.bool_)).tolist() == [1, 1, 1]
    assert buckets.flag(np.ones((2, 4), np.bool_)).tolist() == [1, 0]
    assert buckets.flag(np.ones((2, 4), np.bool_)).tolist() == [0, 0]
    assert buckets.flag(np.ones((0, 4), np.bool_)).shape == (0,)


def test_picked_buckets_are_hit_by_the_first_row_that_names_them() -> None:
    buckets = Buckets(5)
    assert buckets.pick(np.array([[0, 1], [1, 2], [2, 0], [4, 0]])).tolist() == [2, 1, 0, 1]
    assert buckets.pick(np.tile(np.array([[3, 1]]), (700, 1))).tolist() == [1] + [0] * 699


def test_a_merge_is_the_union_whichever_way_round() -> None:
    rng = np.random.default_rng(0)
    first, second, both = Buckets(30, 7), Buckets(30, 7), Buckets(30, 7)
    for buckets in (first, second):
        places = rng.integers(0, 7, (3, 30)).astype(np.float32)
        buckets.place(places)
        both.place(places)
    mine, theirs = first.bits(), second.bits()
    first.absorb(theirs)
    second.absorb(mine)
    assert np.array_equal(first.bits(), second.bits())
    assert np.array_equal(first.bits(), both.bits())
    assert first.covered == both.covered


def test_shares_by_unit_are_of_the_open_buckets() -> None:
    closed = np.zeros((3, 4), np.bool_)
    closed[:, 0] = True
    closed[2] = True
    buckets = Buckets(3, 4, closed=closed)
    buckets.place(np.array([[1, 0, 1], [2, 3, 1]], np.float32))
    assert buckets.by_unit().tolist() == pytest.approx([2 / 3, 1 / 3, 0])
