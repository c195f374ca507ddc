"""Models that crash, hang, raise, lie and change their surroundings: a part of the matrices, drawn by the commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

MODELS, BUDGETS = matrix("hostile_models"), matrix("budgets")
ALIVE = [case for case in MODELS.cases() if not MODELS.kind_of(case).deadly]  # type: ignore[attr-defined]
DEADLY = [case for case in MODELS.cases() if case not in ALIVE]


@pytest.mark.slow
@pytest.mark.parametrize("case", [*drawn(ALIVE, 5), *drawn(DEADLY, 1)])
def test_a_hostile_model_is_found_out_or_refused_alike_everywhere(case: str, tmp_path: Path) -> None:
    assert MODELS.broken(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(BUDGETS.cases(), 1))
def test_a_campaign_keeps_to_its_time_whatever_its_target_does(case: str, tmp_path: Path) -> None:
    assert BUDGETS.broken(case, tmp_path) == ""


def test_the_matrices_have_as_many_kinds_as_they_promise() -> None:
    assert len(MODELS.cases()) >= 60
    assert len(BUDGETS.cases()) >= 60
