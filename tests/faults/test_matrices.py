"""Each matrix of faults says what it promises, is drawn from by a test, and stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faults.drawn import MATRICES, matrix

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[1] / "docs/faults.md").read_text()
TESTS = "".join(path.read_text() for path in HERE.glob("test_*.py") if path != Path(__file__))
BY_HAND = {"boundary"}
"""Too long for a test that draws: run by the bench alone."""

NAMES = sorted(path.stem for path in MATRICES.glob("[a-z]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_matrix_has_a_promise_and_cases_of_which_none_is_there_twice(name: str) -> None:
    found = matrix(name)
    cases = found.cases()
    assert len(found.PROMISE.split()) > 5
    assert len(set(cases)) == len(cases) > 8
    assert cases == found.cases()


@pytest.mark.parametrize("name", NAMES)
def test_a_matrix_is_drawn_from_and_documented_with_its_figures(name: str) -> None:
    assert name in BY_HAND or f'matrix("{name}")' in TESTS
    assert len(re.findall(rf"^\| `{name}` \|", DOCUMENT, re.M)) == 2
