"""The exhibit of texts: before and after with what changed marked, and every unusual character named."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple

from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import rebuild
from mlfuzz.report.exhibits import EXHIBITS, Exhibit
from mlfuzz.report.visible import visible

LONGEST = 1200
"""Characters that are compared: the comparison takes quadratic time."""

MOST_NAMED = 16

Kind = Literal["same", "gone", "new"]


class Piece(NamedTuple):
    """A stretch of text; hidden characters in it are written out already."""

    kind: Kind
    text: str


def show(finding: Finding, data: bytes, seed: bytes | None) -> Mapping[str, Any]:
    """The pieces of before and after, and the characters that only the mutant has."""
    modality = rebuild(dict(finding.modality))
    after = str(modality.decode(data, suffix=".txt"))
    before = after if seed is None else str(modality.decode(seed, suffix=".txt"))
    old, new = compared(before[:LONGEST], after[:LONGEST])
    return {
        "before": old if seed is not None else [],
        "after": new,
        "cut": max(len(before), len(after)) > LONGEST,
        "named": [named(char) for char in dict.fromkeys(after) if char not in before and _unusual(char)][:MOST_NAMED],
    }


def compared(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """What is gone from the one, and what is new in the other."""
    old, new = [], []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            old.append(Piece("same", _written(before[a:b])))
            new.append(Piece("same", _written(after[c:d])))
        else:
            old.append(Piece("gone", _written(before[a:b])))
            new.append(Piece("new", _written(after[c:d])))
    return [piece for piece in old if piece.text], [piece for piece in new if piece.text]


def named(char: str) -> str:
    """ "U+200B ZERO WIDTH SPACE"."""
    return f"U+{ord(char):04X} {unicodedata.name(char, 'unnamed')}"


def _written(text: str) -> str:
    return visible(text, keep="\n")


def _unusual(char: str) -> bool:
    return not char.isascii() or visible(char, keep="\n") != char


EXHIBITS.add("text", Exhibit("text.html", show))
