from __future__ import annotations

import msgspec
import pytest

from mlfuzz.budget import Budget, disk_spent
from mlfuzz.stop_reason import Stop, StopReason


@pytest.mark.parametrize(
    ("spent", "text"),
    [
        ({"seconds": 3.0, "inputs": 0, "findings": 0}, "time is up"),
        ({"seconds": 0.0, "inputs": 600, "findings": 0}, "600 inputs ran"),
        ({"seconds": 0.0, "inputs": 0, "findings": 5}, "5 findings were saved"),
    ],
)
def test_what_a_budget_stops_at_is_stored_in_the_words_it_always_had(spent, text):
    stop = Budget(seconds=3.0, inputs=600, findings=5).spent(**spent)
    assert str(stop) == text
    assert stop.reason.exit_code is None


def test_space_is_a_limit_too():
    assert disk_spent(1 << 20, 1 << 20) is None
    assert str(disk_spent((1 << 20) + 1, 1 << 20)) == "its allowance of 1 MiB of disk is used up"


def test_who_asked_for_the_end_decides_the_exit_code():
    codes = {one: one.exit_code for one in StopReason if one.exit_code is not None}
    assert codes == {
        StopReason.INTERRUPTED: 130, StopReason.REQUESTED: 130, StopReason.TERMINATED: 143, StopReason.HUNG_UP: 129,
    }  # fmt: skip


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_has_words_and_goes_from_process_to_process(reason):
    stop = Stop(reason, 7)
    assert str(stop)
    assert msgspec.json.decode(msgspec.json.encode(stop), type=Stop) == stop
