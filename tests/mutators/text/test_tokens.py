"""Token ids as text."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.base import defaults

IDS = "101 7592 2088 2003 1037 102"
NAMES = ["ids_swap", "ids_double", "ids_delete", "ids_replace", "ids_pad", "ids_truncate"]


@pytest.mark.parametrize("name", NAMES)
def test_ids_stay_ids_and_the_first_one_stays(name, mutants):
    assert name not in [part.name for part in defaults("text")]
    for mutant in mutants(f"text.{name}", IDS):
        ids = [int(word) for word in mutant.split(" ")]
        assert ids != [int(word) for word in IDS.split()]
        assert ids[0] == 101
        assert max(ids) <= 7592
        assert name == "ids_pad" or ids[-1] == 102


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ids_pad"])
@pytest.mark.parametrize("text", ["", "no ids here", "101 102", "7"])
def test_where_there_is_no_inner_id_nothing_happens(name, text, mutants):
    assert set(mutants(f"text.{name}", text)) == {text}


def test_swapped_ids_are_neighbours(mutants):
    assert set(mutants("text.ids_swap", "1 2 3 4 5", 40)) <= {"1 3 2 4 5", "1 2 4 3 5"}
