"""What text operators record, and what becomes of it on other texts than it was recorded on."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from mlfuzz.batch import TextRows
from mlfuzz.errors import ReplayError
from mlfuzz.modality.text import Text
from mlfuzz.mutation import Mutation, sentence
from mlfuzz.mutators.base import MUTATORS, replay, units
from mlfuzz.mutators.param import Real, Sites
from mlfuzz.mutators.text.edits import CHARACTERS, REACH, WORDS, apart, edit, most_edits, spliced

LINE = "The quick brown fox jumps over the lazy dog, doesn't it? It is 12 o'clock - \"fine\"."
OPERATORS = [part.name for part in MUTATORS if part.modality == "text" and part.propose is not None]


def rows_of(*texts: str, max_chars: int = 400) -> TextRows:
    return TextRows(texts, Text(max_chars=max_chars))


def recorded_of(name: str, text: str, seed: int = 5) -> Mutation:
    part = MUTATORS.get(name)
    rows = rows_of(text)
    columns = part.draw(1, np.random.default_rng(seed))
    record = part.record(rows, columns, np.asarray([seed]))
    return Mutation(
        name, {key: value[0].item() if hasattr(value[0], "item") else value[0] for key, value in record.items()}
    )


def test_edits_are_made_where_their_old_text_stands():
    assert spliced("abcdef", [1, 3], ["b", "de"], ["X", ""]) == "aXcf"
    assert spliced("abc", [0, 3], ["", ""], ["<", ">"]) == "<abc>"


def test_a_record_with_fewer_edits_is_a_record():
    sites, old, new = [1, 3, 5], ["b", "d", "f"], ["B", "D", "F"]
    for left_out in range(3):
        rest = [[value for at, value in enumerate(each) if at != left_out] for each in (sites, old, new)]
        assert spliced("abcdef", *rest) == "".join(
            char.upper() if at in rest[0] else char for at, char in enumerate("abcdef")
        )
    assert spliced("abcdef", [], [], []) == "abcdef"


def test_an_edit_follows_its_old_text_where_the_text_was_shifted():
    assert spliced("xxhello world", [6], ["world"], ["WORLD"]) == "xxhello WORLD"
    assert spliced("world world", [5], ["world"], ["W"]) == "world W"
    assert spliced("o world", [8], ["world"], ["W"]) == "o W"


def test_an_edit_whose_old_text_is_not_within_reach_is_left_out():
    assert spliced("abc", [1], ["z"], ["y"]) == "abc"
    far = "a" * (REACH + 1)
    assert spliced(far + "z", [0], ["z"], ["y"]) == far + "z"
    assert spliced("abc", [500], ["c"], ["y"]) == "abc"
    assert spliced("abc", [-1], ["c"], ["y"]) == "abc"


def test_two_edits_never_take_the_same_text():
    assert spliced("aa", [0, 0, 0], ["a", "a", "a"], ["x", "y", "z"]) == "xy"


def test_edits_that_overlap_change_nothing_or_find_no_room_are_not_recorded():
    edits = [(4, "e", "E"), (0, "ab", "x"), (1, "b", "y"), (2, "c", "c"), (3, "d", "ddd")]
    assert apart(edits, 9, 0) == [(0, "ab", "x"), (4, "e", "E")]
    assert apart(edits, 9, 5) == [(0, "ab", "x"), (3, "d", "ddd"), (4, "e", "E")]
    assert apart(edits, 1, 5) == [(0, "ab", "x")]


def test_a_share_is_of_characters_or_of_words_and_rounded_up():
    text = "one two three four five"
    assert most_edits(text, 0.0, CHARACTERS) == 0
    assert most_edits(text, 0.01, CHARACTERS) == 1
    assert most_edits(text, float(np.float32(0.1)), "of words") == 1
    assert most_edits("a" * 10, float(np.float32(0.1)), CHARACTERS) == 1
    assert most_edits(text, 1.0, WORDS) == 5
    assert most_edits(text, 3, "marks") == 3


@pytest.mark.parametrize("name", OPERATORS)
def test_every_edit_stands_where_it_says_and_is_a_change(name):
    record = recorded_of(name, LINE).params
    assert len(record["sites"]) == len(record["old"]) == len(record["new"])
    for site, old, new in zip(record["sites"], record["old"], record["new"], strict=True):
        assert LINE[site : site + len(old)] == old
        assert old != new
    assert record["sites"] == sorted(record["sites"])


@pytest.mark.parametrize("name", OPERATORS)
def test_a_milder_amount_makes_the_first_of_the_recorded_edits(name):
    record = recorded_of(name, LINE)
    amount = "share" if "share" in record.params else "count"
    none = Mutation(name, {**record.params, amount: MUTATORS.get(name).space[amount].neutral})
    assert replay(rows_of(LINE), [(none,)]).texts == (LINE,)
    all_ = replay(rows_of(LINE), [(record,)]).texts[0]
    count = len(record.params["sites"])
    cut = Mutation(name, {key: value[:1] if isinstance(value, list) else value for key, value in record.params.items()})
    if count > 1 and amount == "count":
        one = Mutation(name, {**record.params, "count": 1})
        assert replay(rows_of(LINE), [(one,)]) == replay(rows_of(LINE), [(cut,)])
        assert replay(rows_of(LINE), [(one,)]).texts[0] != all_


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_leaves_files_that_can_be_written(name):
    part = MUTATORS.get(name)
    texts = (
        "",
        "a",
        "\x00",
        LINE * 3,
        "e\u0301👩\u200d💻🇪🇺",
        "日本語のテキスト",
        "مرحبا بالعالم 123",
        "101 7592 2088 102",
    )
    rows = TextRows(texts, Text(max_chars=300))
    for seed in range(20):
        columns = part.draw(len(rows), np.random.default_rng(seed))
        seen = part.apply(rows, part.record(rows, columns, np.arange(len(rows)) + seed))
        for text in seen.texts:
            assert rows.modality.decode(rows.modality.encode(text)) == text


@pytest.mark.parametrize("name", OPERATORS)
def test_no_operator_pushes_the_end_of_a_full_text_out(name):
    part = MUTATORS.get(name)
    full = TextRows((LINE, "1 2 3 4 5 6 7 8 9"), Text(max_chars=len(LINE)))
    columns = part.draw(2, np.random.default_rng(3))
    record = part.record(full, columns, np.arange(2))
    seen = part.function(full, **{key: _tensor(value) for key, value in record.items()})
    assert all(len(text) <= len(LINE) for text in seen.texts)


def _tensor(column):
    import torch

    return column if isinstance(column, list) else torch.from_numpy(column)


@pytest.mark.parametrize(
    ("sites", "old", "new"),
    [([1, 2], ["h"], ["j"]), ([1], [7], ["j"]), ([1], ["h"], [None]), (["a"], ["h"], ["j"]), ([1.5], ["h"], ["j"])],
)
def test_a_record_that_holds_no_edits_is_refused(sites, old, new):
    chain = (Mutation("text.typo", {"share": 1.0, "sites": sites, "old": old, "new": new}),)
    with pytest.raises(ReplayError, match="edit"):
        replay(rows_of(LINE), [chain])


def test_chance_comes_from_the_seed_alone():
    assert recorded_of("text.typo", LINE, 7) == recorded_of("text.typo", LINE, 7)
    assert recorded_of("text.typo", LINE, 7) != recorded_of("text.typo", LINE, 8)


def test_a_chain_in_words_shows_what_was_put_for_what():
    mutation = Mutation("text.typo", {"share": 0.05, "sites": [3], "old": ["e"], "new": ["\u0435"]})
    text = sentence((mutation,), units())
    assert text == "typo 'e' -> '\\u0435'"


def test_an_operator_of_ones_own_is_a_function_of_a_text_and_chance():
    @edit("text.shout_for_a_test", kind="case", amount=Real(0.1, 1.0, neutral=0.0, unit=WORDS), default=False)
    def shout(text: str, rng: Random, most: int):
        """Louder."""
        yield 0, text, text.upper()

    part = MUTATORS.get("text.shout_for_a_test")
    try:
        assert part.summary == "Louder."
        assert set(part.full_space) == {"share", "sites", "old", "new"}
        assert isinstance(part.full_space["sites"], Sites)
        assert replay(rows_of("hey"), [(recorded_of(part.name, "hey"),)]).texts == ("HEY",)
        assert shout("hey", Random(0), 1)
    finally:
        MUTATORS._parts.pop(part.name)
