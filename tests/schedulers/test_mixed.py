"""The default scheduler: four ways of picking that share a batch, and turns of seeds."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.errors import ConfigError
from mlfuzz.schedulers.base import no_keys
from mlfuzz.schedulers.mixed import Mixed
from mlfuzz.schedulers.turns import Turns


def grown(seeds: list[int], margins: list[float], gains: list[float] | None = None) -> Mixed:
    scheduler = Mixed()
    worth = np.asarray(gains if gains is not None else [1.0] * len(seeds), np.float32)
    columns = np.asarray(margins, np.float32)[:, None]
    scheduler.grow(np.asarray(seeds, np.int64), worth, columns, no_keys(columns))
    return scheduler


def reward(scheduler: Mixed, picked: np.ndarray, margins: np.ndarray, gains: np.ndarray | None = None) -> None:
    """As the loop does after a batch in which nothing was kept; news is what fails first of its seed."""
    columns = margins.astype(np.float32)[:, None]
    seeds = scheduler._entries.seeds[picked]
    news = ((margins > 0) & ~scheduler._nearest.closed[seeds, 0]).astype(np.float64)
    scheduler.keep(seeds, columns, no_keys(columns))
    worth = np.zeros(len(picked), np.float32) if gains is None else gains
    scheduler.reward(picked, worth, columns, no_keys(columns), news)


def shares(scheduler: Mixed, rows: int, *, picks: int = 200, batches: int = 40) -> np.ndarray:
    rng = np.random.default_rng(1)
    picked = np.concatenate([scheduler.pick(picks, rng) for _ in range(batches)])
    return np.bincount(picked, minlength=rows) / len(picked)


def test_a_way_that_brings_nearer_misses_gets_most_of_the_batch() -> None:
    scheduler = grown([0, 0, 0, 0], [-9.0, -1.0, -8.0, -7.0])
    rng = np.random.default_rng(0)
    for _ in range(6):
        picked = scheduler.pick(50, rng)
        reward(scheduler, picked, np.where(picked == 1, -0.5, -9.0))
    assert shares(scheduler, 4, picks=50, batches=4)[1] > 0.5


def test_a_way_that_brings_failures_gets_most_of_the_batch() -> None:
    scheduler = grown([0, 1, 2, 3, 0], [-9.0, -9.0, -9.0, -9.0, -1.0])
    rng = np.random.default_rng(0)
    for _ in range(30):
        picked = scheduler.pick(50, rng)
        reward(scheduler, picked, np.where((picked < 4) & (rng.random(50) < 0.2), 1.0, -9.0))
    assert shares(scheduler, 5)[:4].sum() > 0.7


def test_no_way_is_ever_given_up() -> None:
    scheduler = grown([0] * 40, [-9.0] * 39 + [-1.0])
    rng = np.random.default_rng(0)
    for _ in range(40):
        picked = scheduler.pick(50, rng)
        reward(scheduler, picked, np.where(picked == 39, -0.5, -9.0))
    seen = shares(scheduler, 40)
    assert seen[0] > 0.01
    assert (seen[34:39] > 0).all()
    assert np.count_nonzero(seen) > 20


def test_a_seed_that_fails_often_gets_less_and_never_nothing() -> None:
    scheduler = grown([0, 1, 2, 3], [-9.0] * 4)
    rng = np.random.default_rng(0)
    for _ in range(20):
        picked = scheduler.pick(40, rng)
        reward(scheduler, picked, np.where(picked == 2, 1.0, -9.0))
    seen = shares(scheduler, 4)
    assert 0.05 < seen[2] < 0.8 * seen[0]


def test_a_broken_seed_gets_no_more_than_before() -> None:
    scheduler, other = (grown([0, 1, 2, 3], [-9.0] * 4) for _ in range(2))
    scheduler.retire(np.asarray([2]))
    assert shares(scheduler, 4)[2] < shares(other, 4)[2]


@pytest.mark.parametrize("n", [1, 7, 64])
def test_seeds_of_one_weight_have_their_turns_alike_whatever_the_batch(n: int) -> None:
    turns, counts = Turns(), np.zeros(23, np.int64)
    for _ in range(40):
        dealt = turns.deal(np.ones(23), n)
        assert len(dealt) == n
        counts += np.bincount(dealt, minlength=23)
        assert counts.max() - counts.min() <= 1


def test_turns_follow_the_weights_and_none_goes_without() -> None:
    turns, counts = Turns(), np.zeros(4, np.int64)
    for _ in range(1_000):
        counts += np.bincount(turns.deal(np.asarray([1.0, 1.0, 1.0, 0.25]), 3), minlength=4)
    np.testing.assert_allclose(counts / counts.sum(), np.asarray([1, 1, 1, 0.25]) / 3.25, atol=0.002)


def test_a_restored_scheduler_remembers_what_it_learnt() -> None:
    scheduler = grown([0, 1, 2, 3], [-9.0] * 4)
    rng = np.random.default_rng(0)
    for _ in range(10):
        picked = scheduler.pick(40, rng)
        reward(scheduler, picked, np.where(picked == 2, 1.0, -9.0))
    other = grown([0, 1, 2, 3], [-9.0] * 4)
    other.restore(scheduler.state())
    one, two = np.random.default_rng(5), np.random.default_rng(5)
    assert [scheduler.pick(9, one).tolist() for _ in range(4)] == [other.pick(9, two).tolist() for _ in range(4)]


def test_a_floor_that_leaves_nothing_to_learn_is_refused() -> None:
    with pytest.raises(ConfigError, match="floor"):
        Mixed(floor=0.3)
