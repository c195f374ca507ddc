"""Words: swapped, dropped, repeated, split, joined.

Source: Wei and Zou, EDA, EMNLP 2019 (random swap and deletion); TextAttack (Morris et al., EMNLP 2020): `split` and
`join` are its insertion and deletion of white space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import gaps, picked, slips, turns, words

FEW = Real(0.02, 0.2, neutral=0.0, unit=WORDS)

_PAIR = re.compile(r"(?<!\S)(?=([^\W\d_]{2,}) ([^\W\d_]{2,})(?!\S))")
_ARTICLE = re.compile(r"(?<!\S)(?:the|an?|der|die|das|ein|eine|le|la|les|un|une|el|los|las|il|lo|gli) (?=\w)", re.I)
_DROPPABLE = re.compile(r"(?<!\S)[^\W\d_]+ (?=\w)")


@edit("text.word_swap", kind="words", amount=FEW)
def word_swap(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Two words next to each other change places, negations never."""
    for match in picked(rng, list(_PAIR.finditer(text)), most):
        first, second = match[1], match[2]
        if not turns(first) and not turns(second):
            yield match.start(), f"{first} {second}", f"{second} {first}"


@edit("text.word_repeat", kind="words", amount=FEW)
def word_repeat(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A word is typed twice, negations never."""
    for site, word in picked(rng, words(text), most):
        if not turns(word):
            yield site, word, f"{word} {word}"


@edit("text.word_drop", kind="words", amount=FEW, effect="destroying", default=False)
def word_drop(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A word is left out, whichever it is: the meaning may go with it."""
    for match in picked(rng, list(_DROPPABLE.finditer(text)), most):
        yield match.start(), match.group(), ""


@edit("text.article_drop", kind="words", amount=FEW)
def article_drop(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Articles are left out, as in headlines (English, German, French, Spanish, Italian)."""
    for match in picked(rng, list(_ARTICLE.finditer(text)), most):
        yield match.start(), match.group(), ""


@edit("text.split", kind="words", amount=FEW)
def split(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A space, a hyphen or a soft line end inside a word."""
    gap = rng.choice((" ", "-", "-\n"))
    for at in slips(text, rng, most):
        yield at, text[at], text[at] + gap


@edit("text.join", kind="words", amount=FEW)
def join(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """The space between two words is left out."""
    for at in picked(rng, gaps(text), most):
        yield at, " ", ""
