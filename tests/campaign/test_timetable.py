"""A campaign is over a tenth and five seconds after its time, whatever its target does."""

from __future__ import annotations

import pytest

from mlfuzz.campaign.timetable import MOST_SLOWNESS, OWN_SECONDS, Timetable

COMMAND_SECONDS = 1.0


@pytest.mark.parametrize("seconds", [0.5, 6.0, 60.0, 600.0, 86400.0])
def test_all_is_over_within_a_tenth_and_five_seconds(seconds: float) -> None:
    planned = Timetable(100.0, seconds, 100.0 + OWN_SECONDS)
    assert planned.end + COMMAND_SECONDS - 100.0 <= 1.1 * seconds + 5.0
    assert 100.0 < planned.prelude < planned.last_batch < planned.worker < planned.end


@pytest.mark.parametrize("late", [2.0, 5.0, 20.0])
def test_a_busy_machine_makes_it_longer_by_what_it_was_measured_to_be_slower(late: float) -> None:
    idle, busy = Timetable(0.0, 60.0, OWN_SECONDS), Timetable(0.0, 60.0, OWN_SECONDS + late)
    assert idle.slowness == 1.0
    assert 1.0 < busy.slowness <= MOST_SLOWNESS
    assert busy.end >= idle.end + late
