"""Text that would command a terminal, or hide from a reader, is shown as what it is."""

from __future__ import annotations

import unicodedata

import pytest

from mlfuzz.report.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 中文, 🙂", "plain, é, 中文, 🙂"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_what_is_hidden_is_written_out(text, shown):
    assert visible(text) == shown


def test_newlines_stay_where_they_are_wanted():
    assert visible("a\nb\x07", keep="\n") == "a\nb\\x07"


def test_a_long_text_is_cut():
    assert visible("x" * 50, limit=10) == "xxxxxxx..."


def test_every_character_comes_out_printable():
    shown = visible("".join(map(chr, range(0x3000))))
    assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs")}
