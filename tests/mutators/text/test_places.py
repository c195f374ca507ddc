from __future__ import annotations

import re

import numpy as np
import pytest

from mlfuzz.mutators.text.places import Kind, letters
from mlfuzz.testing.rows import SENTENCES

ALPHABETS = {"ascii": 128, "latin": 256, "accents": 0x370}


def texts(highest: int) -> list[str]:
    rng = np.random.default_rng(highest)
    return ["".join(map(chr, rng.integers(0, highest, size))) for size in (0, 1, 2, 3, 50, 400)]


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_letters_are_found_as_the_pattern_finds_them(alphabet: str) -> None:
    pattern = re.compile(r"\w(?=[\w\s.,;:!?'\"()-]|$)")
    for text in [*texts(ALPHABETS[alphabet]), *SENTENCES, "a\n", "a\u0301", "é\u0301b"]:
        assert letters(text) == [match.start() for match in pattern.finditer(text)]


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_a_kind_of_character_is_found_wherever_it_stands(alphabet: str) -> None:
    kind = Kind(str.isalpha)
    for text in [*texts(ALPHABETS[alphabet]), *SENTENCES]:
        assert kind.places(text) == [at for at, char in enumerate(text) if char.isalpha()]
