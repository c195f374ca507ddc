"""Two languages in one sentence."""

from __future__ import annotations

from mlfuzz.mutators.text.code_switch import GROUPS


def test_a_word_is_said_in_another_language(mutants):
    assert set(mutants("text.code_switch", "House", 60)) == {"Haus", "Maison", "Casa"}
    assert set(mutants("text.code_switch", "s’il", 5)) == {"s’il"}


def test_each_word_knows_only_others():
    assert all(word not in [one.lower() for one in others] for word, others in GROUPS.items())
    assert all(others for others in GROUPS.values())
