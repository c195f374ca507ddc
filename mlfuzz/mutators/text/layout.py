"""Punctuation and white space.

Source: Ribeiro et al., CheckList, ACL 2020 (punctuation added and stripped); UAX #14 for the kinds of space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer, Real
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import gaps, picked

FEW = Integer(1, 4, neutral=0, unit="marks")
MANY = Real(0.05, 1.0, neutral=0.0, unit=WORDS)

WIDE_SPACES = "\u00a0\u202f\u2009\u2003\u2002\u3000\u205f"
"""No-break, narrow no-break, thin, em, en, ideographic, mathematical."""

BREAKS = ("\n", "\r\n", "\r", "\u2028", "\u0085", "\x0b", "\x0c")
"""What ends a line for `str.splitlines`, and for few others."""

QUOTES = {'"': "“”„«»″", "'": "’‘ʼ′", "“": '"«', "”": '"»', "„": '"', "«": '"', "»": '"', "’": "'ʼ", "‘": "'"}
DASHES = {"-": "‐‑–—−", "–": "-—", "—": "-–", "−": "-"}

_MARK = re.compile(r"[.,;:!?…](?!\w)")
_PAUSE = re.compile(r"(?<=\w)[.!?]+(?=\s|$)")
_BREAK = re.compile(r"\r\n|\r|\n")


@edit("text.punctuation_drop", kind="layout", amount=FEW, cost=128)
def punctuation_drop(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Commas, full stops and other marks are left out, never those inside numbers and addresses."""
    for match in picked(rng, list(_MARK.finditer(text)), most):
        yield match.start(), match.group(), ""


@edit("text.punctuation_repeat", kind="layout", amount=FEW, cost=128)
def punctuation_repeat(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """The end of a sentence, more than once: !!!"""
    for match in picked(rng, list(_PAUSE.finditer(text)), most):
        yield match.start(), match.group(), match.group() * rng.randint(2, 4)


@edit("text.final_stop", kind="layout", amount=Integer(1, 1, neutral=0, unit="marks"), cost=128)
def final_stop(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """The full stop at the end is left out, or put where there is none."""
    end = len(text.rstrip())
    if text[end - 1 : end] in (".", "。"):
        yield end - 1, text[end - 1 : end], ""
    elif end and text[end - 1].isalnum():
        yield end - 1, text[end - 1], text[end - 1] + "."


@edit("text.space_before", kind="layout", amount=FEW, cost=128)
def space_before(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A space before a mark, as the French set it."""
    for match in picked(rng, list(_MARK.finditer(text)), most):
        yield match.start(), match.group(), rng.choice(" \u00a0\u202f") + match.group()


@edit("text.quotes", kind="layout", amount=FEW, cost=128)
def quotes(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Straight quotes and apostrophes become curly or angular, and the other way round."""
    return _exchanged(text, rng, most, QUOTES)


@edit("text.dashes", kind="layout", amount=FEW, cost=128)
def dashes(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Hyphens, dashes and minus signs become one another."""
    return _exchanged(text, rng, most, DASHES)


@edit("text.wide_space", kind="layout", amount=MANY)
def wide_space(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Spaces between words become no-break, thin, em or ideographic ones: one kind in a text."""
    kind = rng.choice(WIDE_SPACES)
    for at in picked(rng, gaps(text), most):
        yield at, " ", kind


@edit("text.tab", kind="layout", amount=MANY)
def tab(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Spaces between words become tabs."""
    for at in picked(rng, gaps(text), most):
        yield at, " ", "\t"


@edit("text.double_space", kind="layout", amount=MANY)
def double_space(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Two to four spaces between words."""
    for at in picked(rng, gaps(text), most):
        yield at, " ", " " * rng.randint(2, 4)


@edit("text.line_break", kind="layout", amount=MANY)
def line_break(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Lines broken between words, with any of the seven line ends: one kind in a text."""
    kind = rng.choice(BREAKS)
    for at in picked(rng, gaps(text), most):
        yield at, " ", kind


@edit("text.line_end", kind="layout", amount=Integer(1, 8, neutral=0, unit="line ends"), cost=128)
def line_end(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Line ends of another system: LF, CR LF, CR and the rarer ones."""
    kind = rng.choice(BREAKS)
    for match in picked(rng, list(_BREAK.finditer(text)), most):
        yield match.start(), match.group(), kind


@edit("text.trailing", kind="layout", amount=Integer(1, 4, neutral=0, unit="characters"), cost=128)
def trailing(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """White space behind the text."""
    return ((len(text), "", rng.choice(" \n\t\u00a0")) for _ in range(most))


@edit("text.leading", kind="layout", amount=Integer(1, 4, neutral=0, unit="characters"), cost=128)
def leading(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """White space or a byte-order mark before the text."""
    return ((0, "", rng.choice(" \n\t\u00a0\ufeff")) for _ in range(most))


def _exchanged(text: str, rng: Random, most: int, table: dict[str, str]) -> Iterator[Edit]:
    for at in picked(rng, [at for at, char in enumerate(text) if char in table], most):
        yield at, text[at], rng.choice(table[text[at]])
