"""Other ways to write the same characters."""

from __future__ import annotations

import unicodedata

import pytest

ACCENTED = "Le garçon naïf a mangé une crème brûlée à la fin"


def test_another_normal_form_is_canonically_or_by_compatibility_the_same(mutants):
    text = ACCENTED + " ﬁn ½ e\u0301 が か\u3099 한국"
    for mutant in mutants("text.normal_form", text):
        assert mutant != text
        assert unicodedata.normalize("NFKC", mutant) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("name", ["normal_form", "unaccent", "mojibake"])
def test_what_has_no_accents_is_left_as_it_is(name, mutants):
    assert set(mutants(f"text.{name}", "Plain ASCII, 100 %.")) == {"Plain ASCII, 100 %."}


def test_one_mark_is_put_on_a_letter(mutants):
    for mutant in mutants("text.combining", "plain words here"):
        marks = [char for char in mutant if unicodedata.combining(char)]
        assert marks
        assert "".join(char for char in mutant if not unicodedata.combining(char)) == "plain words here"


def test_accents_go_as_on_a_keyboard_without_them(mutants):
    assert set(mutants("text.unaccent", "Straße Œuf Łódź", 5)) == {"Strasse OEuf Lodz"}


def test_mojibake_is_what_a_wrong_encoding_shows(mutants):
    assert set(mutants("text.mojibake", "é", 5)) == {"Ã©"}
    assert set(mutants("text.mojibake", "’", 5)) == {"â€™"}


def test_emoji_come_behind_words_and_the_words_stay(mutants):
    for mutant in mutants("text.emoji", "see you later then"):
        words = [word for word in mutant.split(" ") if word.isascii()]
        assert words == ["see", "you", "later", "then"]
        assert 1 <= len(mutant.split(" ")) - 4 <= 3
