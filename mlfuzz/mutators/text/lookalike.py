"""Other characters of the same look: a person reads the same word, a tokeniser does not.

Source: Boucher et al., Bad Characters: Imperceptible NLP Attacks, IEEE S&P 2022, section IV (homoglyphs); UTS #39,
Unicode Security Mechanisms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from string import ascii_lowercase, ascii_uppercase, digits

from mlfuzz.modality.lookalikes import LOOKALIKES
from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.edits import CHARACTERS, WORDS, Edit, edit
from mlfuzz.mutators.text.places import Kind, picked

FEW = Real(0.01, 0.15, neutral=0.0, unit=CHARACTERS)
MANY = Real(0.05, 0.5, neutral=0.0, unit=WORDS)

WIDE = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
"""Printable ASCII -> its full-width form."""

_STYLES = (0x1D400, 0x1D468, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D63C, 0x1D670)
"""Capital A of Unicode's mathematical alphabets without holes: bold, bold italic, four sans-serif, monospace."""

STYLED = [
    str.maketrans(ascii_uppercase + ascii_lowercase, "".join(chr(first + at) for at in range(52))) for first in _STYLES
] + [str.maketrans(ascii_uppercase + ascii_lowercase, "".join(chr(0x24B6 + at) for at in range(52)))]
"""ASCII letters -> one alphabet each; the last has circles round its letters."""

DIGITS = (0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
"""Zero of digits that read the same: full-width, and mathematical bold, double-struck, sans-serif (two), monospace."""

LEET = {
    "a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7+", "z": "2",
    "A": "4@", "B": "8", "E": "3", "G": "6", "I": "1!", "L": "1|", "O": "0", "S": "5$", "T": "7+", "Z": "2",
}  # fmt: skip

LIGATURES = {
    "ffi": "\ufb03", "ffl": "\ufb04", "ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02", "st": "\ufb06", "...": "\u2026",
    "!!": "\u203c", "!?": "\u2049", "?!": "\u2048", "ij": "\u0133", "dz": "\u01f3",
    "lj": "\u01c9", "nj": "\u01cc", "(1)": "\u2474", "(2)": "\u2475", "(3)": "\u2476", "\u0565\u0582": "\u0587",
}  # fmt: skip
"""Runs of characters -> the one character that NFKC makes them of."""

_LIGATURE = re.compile("|".join(re.escape(run) for run in sorted(LIGATURES, key=len, reverse=True)))
_LIKE_OTHERS, _DIGITS, _LEET = (Kind(kind.__contains__) for kind in (LOOKALIKES, digits, LEET))
_PLAIN_WORD = re.compile(r"[!-~]*[A-Za-z][!-~]*")


@edit("text.homoglyph", kind="unicode", amount=FEW)
def homoglyph(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """ASCII letters and digits replaced by look-alikes of other scripts (UTS #39)."""
    for at in picked(rng, _LIKE_OTHERS.places(text), most):
        others = LOOKALIKES[text[at]]
        # Squared: the best known scripts stand first, and a font has them.
        yield at, text[at], others[int(len(others) * rng.random() ** 2)]


@edit("text.full_width", kind="unicode", amount=MANY)
def full_width(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """ASCII words in the full-width letters of East Asian type."""
    for match in picked(rng, list(_PLAIN_WORD.finditer(text)), most):
        yield match.start(), match.group(), match.group().translate(WIDE)


@edit("text.styled", kind="unicode", amount=MANY)
def styled(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """ASCII words in a mathematical or encircled alphabet, as in names on social networks."""
    for match in picked(rng, list(_PLAIN_WORD.finditer(text)), most):
        yield match.start(), match.group(), match.group().translate(rng.choice(STYLED))


@edit("text.digit_form", kind="unicode", amount=Real(0.02, 0.3, neutral=0.0, unit=CHARACTERS), cost=128)
def digit_form(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """ASCII digits replaced by full-width or mathematical ones."""
    for at in picked(rng, _DIGITS.places(text), most):
        yield at, text[at], chr(rng.choice(DIGITS) + int(text[at]))


@edit("text.leet", kind="unicode", amount=Real(0.01, 0.1, neutral=0.0, unit=CHARACTERS))
def leet(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Letters replaced by digits and signs that look like them: l33t."""
    for at in picked(rng, _LEET.places(text), most):
        yield at, text[at], rng.choice(LEET[text[at]])


@edit("text.ligature", kind="unicode", amount=Real(0.02, 0.3, neutral=0.0, unit=CHARACTERS), cost=128)
def ligature(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Runs such as fi, st, ?! and ... as the one character that stands for them; NFKC undoes it (UAX #15)."""
    for match in picked(rng, list(_LIGATURE.finditer(text)), most):
        yield match.start(), match.group(), LIGATURES[match.group()]
