"""A chain in words."""

from __future__ import annotations

from mlfuzz.mutation import Mutation, sentence

UNITS = {"image.rotate": {"degrees": "degrees"}, "image.noise": {"sigma": "of white", "seed": "seed"}}


def test_a_chain_reads_as_a_sentence_with_units_and_without_seeds():
    chain = (Mutation("image.rotate", {"degrees": 7.25}), Mutation("image.noise", {"sigma": 0.3, "seed": 77}))
    assert sentence(chain, UNITS) == "rotate 7.25 degrees, then noise 0.3 of white"
    assert sentence((), UNITS) == "unchanged seed"


def test_edits_of_a_text_are_told_by_what_they_changed():
    params = {"share": 0.2, "sites": [0, 5], "old": ["This", "a"], "new": ["tHIS", "a\u200b"]}
    assert sentence((Mutation("text.swap_case", params),), {}) == r"swap case 'This' -> 'tHIS', 'a' -> 'a\u200b'"


def test_many_edits_are_cut_short():
    params = {"sites": list(range(9)), "old": ["x" * 99] * 9, "new": ["y"] * 9}
    text = sentence((Mutation("text.typo", params),), {})
    assert text.endswith("and 6 more")
    assert len(text) < 140


def test_edits_that_do_not_pair_up_are_shown_as_they_are():
    assert "old ['a']" in sentence((Mutation("text.typo", {"old": ["a"], "new": []}),), {})
