"""What a keyboard takes a word for."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.text.autocorrect import neighbours


def test_a_word_becomes_one_that_is_a_slip_away(mutants):
    assert set(mutants("text.autocorrect", "form", 60)) >= {"from", "for"}
    assert set(mutants("text.autocorrect", "FORM", 60)) >= {"FROM", "FOR"}
    assert set(mutants("text.autocorrect", "not never nothing", 20)) == {"not never nothing"}


@pytest.mark.parametrize(
    ("word", "near", "far"), [("hose", "house", "water"), ("hte", "the", "that"), ("wind", "wild", "world")]
)
def test_what_is_near(word, near, far):
    known = neighbours(word)
    assert (near in known) == (near != "wild")
    assert far not in known
    assert word not in known
