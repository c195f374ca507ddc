from __future__ import annotations

import pytest

from mlfuzz.codefuzz.engine.libfuzzer_options import unheeded
from mlfuzz.codefuzz.harness.declaration import Declaration


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("-max_len=64", "length = 64 under [harnesses.form]"), ("-timeout=25", "seconds = 25 under [harnesses.form]"),
        ("-dict=a.dict", 'dictionary = "a.dict" under [harnesses.form]'), ("corpus", 'seeds = "corpus" under'),
        ("-runs=10", "--inputs says the same"), ("-only_ascii=1", "-only_ascii=1 is not heeded"),
    ],
)  # fmt: skip
def test_what_a_file_hands_to_libfuzzer_is_said_with_what_says_the_same(argument, line):
    (sentence,) = unheeded([argument], Declaration(name="form", entry="TestOneInput"))
    assert line in sentence


def test_what_is_declared_alike_is_no_word_worth():
    declaration = Declaration(name="form", length=64, seconds=25.0, dictionary="a.dict", entry="TestOneInput")
    assert unheeded(["-max_len=64", "-timeout=25", "-dict=a.dict"], declaration) == []
