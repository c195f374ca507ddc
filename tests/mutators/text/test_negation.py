"""Sentences turned round."""

from __future__ import annotations

from mlfuzz.mutators.base import MUTATORS


def test_each_way(mutants):
    assert set(mutants("text.negate", "It is good", 3)) == {"It is not good"}
    assert set(mutants("text.negate", "It is not good", 3)) == {"It is good"}
    assert set(mutants("text.negate", "It isn't good, it wasn’t", 3)) == {"It isn't good, it wasn’t"}
    assert set(mutants("text.negate", "Good film", 3)) == {"Good film"}


def test_it_is_declared_to_change_what_is_right():
    part = MUTATORS.get("text.negate")
    assert (part.effect, part.default) == ("destroying", False)
