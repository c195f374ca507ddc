"""Slips of the fingers."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.text.chars import KEYS, SCANS
from mlfuzz.mutators.text.limits import edit_distance

LINE = "Please remember the committee meeting tomorrow evening."


def test_neighbouring_keys_are_those_around_a_key():
    assert sorted(KEYS["g"]) == sorted("fhtybv")
    assert sorted(KEYS["q"]) == sorted("wa")
    assert sorted(KEYS["P"]) == sorted("OL")
    assert all(key in KEYS[other] for key, others in KEYS.items() for other in others)
    assert len(KEYS) == 52


@pytest.mark.parametrize("name", ["typo", "swap", "delete", "insert", "double"])
def test_a_slip_is_inside_a_word_of_four_letters_and_there_is_one_a_word(name, mutants):
    for mutant in mutants(f"text.{name}", LINE):
        assert mutant != LINE
        for was, now in zip(LINE.split(), mutant.split(), strict=True):
            assert edit_distance(was, now) <= (2 if name == "swap" else 1)
            assert (was[0], was[-1]) == (now[0], now[-1])
            assert len(was.strip(".")) > 3 or was == now


@pytest.mark.parametrize("name", ["typo", "swap", "delete", "insert", "double"])
@pytest.mark.parametrize("text", ["日本語の文章です", "the cat sat on it", "1234 5678", "", "👩\u200d💻👩\u200d💻"])
def test_where_a_slip_would_change_the_meaning_there_is_none(name, text, mutants):
    assert set(mutants(f"text.{name}", text)) == {text}


def test_each_slip_is_what_it_is_called(mutants):
    assert set(mutants("text.swap", "abcd")) == {"acbd"}
    assert set(mutants("text.delete", "abcde")) == {"acde", "abde", "abce"}
    assert set(mutants("text.double", "abcd")) == {"abbcd", "abccd"}
    assert set(mutants("text.undouble", "letter")) == {"leter"}
    assert set(mutants("text.typo", "aggz", 200)) == {f"a{g}gz" for g in "fhtybv"} | {f"ag{g}z" for g in "fhtybv"}
    assert all(mutant[1] == "b" for mutant in mutants("text.insert", "abcd") if mutant[2] == "c" and len(mutant) == 4)


def test_letters_of_other_alphabets_slip_too(mutants):
    assert set(mutants("text.swap", "слово")) == {"солво", "слвоо"}


def test_scanners_take_letters_for_others(mutants):
    assert set(mutants("text.scan", "rn")) == {"m"}
    assert all(was != now for was, now in SCANS.items())
    assert "m0dern" in mutants("text.scan", "modern", 100)
