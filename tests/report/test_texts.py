"""Texts in the report: what changed is marked, and what cannot be seen is written out."""

from __future__ import annotations

import msgspec
import pytest
import specimen

from mlfuzz.report.exhibits import exhibit
from mlfuzz.report.texts import LONGEST, show


@pytest.fixture(scope="module")
def finding():
    return msgspec.structs.replace(specimen._flips("x")[0][0], modality={"name": "text", "max_chars": 5000})


def test_invisible_and_unusual_characters_are_written_out_and_named(finding):
    shown = show(finding, "pay\u200bload \u0430\u202e!".encode(), b"payload a!")
    text = "".join(piece.text + piece.point for piece in shown["after"])
    assert "payU+200Bload" in text
    assert "\u202e" not in text
    assert shown["named"] == [
        "U+200B ZERO WIDTH SPACE",
        "U+0430 CYRILLIC SMALL LETTER A",
        "U+202E RIGHT-TO-LEFT OVERRIDE",
    ]


def test_a_long_text_is_cut_and_said_to_be(finding):
    shown = show(finding, b"a" * (LONGEST + 1), b"a" * LONGEST)
    assert shown["cut"]
    assert sum(len(piece.text) for piece in shown["after"]) == LONGEST


def test_a_text_is_shown_as_text(finding):
    template, _ = exhibit(finding, "é".encode(), b"e")
    assert template == "text.html"


def test_what_is_no_text_is_shown_as_bytes(finding):
    template, values = exhibit(finding, b"\xff\xfe\x00", b"e")
    assert template == "bytes.html"
    assert values["reason"]
