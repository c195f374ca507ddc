"""Thompson sampling over ways: what it favours, and what it leaves to the others."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.bandit import Bandit


def taught(bandit: Bandit, rates: list[list[float]], *, batches: int = 60, rows: int = 60) -> np.ndarray:
    """Mean shares of the last batches, where each way brings events at these rates."""
    rng = np.random.default_rng(0)
    chances = np.asarray(rates)
    seen = []
    for _ in range(batches):
        shares = bandit.shares(rng, lots=4)
        ways = rng.choice(len(chances), rows, p=shares)
        bandit.learn(ways, (rng.random((rows, chances.shape[1])) < chances[ways]).astype(np.float64))
        seen.append(shares)
    return np.mean(seen[-20:], axis=0)


def test_shares_sum_to_one_and_keep_the_floors() -> None:
    bandit = Bandit(3, (1.0,), floors=np.asarray([0.1, 0.0, 0.2]))
    rng = np.random.default_rng(0)
    for _ in range(50):
        shares = bandit.shares(rng, lots=4)
        assert shares.sum() == pytest.approx(1.0)
        assert (shares >= [0.1, 0.0, 0.2]).all()


def test_what_brings_most_gets_most() -> None:
    assert taught(Bandit(4, (1.0,)), [[0.02], [0.02], [0.2], [0.02]])[2] > 0.7


def test_a_flood_of_one_kind_drowns_no_rare_one_of_more_worth() -> None:
    assert taught(Bandit(2, (1.0, 0.1)), [[0.0, 0.6], [0.05, 0.3]])[1] > 0.6


def test_means_count_little_where_the_end_comes_by_itself() -> None:
    nearer, failing = [0.0, 0.5], [0.05, 0.1]
    assert taught(Bandit(2, (1.0, 1.0)), [nearer, failing])[1] > 0.8
    assert taught(Bandit(2, (1.0, 1.0)), [nearer, [0.0, 0.1]])[0] > 0.8


def test_what_costs_ten_times_as_much_must_bring_ten_times_as_much() -> None:
    assert taught(Bandit(2, (1.0,), costs=np.asarray([10.0, 1.0])), [[0.2], [0.1]])[1] > 0.7


def test_what_has_dried_up_is_left_again() -> None:
    bandit = Bandit(2, (1.0,), half_life=256)
    taught(bandit, [[0.3], [0.02]])
    assert taught(bandit, [[0.0], [0.05]])[1] > 0.6


def test_it_goes_on_where_its_state_was_taken() -> None:
    one, two = Bandit(3, (1.0, 0.2)), Bandit(3, (1.0, 0.2))
    taught(one, [[0.1, 0.2], [0.2, 0.1], [0.0, 0.3]], batches=7)
    two.restore(one.state())
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    assert all(np.array_equal(one.shares(first), two.shares(second)) for _ in range(5))


def test_a_state_of_other_ways_is_left_alone() -> None:
    one, two = Bandit(3, (1.0,)), Bandit(2, (1.0,))
    taught(one, [[0.1], [0.2], [0.0]], batches=3)
    two.restore(one.state())
    assert len(two.shares(np.random.default_rng(0))) == 2
