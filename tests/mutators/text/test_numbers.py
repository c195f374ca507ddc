"""Numbers and dates."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.text.numbers import NAMES, VALUES


def test_every_number_to_99_has_a_name_that_is_read_back():
    assert len(NAMES) == len(set(NAMES)) == 100
    assert [VALUES[name] for name in NAMES] == list(range(100))
    assert (NAMES[0], NAMES[20], NAMES[21], NAMES[99]) == ("zero", "twenty", "twenty-one", "ninety-nine")


@pytest.mark.parametrize("number", [0, 7, 13, 20, 21, 90, 99])
def test_figures_and_words_become_each_other(number, mutants):
    figures, words = f"We saw {number} birds", f"We saw {NAMES[number]} birds"
    assert set(mutants("text.number_words", figures, 3)) == {words}
    assert set(mutants("text.number_figures", words, 3)) == {figures}


@pytest.mark.parametrize("text", ["at 10:30", "3.14 and 2,5", "100 or 2024", "$20", "x2 v3", "50%", "-4", "5-6", "1/2"])
def test_figures_that_are_part_of_something_stay(text, mutants):
    assert set(mutants("text.number_words", text, 3)) == {text}


@pytest.mark.parametrize("text", ["one of them", "two hundred", "twenty-first", "often", "someone"])
def test_words_that_are_no_number_by_themselves_stay(text, mutants):
    assert set(mutants("text.number_figures", text, 3)) == {text}


@pytest.mark.parametrize("date", ["2024-03-05", "5 March 2024", "March 5, 2024", "5th March, 2024"])
def test_a_date_takes_the_other_forms(date, mutants):
    forms = {"2024-03-05", "5 March 2024", "March 5, 2024", "5 Mar 2024", "2024/03/05"} - {date}
    assert {mutant[3:] for mutant in mutants("text.date_form", f"On {date}", 100)} == forms


@pytest.mark.parametrize("text", ["3/4/2024", "2024-13-45", "32 March 2024", "12024-03-05", "March 2024"])
def test_what_is_no_date_or_can_be_read_two_ways_stays(text, mutants):
    assert set(mutants("text.date_form", text, 5)) == {text}
