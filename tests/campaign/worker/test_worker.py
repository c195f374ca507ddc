"""What a worker makes of the time it was given."""

from __future__ import annotations

import math

from mlfuzz.campaign.timetable import OWN_SECONDS, Timetable
from mlfuzz.campaign.worker.__main__ import fuzzed_until
from mlfuzz.campaign.worker.orders import Order

ASKED = Order(workdir="c", parent=1, seconds=30.0)
PLANNED = Timetable(began=100.0, seconds=30.0, ready=100.0 + OWN_SECONDS)


def test_a_target_that_starts_soon_is_fuzzed_for_all_the_time_that_was_asked_for() -> None:
    assert fuzzed_until(ASKED, PLANNED, 102.0) == 132.0


def test_a_target_that_starts_late_is_fuzzed_until_the_last_batch_that_may_begin() -> None:
    assert fuzzed_until(ASKED, PLANNED, 125.0) == PLANNED.last_batch


def test_a_worker_that_takes_the_place_of_another_keeps_to_what_that_was_given() -> None:
    assert fuzzed_until(Order(workdir="c", parent=1, seconds=30.0, until=110.0), PLANNED, 125.0) == 110.0


def test_without_a_time_nothing_ends_it() -> None:
    assert fuzzed_until(Order(workdir="c", parent=1), None, 125.0) == math.inf
