"""What a worker makes of the time it was given."""

from __future__ import annotations

from mlfuzz.campaign.worker.__main__ import LEAST_SHARE, PRELUDE_SECONDS, time_left


def test_what_seeds_and_calibration_take_counts_beyond_a_few_seconds_and_leaves_a_third() -> None:
    assert time_left(30.0, PRELUDE_SECONDS) == 30.0
    assert time_left(30.0, PRELUDE_SECONDS + 12.0) == 18.0
    assert time_left(30.0, 3600.0) == LEAST_SHARE * 30.0
