"""Other ways to write the same characters: normal forms, accents, a wrong encoding, emoji.

Source: UAX #15, Unicode Normalization Forms; Ribeiro et al., CheckList, ACL 2020.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from random import Random
from typing import Literal

from mlfuzz.mutators.param import Integer, Real
from mlfuzz.mutators.text.edits import CHARACTERS, Edit, edit
from mlfuzz.mutators.text.places import letters, picked, words

MARKS = "\u0301\u0300\u0302\u0308\u0303\u030a\u0307\u0323\u0331\u0332\u0335\u0336"
"""Accents, dots, lines below, strokes through: a letter stays what it is with any one of them."""

PLAIN = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i",
}  # fmt: skip
"""Letters that no normal form takes apart."""

EMOJI = ("📎", "📌", "🔹", "☕", "🌍", "🗓️", "🎵", "✏️", "👩‍💻", "🇪🇺", "👍🏽")
"""Without a mood of their own, as far as that goes: with selectors, joiners, flags and shades among them."""

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")

_CLUSTER = re.compile(
    r"[^\x00-\x7f][\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u3099\u309a]*|[ -~][\u0300-\u036f]+|[\x00-\x7f]"
)


@edit("text.normal_form", kind="unicode", amount=Real(0.05, 1.0, neutral=0.0, unit=CHARACTERS))
def normal_form(text: str, rng: Random, most: int) -> list[Edit]:
    """Characters in another normal form: composed or taken apart, with or without compatibility (UAX #15)."""
    if text.isascii():
        return []
    clusters = [(match.start(), match.group()) for match in _CLUSTER.finditer(text)]
    for form in rng.sample(FORMS, len(FORMS)):
        changes = [(site, old, unicodedata.normalize(form, old)) for site, old in clusters if not old.isascii()]
        changes = [change for change in changes if change[1] != change[2]]
        if changes:
            return list(picked(rng, changes, most))
    return []


@edit("text.combining", kind="unicode", amount=Real(0.01, 0.1, neutral=0.0, unit=CHARACTERS))
def combining(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """One combining mark on some of the letters."""
    for at in picked(rng, letters(text), most):
        yield at, text[at], text[at] + rng.choice(MARKS)


@edit("text.unaccent", kind="unicode", amount=Real(0.02, 0.5, neutral=0.0, unit=CHARACTERS))
def unaccent(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Accented Latin letters as on a keyboard without them: é is e, ß is ss."""
    if text.isascii():
        return
    places = [(at, char, _bare(char)) for at, char in enumerate(text) if "\x80" < char < "\u0250"]
    yield from picked(rng, [place for place in places if place[1] != place[2]], most)


@edit("text.mojibake", kind="unicode", amount=Real(0.02, 0.2, neutral=0.0, unit=CHARACTERS), cost=128)
def mojibake(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Accented Latin letters, dashes and quotes as their UTF-8 bytes look when read as Windows-1252: é is Ã©."""
    if text.isascii():
        return
    at_risk = [at for at, char in enumerate(text) if "\x80" < char < "\u0250" or "\u2010" <= char <= "\u2026"]
    for at in picked(rng, at_risk, most):
        yield at, text[at], "".join(_misread(byte) for byte in text[at].encode())


@edit("text.emoji", kind="unicode", amount=Integer(1, 3, neutral=0, unit="emoji"))
def emoji(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Emoji without a mood behind words."""
    for site, word in picked(rng, words(text), most):
        yield site, word, f"{word} {rng.choice(EMOJI)}"


def _bare(char: str) -> str:
    kept = [part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part)]
    return PLAIN.get(char, "".join(kept))


def _misread(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:  # five bytes that Windows-1252 does not have; browsers take Latin-1's
        return chr(byte)
