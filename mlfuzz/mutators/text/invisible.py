"""Characters that are not seen: joiners, marks of direction, controls. What is on the page stays as it is.

Source: Boucher et al., Bad Characters: Imperceptible NLP Attacks, IEEE S&P 2022, section IV (invisible characters,
reorderings, deletions); UAX #9, Unicode Bidirectional Algorithm.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer, Real
from mlfuzz.mutators.text.edits import CHARACTERS, WORDS, Edit, edit
from mlfuzz.mutators.text.places import letters, picked, words

FEW = Real(0.01, 0.1, neutral=0.0, unit=CHARACTERS)
SOME = Real(0.02, 0.3, neutral=0.0, unit=WORDS)

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\ufe0f"
"""Zero-width space, non-joiner and joiner, word joiner, byte-order mark, soft hyphen, grapheme joiner, Mongolian vowel
separator, a variation selector."""

CONTROLS = "\x00\x01\x07\x08\x1b\x7f\x80\x9f"
"""NUL and others that files carry and screens do not show."""

_LEFT = (("\u2066", "\u2069"), ("\u2068", "\u2069"), ("\u202a", "\u202c"), ("\u202d", "\u202c"))
_RIGHT = (("\u2067", "\u2069"), ("\u2068", "\u2069"), ("\u202b", "\u202c"), ("\u202e", "\u202c"))
"""Isolates, embeddings and overrides with their ends, from left to right and from right to left."""

_LATIN = re.compile(r"[A-Za-z]{2,}")


@edit("text.zero_width", kind="unicode", amount=FEW)
def zero_width(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Characters without width behind letters: spaces, joiners, soft hyphens, byte-order marks."""
    for at in picked(rng, letters(text), most):
        yield at, text[at], text[at] + rng.choice(ZERO_WIDTH)


@edit("text.bidi_mark", kind="unicode", amount=FEW)
def bidi_mark(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Marks of the direction that a letter has anyway, behind it (UAX #9)."""
    for at in picked(rng, letters(text), most):
        yield at, text[at], text[at] + (rng.choice("\u200f\u061c") if _is_right(text[at]) else "\u200e")


@edit("text.bidi_wrap", kind="unicode", amount=SOME)
def bidi_wrap(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Words inside isolates, embeddings or overrides of the direction they have anyway (UAX #9)."""
    for site, word in picked(rng, words(text), most):
        opening, closing = rng.choice(_RIGHT if _is_right(word[0]) else _LEFT)
        yield site, word, opening + word + closing


@edit("text.reorder", kind="unicode", amount=SOME)
def reorder(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Latin words written backwards inside an override from right to left: shown as before."""
    for match in picked(rng, list(_LATIN.finditer(text)), most):
        yield match.start(), match.group(), "\u202e" + match.group()[::-1] + "\u202c"


@edit("text.control", kind="unicode", amount=Integer(1, 4, neutral=0, unit="characters"))
def control(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Control characters, NUL among them, behind letters."""
    for at in picked(rng, letters(text), most):
        yield at, text[at], text[at] + rng.choice(CONTROLS)


@edit("text.backspace", kind="unicode", amount=Integer(1, 4, neutral=0, unit="characters"), default=False)
def backspace(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A letter too many and the backspace that takes it back: unseen on a terminal, plain in most other places."""
    for at in picked(rng, letters(text), most):
        yield at, text[at], text[at] + rng.choice("aeinorst") + "\x08"


def _is_right(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL")
