"""A text before and after, in pieces fit for a page: what changed, and every character that the eye would miss.

Controls, joiners, marks of direction and strange spaces never reach the page: their code point stands in their place.
So nothing in a hostile text can reorder, hide or recolour what is around it; escaping is left to the template.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from mlfuzz.modality.lookalikes import plain_form

Kind = Literal["same", "gone", "new"]

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))
"""Categories that are replaced by their code point; a space and a line feed are not."""

_MARKS = frozenset(("Mn", "Me", "Mc"))
_UNSEEN_MARKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_WORD = re.compile(r"\w+")
_ASCII_LETTER = re.compile(r"[A-Za-z]")


class Piece(NamedTuple):
    """A stretch of text, then perhaps a badge.

    text: safe to show once it is escaped, may be "". point: "U+200B" or "". name: of that character.
    """

    kind: Kind
    text: str
    point: str = ""
    name: str = ""


def compared(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """The pieces of the one, with what is gone, and of the other, with what is new.

    Time is quadratic in what lies between the first and the last change.
    """
    old: list[Piece] = []
    new: list[Piece] = []
    strange = _mixed(before), _mixed(after)
    for same, a, b, c, d in _steps(before, after):
        old += _pieces(before, a, b, "same" if same else "gone", strange[0])
        new += _pieces(after, c, d, "same" if same else "new", strange[1])
    return old, new


def named(char: str) -> tuple[str, str]:
    """("U+200B", "ZERO WIDTH SPACE")."""
    return f"U+{ord(char):04X}", unicodedata.name(char, "") or _CONTROLS.get(char, "unnamed")


def needs_badge(char: str, *, changed: bool, mixed: bool = False) -> bool:
    """Whether the eye would miss it: hidden anywhere; in what changed, marks and look-alikes of ASCII too.

    mixed: the character is a look-alike inside a word that is mostly of ASCII letters, which no language writes.
    Source: UTS #39, Unicode Security Mechanisms, section 5.1 (mixed scripts).
    """
    if char == "\n":
        return changed
    if char in " " or "!" <= char <= "~":
        return False
    return _is_hidden(char) or mixed or (changed and (_is_mark(char) or bool(plain_form(char))))


def _steps(before: str, after: str) -> Iterator[tuple[bool, int, int, int, int]]:
    """(same, start and stop before, start and stop after), in order; what both share at their ends is not searched."""
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    tail = next((at for at in range(shorter - head) if before[-1 - at] != after[-1 - at]), shorter - head)
    yield True, 0, head, 0, head
    middle = before[head : len(before) - tail], after[head : len(after) - tail]
    for tag, a, b, c, d in SequenceMatcher(None, *middle, autojunk=False).get_opcodes():
        yield tag == "equal", a + head, b + head, c + head, d + head
    yield True, len(before) - tail, len(before), len(after) - tail, len(after)


def _pieces(text: str, start: int, stop: int, kind: Kind, strange: frozenset[int]) -> Iterator[Piece]:
    begun = start
    for at in range(start, stop):
        char = text[at]
        if needs_badge(char, changed=kind != "same", mixed=at in strange):
            yield Piece(kind, text[begun:at] + _shown(char), *named(char))
            begun = at + 1
        if char == "\n":
            # Behind its badge, outside what is marked: a line ends here on the page too.
            yield Piece("same", text[begun : at + 1] if begun <= at else "\n")
            begun = at + 1
    if begun < stop:
        yield Piece(kind, text[begun:stop])


def _shown(char: str) -> str:
    """What stands before the badge: the character itself, a mark on a dotted circle, or nothing."""
    if char == "\n" or _is_hidden(char):
        return ""
    return f"\u25cc{char}" if _is_mark(char) else char


def _is_hidden(char: str) -> bool:
    return char not in " \n" and (unicodedata.category(char) in _HIDDEN or bool(_UNSEEN_MARKS.match(char)))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in _MARKS


def _mixed(text: str) -> frozenset[int]:
    """Positions of look-alikes in words that are mostly of ASCII letters."""
    if text.isascii():
        return frozenset()
    return frozenset(
        at
        for match in _WORD.finditer(text)
        if not match.group().isascii() and 2 * len(_ASCII_LETTER.findall(match.group())) >= len(match.group())
        for at in range(match.start(), match.end())
        if plain_form(text[at])
    )


_CONTROLS = {
    "\x00": "NULL", "\x07": "BELL", "\x08": "BACKSPACE", "\t": "TAB", "\n": "LINE FEED", "\x0b": "VERTICAL TAB",
    "\x0c": "FORM FEED", "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE", "\x7f": "DELETE", "\x85": "NEXT LINE",
}  # fmt: skip
"""Names of characters that `unicodedata` has none for."""
