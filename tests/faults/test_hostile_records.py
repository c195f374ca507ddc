"""Records made to do harm harm nothing, whatever stands in which of their fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

HOSTILE = matrix("hostile_records")


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(HOSTILE.cases(), 2))
def test_a_record_with_any_string_in_any_field_writes_nothing_outside_and_runs_nothing(
    case: str, tmp_path: Path
) -> None:
    assert HOSTILE.broken(case, tmp_path) == ""
