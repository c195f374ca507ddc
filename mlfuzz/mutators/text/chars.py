"""Slips of the fingers and of the scanner: letters inside words of four and more, in alphabets.

Source: Pruthi et al., Combating Adversarial Misspellings with Robust Word Recognition, ACL 2019, section 2 (swap, drop,
keyboard, add); Ribeiro et al., CheckList, ACL 2020 (typos).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.edits import CHARACTERS, Edit, edit
from mlfuzz.mutators.text.places import picked, slips

FEW = Real(0.01, 0.08, neutral=0.0, unit=CHARACTERS)

_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
_NEXT = 1.3
"""Widths of a key between the centres of neighbours, at most."""


def _neighbours() -> dict[str, str]:
    keys = [(key, column + offset, row) for row, (line, offset) in enumerate(_ROWS) for column, key in enumerate(line)]
    lower = {
        key: "".join(
            other for other, across, down in keys if key != other and (across - x) ** 2 + (down - y) ** 2 <= _NEXT**2
        )
        for key, x, y in keys
    }
    return lower | {key.upper(): others.upper() for key, others in lower.items()}


KEYS = _neighbours()
"""Letter -> the letters on the keys around it (QWERTY); capitals -> capitals."""

SCANS = {
    "rn": "m", "m": "rn", "cl": "d", "d": "cl", "vv": "w", "w": "vv", "li": "h", "ri": "n", "nn": "m",
    "l": "1", "I": "l", "O": "0", "o": "0", "S": "5", "s": "5", "B": "8", "b": "6", "Z": "2", "g": "9", "q": "9",
    "e": "c", "c": "e", "h": "b", "t": "f", "f": "t", "1": "l", "0": "O", "5": "S", "8": "B", "6": "b", "2": "Z",
}  # fmt: skip
"""What scanners read -> what they take it for."""

_SCAN = re.compile("|".join(sorted(SCANS, key=len, reverse=True)))
_DOUBLED = re.compile(r"(?<=[^\W\d_])([^\W\d_])\1(?=[^\W\d_])")


@edit("text.typo", kind="typo", amount=FEW)
def typo(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A letter replaced by one on a neighbouring key (QWERTY)."""
    for at in slips(text, rng, most):
        if text[at] in KEYS:
            yield at, text[at], rng.choice(KEYS[text[at]])


@edit("text.swap", kind="typo", amount=FEW)
def swap(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Two letters next to each other change places."""
    for at in slips(text, rng, most, width=2):
        yield at, text[at : at + 2], text[at + 1] + text[at]


@edit("text.delete", kind="typo", amount=FEW)
def delete(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A letter is left out."""
    for at in slips(text, rng, most):
        yield at, text[at], ""


@edit("text.insert", kind="typo", amount=FEW)
def insert(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A neighbouring key is hit as well."""
    for at in slips(text, rng, most):
        if text[at] in KEYS:
            yield at, text[at], text[at] + rng.choice(KEYS[text[at]])


@edit("text.double", kind="typo", amount=FEW)
def double(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A letter is typed twice."""
    for at in slips(text, rng, most):
        yield at, text[at], text[at] * 2


@edit("text.undouble", kind="typo", amount=FEW)
def undouble(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A doubled letter is typed once."""
    for match in picked(rng, list(_DOUBLED.finditer(text)), most):
        yield match.start(), match.group(), match.group()[0]


@edit("text.scan", kind="typo", amount=FEW)
def scan(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """What a scanner takes letters for: rn for m, l for 1, O for 0."""
    for match in picked(rng, list(_SCAN.finditer(text)), most):
        yield match.start(), match.group(), SCANS[match.group()]
