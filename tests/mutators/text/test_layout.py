"""Punctuation and white space."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.text.layout import BREAKS, WIDE_SPACES

LINE = 'Well, it\'s 3.14 - or "nearly" so; see a.b@example.org!'


@pytest.mark.parametrize("name", ["wide_space", "tab", "double_space", "line_break"])
def test_between_words_there_is_still_white_space_and_the_words_stay(name, mutants):
    for mutant in mutants(f"text.{name}", LINE):
        assert mutant != LINE
        assert mutant.split() == LINE.split()


def test_one_text_has_one_kind_of_wide_space(mutants):
    seen = mutants("text.wide_space", LINE, 200)
    assert {mutant[5] for mutant in seen} == set(WIDE_SPACES)
    assert all(len(set(mutant) - set(LINE)) == 1 for mutant in seen)


def test_marks_inside_numbers_and_addresses_stay(mutants):
    for name in ("punctuation_drop", "space_before"):
        for mutant in mutants(f"text.{name}", LINE):
            assert "3.14" in mutant
            assert "a.b@example.org" in mutant
            assert mutant != LINE


def test_dropping_marks_drops_nothing_else(mutants):
    assert set(mutants("text.punctuation_drop", "One, two; three.", 5)) == {"One two three"}


def test_the_end_of_a_sentence_is_repeated(mutants):
    assert set(mutants("text.punctuation_repeat", "Stop!", 60)) == {"Stop!!", "Stop!!!", "Stop!!!!"}


def test_the_final_stop_comes_and_goes(mutants):
    assert set(mutants("text.final_stop", "It ends.\n", 3)) == {"It ends\n"}
    assert set(mutants("text.final_stop", "It ends", 3)) == {"It ends."}
    assert set(mutants("text.final_stop", "Does it?", 3)) == {"Does it?"}


def test_quotes_and_dashes_change_their_kind(mutants):
    assert "it’s" in " ".join(mutants("text.quotes", LINE))
    assert "–" in "".join(mutants("text.dashes", LINE))
    assert all(len(mutant) == len(LINE) for mutant in mutants("text.quotes", LINE))


def test_line_ends_become_those_of_another_system(mutants):
    seen = mutants("text.line_end", "a\nb\r\nc", 200)
    assert set(seen) == {f"a{kind}b{kind}c" for kind in BREAKS}


def test_white_space_is_put_at_the_ends(mutants):
    for mutant in mutants("text.trailing", LINE):
        assert mutant.startswith(LINE)
        assert len(mutant) == len(LINE) + 4
    for mutant in mutants("text.leading", LINE):
        assert mutant.endswith(LINE)
        assert len(mutant) == len(LINE) + 4
