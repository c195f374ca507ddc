"""How much text there is."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.base import MUTATORS

LINE = "a few words in a line"


def test_a_repeated_text_is_whole_as_often_as_there_is_room(mutants):
    assert set(mutants("text.repeat", LINE, 3)) == {" ".join([LINE] * 5)}
    assert set(mutants("text.repeat", LINE, 3, max_chars=70)) == {" ".join([LINE] * 3)}
    (filled,) = set(mutants("text.fill", LINE, 3, max_chars=1000))
    assert 1000 - len(LINE) <= len(filled) <= 1000
    assert set(mutants("text.repeat", "", 3)) == {""}


@pytest.mark.parametrize("name", ["empty", "truncate"])
def test_what_destroys_the_label_says_so_and_is_not_in_the_default_set(name):
    part = MUTATORS.get(f"text.{name}")
    assert (part.effect, part.default) == ("destroying", False)


def test_an_emptied_text_is_empty_and_a_truncated_one_ends_between_words(mutants):
    assert set(mutants("text.empty", LINE, 3)) == {""}
    for mutant in mutants("text.truncate", LINE):
        assert LINE.startswith(mutant + " ")


@pytest.mark.parametrize("name", ["special_token", "address"])
def test_strays_come_between_the_words_and_all_words_stay(name, mutants):
    for mutant in mutants(f"text.{name}", LINE):
        assert mutant != LINE
        rest = iter(mutant.split(" "))
        assert all(word in rest for word in LINE.split(" "))
