"""Other alphabets in Latin letters."""

from __future__ import annotations

from mlfuzz.mutators.text.script import LATIN


def test_words_are_spelt_as_people_type_them(mutants):
    assert set(mutants("text.transliterate", "привет, Москва!", 3)) == {"privet, Moskva!"}
    assert set(mutants("text.transliterate", "Θέλω ΝΕΡΟ", 3)) == {"Thelo NERO"}
    assert set(mutants("text.transliterate", "plain ASCII, naïve", 3)) == {"plain ASCII, naïve"}


def test_nothing_beyond_ascii_comes_of_the_tables():
    assert all(spelt.isascii() for spelt in LATIN.values())
