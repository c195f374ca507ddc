"""What changed in a text, with every character that the eye would miss."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
import specimen

from mlfuzz.findings.finding import Finding
from mlfuzz.modality.text import Text
from mlfuzz.report.exhibits import exhibit
from mlfuzz.report.html import environment
from mlfuzz.report.prose import Piece, compared, named


def after(old: str, new: str) -> list[tuple[str, str, str]]:
    return [(piece.kind, piece.text, piece.point) for piece in compared(old, new)[1]]


@pytest.fixture(scope="module")
def finding() -> Finding:
    return msgspec.structs.replace(specimen._flips("x")[0][0], modality={"name": "text", **Text().describe()})


def page(finding: Finding, old: str, new: str) -> str:
    template, values = exhibit(finding, new.encode(), old.encode())
    return environment().get_template(template).render(exhibit=values, finding=finding, link=lambda *_: "#")


def test_what_is_gone_and_what_is_new_are_told_apart():
    old, new = compared("the cat sat", "the dot sat!")
    assert [(piece.kind, piece.text) for piece in old] == [("same", "the "), ("gone", "ca"), ("same", "t sat")]
    assert [(piece.kind, piece.text) for piece in new] == [
        ("same", "the "), ("new", "do"), ("same", "t sat"), ("new", "!"),
    ]  # fmt: skip


def test_a_lookalike_is_shown_with_its_code_point():
    assert after("a cat", "a c\u0430t") == [("same", "a c", ""), ("new", "\u0430", "U+0430"), ("same", "t", "")]
    assert after("A", "\uff21") == [("new", "\uff21", "U+FF21")]


def test_a_text_of_another_script_is_left_readable():
    text = "Быстрая лиса"
    assert after(text, text + "!") == [("same", text, ""), ("new", "!", "")]


def test_one_ascii_letter_does_not_make_a_word_of_another_script_strange():
    assert [point for _, _, point in after("Быстрая", "Быcтрая")] == ["", "", ""]


def test_a_lookalike_that_was_there_before_shows_in_a_word_of_two_scripts():
    assert after("p\u0430y now", "p\u0430y no")[0] == ("same", "p\u0430", "U+0430")


@pytest.mark.parametrize(
    "char", ["\u200b", "\u202e", "\u2066", "\x00", "\x1b", "\u00a0", "\u2028", "\ufe0f", "\ue000", "\t"]
)
def test_what_is_not_seen_never_reaches_the_page_changed_or_not(char, finding):
    point, _ = named(char)
    for old, new in (("ab", f"a{char}b"), (f"a{char}b", f"a{char}b!")):
        assert any(piece[2] == point for piece in after(old, new))
        shown = page(finding, old, new)
        assert char not in shown
        assert point in shown


def test_a_combining_mark_stands_on_a_circle_of_its_own():
    assert after("e", "e\u0301") == [("same", "e", ""), ("new", "\u25cc\u0301", "U+0301")]


def test_a_changed_line_end_is_shown_and_ends_the_line():
    assert after("a b", "a\nb") == [("same", "a", ""), ("new", "", "U+000A"), ("same", "\n", ""), ("same", "b", "")]
    assert after("a\r\nb", "a\nb") == [("same", "a", ""), ("same", "\n", ""), ("same", "b", "")]
    assert "".join(piece.text for piece in compared("a\n\nb", "a\n\nc")[1]) == "a\n\nc"


def test_the_pieces_make_the_text_again_whatever_it_holds():
    rng = np.random.default_rng(0)
    alphabet = list("ab \n\t<&\u200b\u0301\u0430\u202e\u05d0é👩")
    for _ in range(200):
        old, new = ("".join(rng.choice(alphabet, rng.integers(0, 30))) for _ in range(2))
        for text, pieces in zip((old, new), compared(old, new), strict=True):
            assert "".join(map(spelt, pieces)) == text


def spelt(piece: Piece) -> str:
    """What a piece stands for; a line feed stands behind its badge anyway."""
    text = piece.text.replace("\u25cc", "")
    char = chr(int(piece.point[2:], 16)) if piece.point else ""
    return text if char == "\n" or text.endswith(char) else text + char


def test_hostile_text_is_escaped_and_cannot_turn_the_page_round(finding):
    shown = page(finding, "x", "<script>alert(1)</script>&\u202e\u2067\"'\u05d0")
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "\u202e" not in shown
    assert "\u2067" not in shown
    assert 'dir="auto"' in shown
    assert '<bdi class="point" dir="ltr" title="RIGHT-TO-LEFT OVERRIDE">U+202E</bdi>' in shown


def test_names_are_those_of_unicode_and_of_controls():
    assert named("\u200b") == ("U+200B", "ZERO WIDTH SPACE")
    assert named("\x00") == ("U+0000", "NULL")
    assert named("\x01") == ("U+0001", "unnamed")
    assert named("\U0001f600") == ("U+1F600", "GRINNING FACE")


def test_one_change_in_a_long_text_takes_no_quadratic_time():
    text = "word " * 2000
    start = time.process_time()
    old, new = compared(text, text[:5000] + "X" + text[5000:])
    assert time.process_time() - start < 0.2
    assert (len(old), len(new)) == (2, 3)
