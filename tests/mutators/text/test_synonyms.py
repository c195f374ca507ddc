"""Synonyms, from three sources."""

from __future__ import annotations

from random import Random

import pytest

from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import MUTATORS, defaults
from mlfuzz.mutators.text import synonyms

WORDNET = """  1 This software and database is being provided to you
00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 | that which is
00002098 03 n 03 car 0 auto 0 motor_car 0 001 @ 00003553 n 0000 | a vehicle
00002137 03 n 02 car 1 railcar 0 001 @ 00003553 n 0000 | a wheeled vehicle on rails
"""


def test_known_words_are_replaced_and_keep_their_capitals(mutants):
    assert set(mutants("text.synonym", "The movie", 3)) == {"The film"}
    assert set(mutants("text.synonym", "Movie", 3)) == {"Film"}
    assert set(mutants("text.synonym", "MOVIE", 3)) == {"FILM"}


def test_every_pair_goes_both_ways():
    table = synonyms.pairs(synonyms.PAIRS)
    assert all(word in table[other] for word, others in table.items() for other in others)
    assert all(word.isalpha() and word.islower() for word in table)


def test_a_dictionary_of_ones_own_becomes_an_operator(tmp_path, mutants):
    (tmp_path / "words.txt").write_bytes(b"# mine\nfox: vixen, reynard\n\nDog\thound\n")
    table = synonyms.dictionary(tmp_path / "words.txt")
    assert table == {"fox": ["vixen", "reynard"], "dog": ["hound"]}
    synonyms.register("text.synonym_for_a_test", table)
    try:
        assert set(mutants("text.synonym_for_a_test", "fox", 30)) == {"vixen", "reynard"}
        assert "text.synonym_for_a_test" not in [part.name for part in defaults("text")]
    finally:
        MUTATORS._parts.pop("text.synonym_for_a_test")


@pytest.mark.parametrize("content", ["fox vixen", "fox:", "# nothing", ""])
def test_a_dictionary_that_is_none_is_refused_with_its_line(content, tmp_path):
    (tmp_path / "words.txt").write_text(content)
    with pytest.raises(ConfigError, match=r"words\.txt"):
        synonyms.dictionary(tmp_path / "words.txt")


def test_a_dictionary_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be opened"):
        synonyms.dictionary(tmp_path / "gone.txt")


def test_wordnet_is_read_from_its_own_files_and_the_first_sense_counts(tmp_path):
    (tmp_path / "data.noun").write_text(WORDNET)
    table = synonyms.wordnet(tmp_path)
    assert table == {"car": ["auto"], "auto": ["car"], "railcar": ["car"]}
    assert list(synonyms.replacing(table)("Car", Random(0), 1)) == [(0, "Car", "Auto")]


def test_a_missing_wordnet_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="wordnet-base"):
        synonyms.wordnet(tmp_path)
