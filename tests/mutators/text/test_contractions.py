"""Contractions, made and undone."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.text.contractions import LONG, SHORT


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("I'm sure it's fine", "I am sure it is fine"),
        ("They don't and can't go", "They do not and cannot go"),
        ("We've seen that she'll win", "We have seen that she will win"),
        ("It's late", "It is late"),
        ("I've gone", "I have gone"),
    ],
)
def test_contractions_are_made_and_undone(short, long, mutants):
    assert set(mutants("text.expand", short, 3)) == {long}
    assert set(mutants("text.contract", long, 3)) == {short}


def test_capitals_are_kept_and_curly_apostrophes_read(mutants):
    assert set(mutants("text.expand", "DON'T move", 3)) == {"DO NOT move"}
    assert set(mutants("text.expand", "We don’t move", 3)) == {"We do not move"}


def test_has_and_the_end_of_a_sentence_are_left_alone(mutants):
    assert set(mutants("text.expand", "She's been there", 3)) == {"She's been there"}
    assert set(mutants("text.contract", "Yes, it is.", 3)) == {"Yes, it is."}


def test_other_languages_are_left_alone(mutants):
    assert set(mutants("text.contract", "Das ist nicht so", 3)) == {"Das ist nicht so"}


def test_the_tables_are_each_other_turned_round():
    assert all(LONG[short].lower() == long for long, short in SHORT.items())
