"""Capitals and small letters."""

from __future__ import annotations

import pytest

LINE = "The Quick brown fox met iPhone and NASA, straße"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("upper", "THE QUICK BROWN FOX MET IPHONE AND NASA, STRASSE"),
        ("lower", "the quick brown fox met iphone and nasa, straße"),
        ("title", "The Quick Brown Fox Met Iphone And Nasa, Straße"),
        ("swap_case", "tHE qUICK BROWN FOX MET IpHONE AND nasa, STRASSE"),
    ],
)
def test_all_words_at_the_end_of_the_range(name, expected, mutants):
    assert set(mutants(f"text.{name}", LINE, 5)) == {expected}


def test_letters_in_either_case_are_the_same_letters(mutants):
    seen = mutants("text.random_case", LINE)
    assert len(set(seen)) > 30
    assert all(mutant.casefold() == LINE.casefold() for mutant in seen)


def test_scripts_without_case_are_left_as_they_are(mutants):
    assert set(mutants("text.upper", "日本語 مرحبا", 5)) == {"日本語 مرحبا"}
