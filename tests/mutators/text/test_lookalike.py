"""Other characters of the same look."""

from __future__ import annotations

import unicodedata

import pytest

from mlfuzz.modality.lookalikes import LOOKALIKES, plain_form
from mlfuzz.mutators.text.lookalike import DIGITS, LIGATURES, STYLED

LINE = "Pay 25 coins to the office, Bob!"


def folded(text: str) -> str:
    return "".join(plain_form(char) or char for char in text)


def test_homoglyphs_look_like_what_they_stand_for(mutants):
    for mutant in mutants("text.homoglyph", LINE):
        assert len(mutant) == len(LINE)
        changed = [(was, now) for was, now in zip(LINE, mutant, strict=True) if was != now]
        assert changed
        assert all(now in LOOKALIKES[was] for was, now in changed)


@pytest.mark.parametrize("name", ["full_width", "styled", "digit_form", "ligature"])
def test_compatibility_forms_come_back_by_nfkc(name, mutants):
    for mutant in mutants(f"text.{name}", LINE):
        assert mutant != LINE
        assert unicodedata.normalize("NFKC", mutant) == LINE


def test_every_table_is_undone_by_nfkc():
    assert all(unicodedata.normalize("NFKC", one) == run for run, one in LIGATURES.items())
    assert all(unicodedata.normalize("NFKC", chr(zero + digit)) == str(digit) for zero in DIGITS for digit in range(10))
    for table in STYLED:
        for plain, other in table.items():
            assert unicodedata.normalize("NFKC", chr(other if isinstance(other, int) else ord(other))) == chr(plain)


def test_leet_keeps_every_other_character(mutants):
    for mutant in mutants("text.leet", LINE):
        assert len(mutant) == len(LINE)
        assert mutant != LINE
        assert all(was == now or not now.isalpha() for was, now in zip(LINE, mutant, strict=True))


def test_a_folded_homoglyph_text_reads_as_before_or_nearly(mutants):
    same = [
        sum(a == b for a, b in zip(folded(mutant), LINE, strict=False)) for mutant in mutants("text.homoglyph", LINE)
    ]
    assert sum(same) / len(same) > 0.9 * len(LINE)
