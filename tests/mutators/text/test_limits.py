"""How far a text is from its seed."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.batch import TextRows
from mlfuzz.errors import ConfigError
from mlfuzz.modality.text import Text
from mlfuzz.mutators.base import select
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.text.limits import TextDistance, edit_distance
from mlfuzz.testing.rows import SENTENCES


def by_table(one, other) -> int:
    """Wagner and Fischer, JACM 1974."""
    row = list(range(len(other) + 1))
    for at, item in enumerate(one, start=1):
        before, row[0] = row[0], at
        for place, wanted in enumerate(other, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (item != wanted))
    return row[-1]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)],
)
def test_known_distances(one, other, expected):
    assert edit_distance(one, other) == expected


def test_the_distance_is_that_of_the_table_on_many_pairs():
    rng = np.random.default_rng(0)
    for _ in range(300):
        one, other = ("".join(rng.choice(list("abc"), rng.integers(0, 90))) for _ in range(2))
        assert edit_distance(one, other) == by_table(one, other)
    for one in SENTENCES[:6]:
        for other in SENTENCES[:6]:
            assert edit_distance(one, other) == edit_distance(other, one) == by_table(one, other)


def test_words_are_compared_like_characters():
    assert edit_distance(["the", "cat", "sat"], ["the", "dog", "sat", "down"]) == 2


def check(texts: list[str], roots: list[str], **limits) -> list[bool]:
    rows = [TextRows(tuple(each), Text()) for each in (texts, roots)]
    return TextDistance().check(rows[0], rows[1], Limits(**limits), kind="typo").tolist()


def test_a_text_is_within_its_share_of_characters_or_of_words():
    root = "ten chars!"
    texts = [root, "ten charz!", "tan charz!", ""]
    assert check(texts, [root] * 4, edit_distance=0.1) == [True, True, False, False]
    assert check(texts, [root] * 4, words_share=0.5) == [True, True, False, False]
    assert check(texts, [root] * 4, words_share=0.5, edit_distance=0.2) == [True, True, False, False]


def test_from_an_empty_seed_one_character_is_all_of_it():
    assert check(["a", "ab", ""], ["", "", ""], edit_distance=1.0) == [True, False, True]


def test_limits_of_other_modalities_are_refused_and_these_elsewhere():
    with pytest.raises(ConfigError, match="linf is not for text"):
        distance("text", Limits(linf=0.1))
    with pytest.raises(ConfigError, match="edit_distance is not for image"):
        distance("image", Limits(edit_distance=0.1))
    with pytest.raises(ConfigError, match="words_share"):
        Limits(words_share=0)


def test_a_plan_drops_what_lies_beyond():
    limits = Limits(edit_distance=0.05)
    mutators = select("text", ["text.typo", "text.upper"])
    plan = Plan(mutators, np.ones(2), DistanceLedger(limits, mutators))
    parents = TextRows(SENTENCES[:1] * 64, Text())
    loads = np.zeros((64, plan.ledger.width), np.float32)
    mutated = plan.mutate(parents, loads, np.ones(64, np.bool_), np.random.default_rng(0), roots=lambda: parents)
    for text, dropped in zip(mutated.rows.texts, mutated.dropped, strict=True):
        assert dropped == (by_table(text, SENTENCES[0]) > 0.05 * len(SENTENCES[0]))
    assert 0 < mutated.dropped.sum() < 64
