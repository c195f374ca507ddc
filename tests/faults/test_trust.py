"""A finding is data: what it names runs where the project or its user says so, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

DOORS = matrix("doors")
QUICK = [case for case in DOORS.cases() if DOORS.is_quick(case)]  # type: ignore[attr-defined]
LANES = matrix("lanes")
REFUSED = [case for case in LANES.cases() if LANES.is_quick(case)]  # type: ignore[attr-defined]
OTHERS = [case for case in DOORS.cases() if case not in QUICK]


@pytest.mark.parametrize(
    "case", [*drawn(QUICK, 4), *(pytest.param(one, marks=pytest.mark.slow) for one in drawn(QUICK, 8))]
)
def test_nothing_that_only_a_record_names_is_imported(case: str, tmp_path: Path) -> None:
    assert DOORS.broken(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(OTHERS, 1))
def test_what_is_the_users_own_is_imported_and_what_is_not_is_not(case: str, tmp_path: Path) -> None:
    assert DOORS.broken(case, tmp_path) == ""


@pytest.mark.parametrize(
    "case", [*drawn(REFUSED, 1), *(pytest.param(one, marks=pytest.mark.slow) for one in drawn(REFUSED, 8))]
)
def test_no_library_of_a_native_build_runs_that_this_user_has_not_built_there(case: str, tmp_path: Path) -> None:
    assert LANES.broken(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn([case for case in LANES.cases() if case not in REFUSED], 2))
def test_a_native_build_of_this_user_runs(case: str, tmp_path: Path) -> None:
    assert LANES.broken(case, tmp_path) == ""
