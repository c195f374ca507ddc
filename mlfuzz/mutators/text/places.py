"""Places in a text that operators choose from: letters, words, gaps between words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

Holds: TypeAlias = Callable[[str], object]
"""Whether a character is one of a class."""

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""Letters, with apostrophes between them."""

_ALPHABETIC = re.compile(r"[^\W\d_\u2e80-\U0010ffff]{4,}")
"""Four letters and more of an alphabet: where each sign is a word or a syllable a slip is no slip."""

_LETTER, _LOOSE = r"\w", r"[\w\s.,;:!?'\"()-]"
_LOOSE_LETTER = re.compile(rf"{_LETTER}(?={_LOOSE}|$)")
_GAP = re.compile(r"(?<=\S) (?=\S)")

NEGATIONS = frozenset((
    "no", "not", "never", "none", "nor", "neither", "nobody", "nothing", "nowhere", "without", "hardly",
    "barely", "cannot", "nicht", "kein", "keine", "nie", "ne", "pas", "sans", "non", "sin", "nunca", "nada",
    "senza", "mai", "не", "нет", "ни",
))  # fmt: skip
"""Words that turn a sentence round: operators that should keep its meaning do not move or drop them."""


def picked(rng: Random, places: Sequence[T], most: int) -> Sequence[T]:
    """At most `most` of the places, each once."""
    return places if len(places) <= most else rng.sample(places, most)


def words(text: str) -> list[tuple[int, str]]:
    """(site, word) of each word."""
    return [(match.start(), match.group()) for match in WORD.finditer(text)]


def slips(text: str, rng: Random, most: int, *, width: int = 1) -> Iterator[int]:
    """Where `width` letters inside a word start: at most one place a word, never its first or last letter.

    People read over a slip inside a word of four letters and more.
    Source: Pruthi et al., Combating Adversarial Misspellings, ACL 2019, section 2.
    """
    for match in picked(rng, list(_ALPHABETIC.finditer(text)), most):
        yield rng.randrange(match.start() + 1, match.end() - width)


class Kind:
    """A class of characters, and where in a text they stand."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds
        self._latin = np.asarray([bool(holds(chr(code))) for code in range(256)])

    def places(self, text: str) -> list[int]:
        codes = _codes(text)
        if codes is None:
            return [at for at, char in enumerate(text) if self._holds(char)]
        return np.flatnonzero(self._latin[codes]).tolist()

    def among(self, codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each of these Latin-1 characters is of the class."""
        return self._latin[codes]


def _codes(text: str) -> NDArray[np.uint8] | None:
    """The characters as numbers below 256, or None where one is none: those of most texts, looked up at once."""
    try:
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeEncodeError:
        return None


_LETTERS, _LOOSENING = Kind(re.compile(_LETTER).match), Kind(re.compile(_LOOSE).match)


def letters(text: str) -> list[int]:
    """Letters and digits behind which something may be put: no accent or joiner follows that belongs to them."""
    codes = _codes(text)
    if codes is None:
        return [match.start() for match in _LOOSE_LETTER.finditer(text)]
    found = _LETTERS.among(codes)
    found[:-1] &= _LOOSENING.among(codes[1:])
    return np.flatnonzero(found).tolist()


def gaps(text: str) -> list[int]:
    """Single spaces between words."""
    return [match.start() for match in _GAP.finditer(text)]


def turns(word: str) -> bool:
    """Whether the word is a negation, or ends in one."""
    lower = word.lower().strip(".,;:!?\"'()")
    return lower in NEGATIONS or lower.endswith(("n't", "n’t"))
