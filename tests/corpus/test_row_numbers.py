"""Rows by an entry's number in its life."""

from __future__ import annotations

import random

import numpy as np

from mlfuzz.corpus.row_numbers import SPARSE, RowNumbers


def test_rows_are_found_as_in_a_dictionary() -> None:
    rng = random.Random(3)
    for most in (10, SPARSE, 40 * SPARSE):
        rows, usual = RowNumbers(), dict[int, int]()
        for row in range(3000):
            number = rng.randrange(most)
            rows.put(number, row)
            usual[number] = row
        found = {number: rows.get(number) for number in range(-2, most)}
        assert {number: row for number, row in found.items() if row >= 0} == usual


def test_numbers_one_after_the_other_stay_in_one_array() -> None:
    rows = RowNumbers()
    rows.put_many(np.arange(100_000), range(100_000))
    assert rows.get(99_999) == 99_999
    assert rows.get(100_000) == -1
    assert not rows._far
    assert rows._rows.nbytes < 1_100_000


def test_a_forged_number_takes_no_memory() -> None:
    rows = RowNumbers()
    for number in (2**62, -7, 10**9):
        rows.put(number, 5)
        assert rows.get(number) == 5
    assert rows.get(-1) == -1
    assert rows._rows.nbytes < 10_000
