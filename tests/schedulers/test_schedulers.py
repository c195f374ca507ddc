"""Every registered scheduler keeps the laws; and what each of them is for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlfuzz.schedulers.base import SCHEDULERS, no_keys
from mlfuzz.schedulers.margin import Margin
from mlfuzz.schedulers.recency import Recency
from mlfuzz.schedulers.uniform import Random, Uniform
from mlfuzz.testing.schedulers import LAWS, Make, SchedulerLaws


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", SCHEDULERS.names())
def test_a_registered_scheduler_keeps_the_law(name: str, law: Callable[[Make], None]) -> None:
    law(SCHEDULERS.get(name))


class TestMargin(SchedulerLaws):
    heeds_retirement = True
    has_floor = True

    def scheduler(self) -> Margin:
        return Margin()


def _grow(scheduler: Random | Uniform | Margin, seeds: list[int], margins: list[float]) -> None:
    _grow_rows(scheduler, seeds, np.asarray(margins, np.float32)[:, None])


def _grow_rows(scheduler: Random | Uniform | Margin, seeds: list[int], margins: np.ndarray) -> None:
    scheduler.grow(np.asarray(seeds, np.int64), np.ones(len(seeds), np.float32), margins, no_keys(margins))


def _kept(scheduler: Margin, seeds: list[int], margins: list[list[float]]) -> list[bool]:
    rows = np.asarray(margins, np.float32)
    return scheduler.keep(np.asarray(seeds, np.int64), rows, no_keys(rows)).tolist()


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_random_cycles_through_the_seeds_own_rows_and_nothing_else() -> None:
    scheduler = Random()
    _grow(scheduler, [4, 1, 4, 9, 1], [-1.0] * 5)
    assert scheduler.pick(4, _rng()).tolist() == [0, 1, 3, 0]
    assert scheduler.pick(3, _rng()).tolist() == [1, 3, 0]


def test_uniform_reaches_every_entry_alike() -> None:
    scheduler = Uniform()
    _grow(scheduler, [0] * 10, [-1.0] * 10)
    shares = np.bincount(scheduler.pick(20_000, _rng()), minlength=10) / 20_000
    assert shares.min() > 0.08
    assert shares.max() < 0.12


def test_recency_gives_five_sixths_to_the_last_five_and_the_rest_to_all() -> None:
    scheduler = Recency()
    _grow(scheduler, [0] * 100, [-1.0] * 100)
    picked = scheduler.pick(60_000, _rng())
    expected = 5 / 6 + 1 / 6 * 5 / 100
    assert abs((picked >= 95).mean() - expected) < 0.01
    assert len(np.unique(picked)) == 100


def test_margin_mostly_picks_the_entry_that_came_nearest() -> None:
    scheduler = Margin()
    _grow(scheduler, [0, 1, 0, 0, 1], [-5.0, -5.0, -3.0, -1.0, -6.0])
    counts = np.bincount(scheduler.pick(10_000, _rng()), minlength=5) / 10_000
    assert counts[3] > 0.3
    assert counts[1] > 0.4
    assert counts[0] > 0.05


def test_margins_of_different_oracles_are_never_compared() -> None:
    scheduler = Margin()
    margins = np.asarray([[-1e6, -1e-3], [-9e5, -2e-3]], np.float32)
    _grow_rows(scheduler, [0, 0], margins)
    counts = np.bincount(scheduler.pick(10_000, _rng()), minlength=2) / 10_000
    assert counts.min() > 0.3


def test_an_oracle_that_never_judged_a_seed_gives_it_no_pick() -> None:
    scheduler = Margin()
    margins = np.asarray([[np.nan, -2.0], [np.nan, -1.0]], np.float32)
    _grow_rows(scheduler, [0, 0], margins)
    counts = np.bincount(scheduler.pick(10_000, _rng()), minlength=2) / 10_000
    assert counts[1] > 0.7


def test_only_a_real_step_towards_failing_is_kept() -> None:
    scheduler = Margin()
    _grow(scheduler, [0, 1], [-1.0, -1.0])
    assert _kept(scheduler, [0, 1], [[-0.995], [-0.98]]) == [False, True]


def test_of_one_batch_only_the_best_of_a_seed_is_kept() -> None:
    scheduler = Margin()
    _grow(scheduler, [0, 1], [-1.0, -1.0])
    assert _kept(scheduler, [0, 0, 1, 0], [[-0.5], [-0.2], [-0.3], [-0.2]]) == [False, True, True, False]


def test_a_row_that_fails_another_oracle_is_not_kept() -> None:
    scheduler = Margin()
    _grow_rows(scheduler, [0], np.full((1, 2), -1.0, np.float32))
    assert _kept(scheduler, [0], [[-0.1, 3.0]]) == [False]


def test_infinite_margins_are_as_good_as_none() -> None:
    scheduler = Margin()
    _grow(scheduler, [0, 0], [-np.inf, -1.0])
    assert _kept(scheduler, [0], [[-np.inf]]) == [False]
    assert _kept(scheduler, [0], [[-0.5]]) == [True]


def test_a_ratchet_admits_few_rows_of_a_slow_climb() -> None:
    scheduler = Margin()
    _grow(scheduler, [0], [-1.0])
    kept = 0
    for margin in np.linspace(-1.0, -0.9, 10_000).tolist():
        if _kept(scheduler, [0], [[margin]]) == [True]:
            _grow(scheduler, [0], [margin])
            kept += 1
    assert 5 <= kept <= 12


def test_only_the_latest_entries_of_a_seed_are_remembered_but_its_own_row_always() -> None:
    scheduler = Margin()
    _grow(scheduler, [0] * 100, [-1.0 - row for row in range(100)])
    picked = set(scheduler.pick(5_000, _rng()).tolist())
    assert picked == {0, *range(84, 100)}


def test_a_nearest_entry_that_leads_nowhere_is_picked_less_until_there_is_a_nearer_one() -> None:
    scheduler = Margin()
    _grow(scheduler, [0] * 40, [-9.0] * 39 + [-1.0])

    def share_of(row: int) -> float:
        return float((scheduler.pick(200, _rng()) == row).mean())

    fresh = share_of(39)
    for _ in range(5):
        scheduler.pick(200, _rng())
    tired = share_of(39)
    _grow(scheduler, [0], [-0.5])
    assert fresh > 0.7
    assert 0.2 < tired < 0.5
    assert share_of(40) > 0.7
