"""Characters that are not seen."""

from __future__ import annotations

import re
import unicodedata

import pytest

from mlfuzz.mutators.text.invisible import CONTROLS, ZERO_WIDTH

LINE = "Is this the way to Amarillo? Every night I hug my pillow."
ARABIC = "مرحبا بالعالم الجميل"


def unseen(text: str) -> str:
    return "".join(
        char for char in text if unicodedata.category(char) not in ("Cf", "Cc", "Mn") and char not in ZERO_WIDTH
    )


@pytest.mark.parametrize("name", ["zero_width", "bidi_mark", "bidi_wrap", "control"])
@pytest.mark.parametrize("text", [LINE, ARABIC])
def test_without_what_is_not_seen_the_text_is_as_before(name, text, mutants):
    for mutant in mutants(f"text.{name}", text):
        assert mutant != text
        assert unseen(mutant) == text


def test_nothing_comes_between_a_letter_and_its_accent_or_joiner(mutants):
    text = "e\u0301e\u0301e\u0301 👩\u200d💻 👍🏽 नमस्ते"
    for mutant in mutants("text.zero_width", text, 200):
        for part in ("e\u0301", "👩\u200d💻", "👍🏽", "स्ते"):
            assert text.count(part) == mutant.count(part)


def test_marks_of_direction_agree_with_the_letter_before_them(mutants):
    for text, marks in ((LINE, "\u200e"), (ARABIC, "\u200f\u061c")):
        added = {char for mutant in mutants("text.bidi_mark", text) for char in mutant} - set(text)
        assert added == set(marks)


def test_every_opened_direction_is_closed(mutants):
    for name in ("bidi_wrap", "reorder"):
        for mutant in mutants(f"text.{name}", LINE):
            depth = 0
            for char in mutant:
                depth += (char in "\u2066\u2067\u2068\u202a\u202b\u202d\u202e") - (char in "\u2069\u202c")
                assert 0 <= depth <= 1
            assert depth == 0


def test_a_reordered_word_is_shown_as_before(mutants):
    for mutant in mutants("text.reorder", LINE):
        assert mutant != LINE
        assert re.sub("\u202e(.*?)\u202c", lambda match: match[1][::-1], mutant) == LINE


def test_a_backspace_takes_back_the_letter_before_it(mutants):
    for mutant in mutants("text.backspace", LINE):
        assert re.sub(".\x08", "", mutant) == LINE != mutant


def test_nul_is_among_the_controls(mutants):
    seen = {char for mutant in mutants("text.control", LINE, 200) for char in mutant} - set(LINE)
    assert seen == set(CONTROLS)
