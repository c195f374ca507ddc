"""Inputs are made as small as a person makes them."""

from __future__ import annotations

import pytest
from faults.drawn import drawn
from minimising import ALLOWED, CASES, Case, minimised

NEEDS = {"yaml": "yaml"}
SOME = 8


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_failure_is_in_what_was_found_and_in_what_a_person_made_of_it(case: Case) -> None:
    need(case)
    assert case.fails(case.found)
    assert case.fails(case.hand)
    assert len(case.hand) < len(case.found)


@pytest.mark.parametrize("case", drawn(CASES, SOME), ids=lambda case: case.name)
def test_an_input_becomes_as_small_as_by_hand(case: Case) -> None:
    need(case)
    smaller = minimised(case)
    assert case.fails(smaller)
    assert len(smaller) <= ALLOWED * len(case.hand)


def need(case: Case) -> None:
    if package := NEEDS.get(case.form):
        pytest.importorskip(package, reason="pip install 'mlfuzz[harnesses]'")
