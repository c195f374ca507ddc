"""Names swapped for those of others."""

from __future__ import annotations

from mlfuzz.mutators.text.names import PEOPLE, PLACES


def test_all_names_of_a_text_become_those_of_one_group(mutants):
    groups = [set(group) for group in PEOPLE]
    for made in mutants("text.name_swap", "James met Mary", 30):
        first, _, second = made.split()
        assert any({first, second} <= group for group in groups)
        assert made != "James met Mary"


def test_a_name_that_comes_twice_becomes_the_same_twice(mutants):
    for made in mutants("text.name_swap", "Ali and ALI", 20):
        first, _, second = made.split()
        assert second == first.upper()


def test_places_become_places_and_common_words_stay(mutants):
    for made in mutants("text.place_swap", "from London by train", 20):
        assert made.split()[1] in PLACES
    assert set(mutants("text.name_swap", "mark the rose", 5)) == {"mark the rose"}
