"""Requests to end and kills, drawn by the commit's hash from their whole matrices."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

pytestmark = pytest.mark.slow

STOPS, KILLS = matrix("stops"), matrix("kills")

SIDES = [[case for case in KILLS.cases() if case.startswith(side)] for side in ("model", "harness")]


@pytest.mark.parametrize("case", drawn(STOPS.cases(), 2))
def test_a_request_to_end_is_acknowledged_within_a_second_and_ends_within_ten_with_everything_saved(
    case: str, tmp_path: Path
) -> None:
    assert STOPS.broken(case, tmp_path) == ""


@pytest.mark.parametrize("case", [one for side in SIDES for one in drawn(side, 1)])
def test_kills_lose_and_double_nothing_that_was_acknowledged_and_leave_nothing_behind(
    case: str, tmp_path: Path
) -> None:
    assert KILLS.broken(case, tmp_path) == ""
