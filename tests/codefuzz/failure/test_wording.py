"""Messages without what an input has put into them."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.failure.wording import LONGEST, normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("need 4 bytes of 'len\\x00', got 2", "need 17 bytes of 'q', got -3"),
        ("<Node object at 0x7f00aa12>", "<Node object at 0x55>"),
        ("invalid start byte in position 4: é", "invalid start byte in position 99: ß ß"),
        ("invalid literal for int() with base 10: '12x'", 'invalid literal for int() with base 10: "it\'s"'),
        ("b'\\x00\\xff' is no header", "b'RIFF' is no header"),
        ("no such field: abcdefghijklmnopqrstuvwxyz0123", "no such field: zyxwvutsrqponmlkjihgfedcba--"),
        ("at 1, 2, 3", "at 4"),
        ("1e99 is too large", "1_000.5 is too large"),
    ],
)
def test_what_an_input_may_choose_makes_no_difference(one, other):
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("need 4 bytes", "need 4 words"), ("can't read", "can't write"), ("no header", "no trailer"), ("utf-8", "ascii")],
)
def test_other_words_make_one(one, other):
    assert normal(one) != normal(other)


def test_a_message_of_any_length_is_short():
    assert len(normal("word " * 100_000)) <= LONGEST
