"""Words of another alphabet, spelt in Latin letters as people without the keyboard type them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.cased import cased
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import picked

SOME = Real(0.05, 1.0, neutral=0.0, unit=WORDS)

CYRILLIC = dict(
    zip(
        "абвгдезийклмнопрстуфхъыьэёжцчшщюяіїєґ",
        (
            "a", "b", "v", "g", "d", "e", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
            "kh", "", "y", "", "e", "yo", "zh", "ts", "ch", "sh", "shch", "yu", "ya", "i", "yi", "ye", "g",
        ),
        strict=True,
    )
)  # fmt: skip
"""As the BGN and PCGN romanise Russian, without apostrophes; the last four are Ukrainian."""

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
        (
            "a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r", "s", "s", "t",
            "y", "f", "ch", "ps", "o", "a", "e", "i", "i", "o", "y", "o", "i", "y", "i", "y",
        ),
        strict=True,
    )
)  # fmt: skip
"""ELOT 743, letter by letter."""

LATIN = {**CYRILLIC, **GREEK}

_WORD = re.compile(r"[Ѐ-ӿͰ-Ͽἀ-῿]+")


@edit("text.transliterate", kind="script", amount=SOME, default=False)
def transliterate(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Cyrillic and Greek words in Latin letters, as in chats and file names ("привет" -> "privet").

    Source: BGN/PCGN 1947 for Russian, ELOT 743 for Greek, both without diacritics.
    """
    for match in picked(rng, list(_WORD.finditer(text)), most):
        word = match.group()
        spelt = "".join(LATIN.get(char.lower(), char) for char in word)
        if spelt:
            yield match.start(), word, cased(spelt.lower(), word)
