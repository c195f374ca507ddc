"""No damage to a campaign's files ends a verb with a traceback, hangs it, or stays unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

CASES = matrix("damage").cases()


def part(pattern: str, count: int) -> list[str]:
    return drawn([case for case in CASES if case.rpartition("/")[2] in pattern.split("|")], count)


@pytest.mark.slow
@pytest.mark.parametrize("case", part("fuzz|fuzz by name", 6))
def test_a_campaign_goes_on_whatever_has_become_of_a_file(case: str, tmp_path: Path) -> None:
    assert matrix("damage").broken(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", part("status|status json|report|report json|list|verify|repair", 8))
def test_verbs_that_count_damage_count_it_all(case: str, tmp_path: Path) -> None:
    assert matrix("damage").broken(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(CASES, 8))
def test_no_verb_fails_on_a_damaged_file(case: str, tmp_path: Path) -> None:
    assert matrix("damage").broken(case, tmp_path) == ""
