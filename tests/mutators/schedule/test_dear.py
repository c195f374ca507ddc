"""Dear operators have a share of the time, and more only while they find in proportion."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.batch import Step
from mlfuzz.mutators.schedule.bandit import FLOOR, OperatorBandit
from mlfuzz.mutators.schedule.dear import DEAR_SHARE, capped, in_proportion

NAMES = ("codec.useless", "codec.useful", "cheap.one", "cheap.two")
COSTS = np.asarray([4.0, 1.0, 0.05, 0.05])
DEAR = np.asarray([True, True, False, False])


def time_of(shares: np.ndarray) -> np.ndarray:
    """Of each operator's own work, of all the time that rows take."""
    return np.asarray(shares * COSTS / (1.0 + shares @ COSTS))


def dealt(
    rates: list[float], *, dear: np.ndarray | None = DEAR, elsewhere: float = 0.0, batches: int = 160
) -> np.ndarray:
    """Mean shares of the rows where rows of each operator find faults at such rates, once that is known."""
    dealer = OperatorBandit(NAMES, np.full(4, 0.25), COSTS, dear=dear)
    dealer.elsewhere = elsewhere
    rng, batch = np.random.default_rng(0), 200
    seen = []
    for _ in range(batches):
        shares = dealer.weights(rng)
        assert abs(shares.sum() - 1) < 1e-12
        assert (shares >= FLOOR - 1e-12).all()
        edges = np.round(np.cumsum([0.0, *shares]) * batch).astype(int)
        steps = [Step(name, 1, a, b, {}) for name, a, b in zip(NAMES, edges[:-1], edges[1:], strict=True)]
        numbers = np.repeat(np.arange(4), np.diff(edges))
        events = np.zeros((batch, 3))
        events[:, 0] = rng.random(batch) < np.asarray(rates)[numbers]
        dealer.learn(steps, np.arange(batch), events, again=0, borrowed=0)
        seen.append(shares)
    return np.asarray(np.mean(seen[batches // 4 :], axis=0))


def test_a_dear_operator_that_finds_nothing_keeps_to_its_share_of_the_time() -> None:
    rates = [0.0, 0.02, 0.02, 0.02]
    free, held = dealt(rates, dear=None), dealt(rates)
    assert time_of(free)[DEAR].sum() > 1.5 * DEAR_SHARE, "without the rule there is something to hold"
    assert time_of(held)[DEAR].sum() <= DEAR_SHARE + 1e-9
    assert held[0] >= FLOOR


def test_a_dear_operator_that_finds_in_proportion_is_not_held() -> None:
    shares = dealt([0.0, 0.5, 0.02, 0.02])
    assert time_of(shares)[1] > 2 * DEAR_SHARE
    assert time_of(shares)[0] <= DEAR_SHARE


def test_what_searches_take_is_taken_from_the_same_share() -> None:
    rates = [0.0, 0.02, 0.02, 0.02]
    assert time_of(dealt(rates, elsewhere=0.1))[DEAR].sum() <= DEAR_SHARE - 0.1 + 1e-9
    starved = dealt(rates, elsewhere=0.5)
    np.testing.assert_allclose(starved[:2], FLOOR)


@pytest.mark.parametrize("room", [0.0, 0.05, DEAR_SHARE, 0.6])
def test_no_more_is_taken_than_the_rule_asks_for(room: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        shares, costs = rng.dirichlet(np.ones(6)), rng.exponential(2.0, 6)
        held, least = rng.random(6) < 0.5, rng.random(6) * 0.02
        lower = capped(shares, least, costs, held, room=room)
        assert abs(lower.sum() - 1) < 1e-9
        if held.all() or not held.any():
            np.testing.assert_array_equal(lower, shares)
            continue
        taken = float((lower * costs)[held].sum() / (1 + lower @ costs))
        before = float((shares * costs)[held].sum() / (1 + shares @ costs))
        floors = np.minimum(least, shares)
        assert (lower[held] >= floors[held] - 1e-12).all()
        at_least = bool(np.allclose(lower[held], floors[held]))
        assert at_least or taken == pytest.approx(min(room, before))
        assert (lower[~held] >= shares[~held] - 1e-12).all()


def test_nobody_is_let_go_by_luck_or_where_nobody_finds_anything() -> None:
    rows, costs = np.asarray([0.0, 100.0, 1000.0, 1000.0]), COSTS
    assert not in_proportion(np.zeros(4), rows, costs, DEAR).any()
    assert not in_proportion(np.ones(4), np.zeros(4), costs, DEAR).any()
    assert in_proportion(np.asarray([1.0, 2.0, 1.0, 1.0]), rows, costs, DEAR).tolist() == [False, True, False, False]
