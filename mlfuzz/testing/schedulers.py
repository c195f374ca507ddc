"""What every scheduler owes the loop: laws as functions, and `SchedulerLaws` to inherit from.

class TestMine(SchedulerLaws):
    def scheduler(self):
        return Mine()
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlfuzz.schedulers.base import Gains, Keys, Margins, Rows, Scheduler, no_keys
from mlfuzz.schedulers.earlier import up_to_date

Make: TypeAlias = Callable[[], Scheduler]

ORACLES = 2
PICKS = 512


@dataclass(frozen=True, slots=True)
class Growth:
    """Rows as the loop hands them to `grow`."""

    seeds: Rows
    gains: Gains
    margins: Margins
    keys: Keys

    def part(self, start: int, stop: int) -> tuple[Rows, Gains, Margins, Keys]:
        """As the arguments of `grow`."""
        here = slice(start, stop)
        return self.seeds[here], self.gains[here], self.margins[here], self.keys[here]


def growth(size: int, seeds: int, *, key: int = 0) -> Growth:
    """The seeds' own rows, then rows that descend from them at random; some oracles did not judge, half gained.

    They come near to failing in three ways.
    """
    rng = np.random.default_rng(key)
    descent = np.concatenate([np.arange(seeds), rng.integers(0, seeds, size - seeds)]).astype(np.int64)
    margins = -rng.random((size, ORACLES)).astype(np.float32)
    margins[rng.random(margins.shape) < 0.2] = np.nan
    gains = (rng.random(size) * (rng.random(size) < 0.5)).astype(np.float32)
    return Growth(descent, gains, margins, rng.integers(0, 3, margins.shape))


def grown(make: Make, rows: Growth, *, batch: int = 64) -> Scheduler:
    """A scheduler that has seen these rows, in batches."""
    scheduler = _made(make)
    for start in range(0, len(rows.seeds), batch):
        scheduler.grow(*rows.part(start, start + batch))
    return scheduler


def picks_are_rows_that_exist(make: Make) -> None:
    for size, seeds in ((1, 1), (3, 3), (7, 2), (200, 20)):
        scheduler = grown(make, growth(size, seeds))
        for n in (1, 2, 17, 64):
            picked = scheduler.pick(n, np.random.default_rng(n))
            assert picked.shape == (n,)
            assert picked.dtype == np.int64
            assert picked.min() >= 0
            assert picked.max() < size


def the_same_state_and_generator_pick_the_same(make: Make) -> None:
    rows = growth(150, 12)
    first, second = grown(make, rows), grown(make, rows)
    assert _picks(first) == _picks(second)


def rows_grown_in_other_batches_pick_the_same(make: Make) -> None:
    rows = growth(150, 12)
    assert _picks(grown(make, rows, batch=7)) == _picks(grown(make, rows, batch=150))


def a_restored_scheduler_picks_the_same(make: Make) -> None:
    rows = growth(150, 12)
    scheduler = grown(make, rows)
    scheduler.pick(5, np.random.default_rng(3))
    scheduler.retire(np.asarray([2, 5], np.int64))
    restored = _made(make)
    restored.restore(scheduler.state())
    assert _picks(restored) == _picks(scheduler)
    assert _same_state(restored, scheduler)


def a_scheduler_restored_after_a_batch_picks_the_same(make: Make) -> None:
    """A batch as the loop hands it over: what comes near becomes an entry, what fails first is news."""
    rows = growth(150, 12)
    scheduler = grown(make, rows)
    rng = np.random.default_rng(5)
    for _ in range(3):
        picked = scheduler.pick(40, rng)
        batch = growth(40, 12, key=int(rng.integers(1, 1_000)))
        margins = np.where(rng.random(batch.margins.shape) < 0.1, np.float32(0.5), batch.margins)
        seeds, failed = rows.seeds[picked % 150], (margins > 0).any(axis=1)
        kept = (scheduler.keep(seeds, margins, batch.keys) | (batch.gains > 0)) & ~failed
        if kept.any():
            scheduler.grow(seeds[kept], batch.gains[kept], margins[kept], batch.keys[kept])
        scheduler.retire(np.unique(seeds[failed]))
        scheduler.reward(picked, batch.gains, margins, batch.keys, (failed & (rng.random(40) < 0.5)).astype(np.float64))
    restored = _made(make)
    restored.restore(scheduler.state())
    assert _picks(restored) == _picks(scheduler)


def state_is_not_changed_by_what_comes_later(make: Make) -> None:
    scheduler = grown(make, growth(40, 4))
    state = scheduler.state()
    copy = {name: array.copy() for name, array in state.items()}
    more = growth(40, 4, key=1)
    scheduler.grow(*more.part(0, 40))
    scheduler.retire(np.asarray([0], np.int64))
    scheduler.pick(9, np.random.default_rng(0))
    assert all(np.array_equal(state[name], copy[name], equal_nan=True) for name in copy)


def rows_beyond_the_restored_state_stay(make: Make) -> None:
    """A restart first grows what the journal holds; the checkpoint is older."""
    rows, more = growth(60, 6), growth(30, 6, key=1)
    scheduler = grown(make, rows)
    state = scheduler.state()
    scheduler.grow(*more.part(0, 40))
    restarted = grown(make, rows)
    restarted.grow(*more.part(0, 40))
    restarted.restore(state)
    complaint = "restore() of an older checkpoint drops rows that have been grown since, or picks otherwise among them"
    assert _picks(restarted) == _picks(scheduler), complaint


def no_row_that_fails_is_kept(make: Make) -> None:
    scheduler = grown(make, growth(40, 4))
    seeds = np.arange(4, dtype=np.int64).repeat(2)
    margins = np.full((8, ORACLES), -1e-6, np.float32)
    margins[::2, 0] = 0.5
    kept = scheduler.keep(seeds, margins, no_keys(margins))
    assert kept.shape == (8,)
    assert kept.dtype == np.bool_
    assert not kept[::2].any()


def rows_that_no_oracle_judged_are_not_kept(make: Make) -> None:
    scheduler = grown(make, growth(40, 4))
    unjudged = np.full((4, ORACLES), np.nan, np.float32)
    assert not scheduler.keep(np.arange(4, dtype=np.int64), unjudged, no_keys(unjudged)).any()


def a_target_without_oracles_can_be_scheduled(make: Make) -> None:
    scheduler = _made(make)
    seeds, margins = np.arange(3, dtype=np.int64), np.empty((3, 0), np.float32)
    scheduler.grow(seeds, np.ones(3, np.float32), margins, no_keys(margins))
    assert set(scheduler.pick(30, np.random.default_rng(0)).tolist()) <= {0, 1, 2}
    assert not scheduler.keep(seeds, margins, no_keys(margins)).any()


def retired_seeds_get_no_more_than_before(make: Make) -> None:
    assert _share_of_retired(make, retire=True) <= _share_of_retired(make, retire=False)


def retired_seeds_get_less(make: Make) -> None:
    """For schedulers that heed `retire`."""
    assert _share_of_retired(make, retire=True) < 0.75 * _share_of_retired(make, retire=False)


def retired_seeds_come_back_when_all_are_broken(make: Make) -> None:
    scheduler = grown(make, growth(40, 4))
    scheduler.retire(np.arange(4, dtype=np.int64))
    picked = scheduler.pick(400, np.random.default_rng(0))
    assert set(growth(40, 4).seeds[picked].tolist()) == {0, 1, 2, 3}


def every_active_seed_is_picked_within_as_many_picks(make: Make) -> None:
    """For schedulers with a floor per seed; whatever the size of batches, and while seeds retire."""
    rows = growth(100, 10)
    scheduler = grown(make, rows)
    rng = np.random.default_rng(0)
    scheduler.pick(3, rng)
    scheduler.retire(np.asarray([4, 7], np.int64))
    picked = np.concatenate([scheduler.pick(n, rng) for n in (1, 5, 2)])
    assert sorted(rows.seeds[picked].tolist()) == [0, 1, 2, 3, 5, 6, 8, 9]


def picking_costs_the_same_from_a_large_corpus(make: Make) -> None:
    """512 picks at 100,000 entries against 1,000: medians of CPU time, in one run."""
    small, large = (grown(make, growth(size, 100), batch=size) for size in (1_000, 100_000))
    rng = np.random.default_rng(0)
    assert _pick_seconds(large, rng) < 5.0 * _pick_seconds(small, rng) + 2e-4


LAWS: tuple[Callable[[Make], None], ...] = (
    picks_are_rows_that_exist,
    the_same_state_and_generator_pick_the_same,
    rows_grown_in_other_batches_pick_the_same,
    a_restored_scheduler_picks_the_same,
    a_scheduler_restored_after_a_batch_picks_the_same,
    state_is_not_changed_by_what_comes_later,
    rows_beyond_the_restored_state_stay,
    no_row_that_fails_is_kept,
    rows_that_no_oracle_judged_are_not_kept,
    a_target_without_oracles_can_be_scheduled,
    retired_seeds_get_no_more_than_before,
    retired_seeds_come_back_when_all_are_broken,
    picking_costs_the_same_from_a_large_corpus,
)


class SchedulerLaws:
    """Inherit, give `scheduler`, and pytest collects the laws.

    heeds_retirement, has_floor: set them where your scheduler promises so.
    """

    heeds_retirement = False
    has_floor = False

    def scheduler(self) -> Scheduler:
        raise NotImplementedError("give the scheduler to judge")

    def test_it_keeps_the_laws_of_schedulers(self) -> None:
        for law in LAWS:
            law(self.scheduler)

    def test_it_keeps_what_it_promises_of_retirement_and_floor(self) -> None:
        if self.heeds_retirement:
            retired_seeds_get_less(self.scheduler)
        if self.has_floor:
            every_active_seed_is_picked_within_as_many_picks(self.scheduler)


def _made(make: Make) -> Scheduler:
    scheduler, advice = up_to_date(make())
    if advice:
        warnings.warn(advice, DeprecationWarning, stacklevel=3)
    return scheduler


def _picks(scheduler: Scheduler) -> list[int]:
    rng = np.random.default_rng(11)
    return [row for n in (1, 40, 7) for row in scheduler.pick(n, rng).tolist()]


def _same_state(first: Scheduler, second: Scheduler) -> bool:
    one, other = first.state(), second.state()
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def _share_of_retired(make: Make, *, retire: bool) -> float:
    rows = growth(100, 10)
    scheduler = grown(make, rows)
    retired = np.arange(5, dtype=np.int64)
    if retire:
        scheduler.retire(retired)
    picked = scheduler.pick(4_000, np.random.default_rng(1))
    return float(np.isin(rows.seeds[picked], retired).mean())


def _pick_seconds(scheduler: Scheduler, rng: np.random.Generator) -> float:
    seconds = []
    for _ in range(21):
        started = time.process_time()
        scheduler.pick(PICKS, rng)
        seconds.append(time.process_time() - started)
    return float(np.median(seconds))
