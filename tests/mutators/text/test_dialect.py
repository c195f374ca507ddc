"""British and American spellings."""

from __future__ import annotations

from mlfuzz.mutators.text.dialect import SPELLINGS


def test_each_way_with_its_capitals(mutants):
    assert set(mutants("text.dialect", "The Colour of GREY cheques", 3)) == {"The Color of GRAY checks"}
    assert set(mutants("text.dialect", "The Color of GRAY checks", 3)) == {"The Colour of GREY cheques"}


def test_every_spelling_has_its_way_back():
    assert all(SPELLINGS[SPELLINGS[word]] == word for word in SPELLINGS)
    assert all(word.isalpha() and word.islower() for word in SPELLINGS)
