"""How long a call may take follows from the calls before it; the first of all says nothing."""

from __future__ import annotations

import pytest

from mlfuzz.campaign.isolation.call_deadline import LEAST_DEADLINE, START_SECONDS, CallDeadline

SHAPE, OTHER = (8, 3, 4, 4), (64, 3, 4, 4)


def after(*calls: tuple[tuple[int, ...], float], given: float = 0.0) -> CallDeadline:
    patience = CallDeadline(given)
    for shape, seconds in calls:
        patience.note(shape, seconds)
    return patience


def test_the_first_call_is_not_judged_whatever_the_deadline() -> None:
    assert CallDeadline().limit(SHAPE) == START_SECONDS
    assert CallDeadline(2.0).limit(SHAPE) == START_SECONDS
    assert CallDeadline(3600.0).limit(SHAPE) == 3600.0


def test_a_slow_first_call_does_not_hide_a_hang_later() -> None:
    assert after((SHAPE, 40.0), (SHAPE, 0.01)).limit(SHAPE) == LEAST_DEADLINE


@pytest.mark.parametrize("seconds", [0.9, 8.0, 30.0])
def test_a_batch_may_take_ten_times_what_was_measured_for_it(seconds: float) -> None:
    assert after((SHAPE, 1.0), (SHAPE, seconds)).limit(SHAPE) >= 10 * seconds


def test_a_slow_shape_is_not_forgotten_for_quick_ones_of_others() -> None:
    patience = after((SHAPE, 1.0), (SHAPE, 2.0))
    for _ in range(5_000):
        patience.note(OTHER, 0.001)
    assert patience.limit(SHAPE) >= 20.0


def test_a_new_shape_may_take_what_the_first_of_another_took_or_as_much_a_row() -> None:
    assert after((SHAPE, 3.0), (SHAPE, 0.01)).limit(OTHER) >= 10 * 3.0
    assert after((SHAPE, 0.1), (SHAPE, 2.0)).limit(OTHER) >= 10 * 2.0 * 8


def test_the_users_deadline_is_kept_to_after_the_first_call() -> None:
    patience = after((SHAPE, 40.0), (SHAPE, 5.0), given=2.0)
    assert (patience.limit(SHAPE), patience.limit(OTHER)) == (2.0, 2.0)
