"""Words, swapped and split."""

from __future__ import annotations

import pytest

LINE = "the small dog did not bite the tall man in the park"


def test_swapped_words_are_neighbours_and_never_negations(mutants):
    words = LINE.split()
    for mutant in mutants("text.word_swap", LINE):
        now = mutant.split()
        assert sorted(now) == sorted(words)
        assert now.index("not") == words.index("not")
        assert max(abs(at - now.index(word)) for at, word in enumerate(words) if words.count(word) == 1) <= 1


@pytest.mark.parametrize("name", ["word_repeat", "word_swap", "synonym"])
def test_a_negation_is_left_where_it_is(name, mutants):
    for text in ("not", "never nobody", "don't can't"):
        assert set(mutants(f"text.{name}", text)) == {text}


def test_repeated_words_stand_next_to_each_other(mutants):
    assert set(mutants("text.word_repeat", "hello", 3)) == {"hello hello"}


def test_articles_go_and_nothing_else_does(mutants):
    for mutant in mutants("text.article_drop", LINE):
        assert [word for word in mutant.split() if word != "the"] == [word for word in LINE.split() if word != "the"]
        assert mutant.split().count("the") < 3


def test_a_dropped_word_may_be_any_and_the_label_is_not_trusted(mutants):
    from mlfuzz.mutators.base import MUTATORS

    part = MUTATORS.get("text.word_drop")
    assert (part.effect, part.default) == ("destroying", False)
    assert any("not" not in mutant.split() for mutant in mutants("text.word_drop", LINE))


def test_split_and_joined_words_have_the_same_letters(mutants):
    for mutant in mutants("text.split", LINE):
        assert mutant != LINE
        assert mutant.replace("-\n", "").replace("-", "").replace(" ", "") == LINE.replace(" ", "")
    for mutant in mutants("text.join", LINE):
        assert len(mutant) < len(LINE)
        assert mutant.replace(" ", "") == LINE.replace(" ", "")
