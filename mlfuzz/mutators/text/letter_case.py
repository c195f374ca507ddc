"""Capitals and small letters, word by word or letter by letter.

Source: Ribeiro et al., CheckList, ACL 2020; TextAttack (Morris et al., EMNLP 2020), whose recipes leave case alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.edits import CHARACTERS, WORDS, Edit, edit
from mlfuzz.mutators.text.places import Kind, picked, words

MANY = Real(0.1, 1.0, neutral=0.0, unit=WORDS)

_LETTERS = Kind(str.isalpha)


@edit("text.upper", kind="case", amount=MANY)
def upper(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """WORDS IN CAPITALS."""
    return _recased(text, rng, most, str.upper)


@edit("text.lower", kind="case", amount=MANY)
def lower(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """words in small letters."""
    return _recased(text, rng, most, str.lower)


@edit("text.title", kind="case", amount=MANY)
def title(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Words With A Capital Each."""
    return _recased(text, rng, most, str.capitalize)


@edit("text.swap_case", kind="case", amount=MANY)
def swap_case(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """wORDS AS WITH cAPS lOCK ON."""
    return _recased(text, rng, most, str.swapcase)


@edit("text.random_case", kind="case", amount=Real(0.02, 0.5, neutral=0.0, unit=CHARACTERS))
def random_case(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Letters In eIther caSe."""
    for at in picked(rng, _LETTERS.places(text), most):
        yield at, text[at], text[at].swapcase()


def _recased(text: str, rng: Random, most: int, change: Callable[[str], str]) -> Iterator[Edit]:
    changes = [(site, word, change(word)) for site, word in words(text)]
    yield from picked(rng, [each for each in changes if each[1] != each[2]], most)
