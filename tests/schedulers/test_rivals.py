"""Margins by what a row fails as: what is open is led on, what has failed is not."""

from __future__ import annotations

import numpy as np

from mlfuzz.schedulers.base import no_keys
from mlfuzz.schedulers.mixed import Mixed
from mlfuzz.schedulers.nearest import Nearest
from mlfuzz.schedulers.rivals import RIVALS, by_rival, failing


def column(*values: float) -> np.ndarray:
    return np.asarray(values, np.float32)[:, None]


def keys(*values: int) -> np.ndarray:
    return np.asarray(values, np.int64)[:, None]


def test_each_margin_stands_in_the_column_of_its_oracle_and_key() -> None:
    margins, columns = by_rival(np.asarray([[-1.0, -2.0], [-3.0, -4.0]], np.float32), np.asarray([[3, 5], [-1, 2]]))
    assert columns[0].tolist() == [3, RIVALS + 5]
    assert margins[0].tolist() == [-1.0, -2.0]
    assert np.isnan(margins[1, 0]), "of an unknown key"
    assert margins[1, 1] == -4.0


def test_failures_are_told_by_row_and_column() -> None:
    rows, columns = failing(np.asarray([[-1.0, 2.0], [1.0, np.nan]], np.float32), np.asarray([[0, 7], [4, 0]]))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, RIVALS + 7), (1, 4)]


def test_a_closed_way_is_neither_kept_nor_picked() -> None:
    nearest = Nearest(2, most=1.0, least=1.0)
    seeds = np.zeros(2, np.int64)
    nearest.bar(seeds[:1], np.asarray([[-9.0, -9.0]], np.float32))
    nearest.fold(np.asarray([1, 2]), seeds, np.asarray([[-1.0, np.nan], [np.nan, -5.0]], np.float32))
    rng = np.random.default_rng(0)
    assert set(nearest.choose(np.zeros(64, np.int64), rng).tolist()) == {1, 2}
    nearest.close(np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert set(nearest.choose(np.zeros(64, np.int64), rng).tolist()) == {2}
    better = np.asarray([[-0.5, np.nan], [np.nan, -0.5]], np.float32)
    assert nearest.passing(seeds, better)[0].tolist() == [False, True]


def test_a_row_must_come_nearer_than_its_seed_was_by_itself() -> None:
    nearest = Nearest(1)
    seed = np.zeros(1, np.int64)
    nearest.bar(seed, column(-2.0))
    assert nearest.choose(seed, np.random.default_rng(0)).tolist() == [-1], "a seed is no row that came nearer"
    assert not nearest.passing(seed, column(-3.0))[0].any()
    assert nearest.passing(seed, column(-1.0))[0].all()


def test_margins_by_column_are_taken_as_those_of_a_table_that_is_as_wide() -> None:
    rng = np.random.default_rng(3)
    narrow, wide = Nearest(4, most=1.0), Nearest(4, most=1.0)
    for _ in range(20):
        seeds, rows = rng.integers(0, 5, 40), rng.integers(0, 900, 40)
        margins = rng.integers(-9, 1, (40, 2)).astype(np.float32)
        margins[rng.random((40, 2)) < 0.2] = np.nan
        ways = np.stack([rng.integers(0, 2, 40), 2 + rng.integers(0, 2, 40)], 1)
        table = np.full((40, 4), np.nan, np.float32)
        np.put_along_axis(table, ways, margins, axis=1)
        for one, other in zip(narrow.passing(seeds, margins, ways), wide.passing(seeds, table), strict=True):
            np.testing.assert_array_equal(one, other)
        narrow.fold(rows, seeds, margins, ways)
        wide.fold(rows, seeds, table)
        np.testing.assert_array_equal(narrow._rows, wide._rows)
        np.testing.assert_array_equal(narrow._margins, wide._margins)


def test_tables_restored_longer_or_shorter_than_others_are_picked_from_all_the_same() -> None:
    nearest = Nearest(2, most=1.0, least=1.0)
    nearest.fold(np.asarray([7]), np.asarray([3]), np.asarray([[-1.0, np.nan]], np.float32))
    nearest.closed = np.zeros((9, 2), np.bool_)
    assert nearest.choose(np.full(8, 3), np.random.default_rng(0)).tolist() == [7] * 8
    assert not len(nearest.choose(np.zeros(0, np.int64), np.random.default_rng(0)))


def led(scheduler: Mixed) -> set[int]:
    """Rows that climbs start from."""
    return set(scheduler._nearest.choose(np.zeros(200, np.int64), np.random.default_rng(1)).tolist()) - {-1}


def two_ways() -> Mixed:
    """One seed; its child 1 is on the way to key 3, its child 2 further from key 5."""
    scheduler = Mixed()
    scheduler.grow(np.zeros(1, np.int64), np.ones(1, np.float32), column(-9.0), keys(0))
    scheduler.grow(np.zeros(2, np.int64), np.ones(2, np.float32), column(-1.0, -4.0), keys(3, 5))
    return scheduler


def test_once_it_has_failed_in_one_way_a_seed_is_led_to_the_others() -> None:
    scheduler = two_ways()
    assert led(scheduler) == {1, 2}
    picked = scheduler.pick(2, np.random.default_rng(0))
    scheduler.keep(np.zeros(2, np.int64), column(1.0, 2.0), keys(3, 3))
    scheduler.reward(picked, np.zeros(2, np.float32), column(1.0, 2.0), keys(3, 3), np.asarray([1.0, 0.0]))
    assert led(scheduler) == {2}


def test_what_has_failed_is_known_after_a_restart() -> None:
    scheduler, other = two_ways(), two_ways()
    scheduler.reward(np.zeros(1, np.int64), np.zeros(1, np.float32), column(1.0), keys(3), np.ones(1))
    other.restore(scheduler.state())
    assert led(other) == led(scheduler) == {2}


def test_rows_of_another_worker_do_not_take_the_keys_of_the_last_batch() -> None:
    scheduler = two_ways()
    scheduler.keep(np.zeros(2, np.int64), column(-0.5, -0.5), keys(7, 7))
    margins = column(-0.5, -0.6)
    scheduler.grow(np.zeros(2, np.int64), np.ones(2, np.float32), margins, no_keys(margins))
    ways = np.flatnonzero(scheduler._nearest._rows[0] >= 3)
    assert ways.tolist() == [0]
