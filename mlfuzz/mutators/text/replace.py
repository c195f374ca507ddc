"""The words and letters that a search chose, in place of the parent's.

A text's record holds the edits themselves and needs no blob: they can be read, and left out one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.edits import CHARACTERS, Edit, edit
from mlfuzz.mutators.text.places import picked, words


@edit(
    "text.replace", kind="replace", amount=Real(0.0, 1.0, neutral=0.0, unit=CHARACTERS), effect="bounded",
    default=False, searched=True,
)  # fmt: skip
def replace(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Put other words or letters where a search says; without one, words of the same text."""
    known = words(text)
    for site, word in picked(rng, known, min(most, 8)):
        other = rng.choice(known)[1]
        if other != word:
            yield site, word, other
