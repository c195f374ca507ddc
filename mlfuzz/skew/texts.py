"""One text as several files: (what is written, the same in UTF-8, NFC, with plain line ends)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

from mlfuzz.errors import BadInputError

LONGEST = 400
"""Characters that are looked at: the beginning of a longer text."""

Pair = tuple[bytes, bytes]


def content(data: bytes) -> str:
    """Raises BadInputError for what is no UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError("not UTF-8", str(error)) from error
    text = text.removeprefix("\ufeff")[:LONGEST].replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def turn(text: str) -> int:
    """A number of the content: which checks are its own."""
    return ord(text[0]) if text else 0


def plain(text: str) -> bytes:
    return text.encode("utf-8")


def bom(text: str) -> Pair:
    return text.encode("utf-8-sig"), plain(text)


def utf16(text: str) -> Pair:
    return text.encode("utf-16"), plain(text)


def crlf(text: str) -> Pair:
    return text.replace("\n", "\r\n").encode("utf-8"), plain(text)


def decomposed(text: str) -> Pair:
    return unicodedata.normalize("NFD", text).encode("utf-8"), plain(text)


FORMS: Mapping[str, tuple[str, Callable[[str], Pair]]] = {
    "decomposed": ("the same characters decomposed (NFD)", decomposed),
    "crlf": ("the line ends of Windows", crlf),
    "bom": ("a byte-order mark before it", bom),
    "utf16": ("UTF-16 with a byte-order mark", utf16),
}


def natural() -> dict[str, bytes]:
    """Small texts to begin with; the first is none, which no mistake shows on."""
    return {
        "nothing.txt": b"\xff",
        "letter.txt": b"a",
        "words.txt": b"The weather is fine today.\nTomorrow too.\n",
        "marks.txt": "Stra\u00dfe, na\u00efve, caf\u00e9, \u00c5ngstr\u00f6m, \u0130stanbul.".encode(),
        "signs.txt": "x\u200by \u201cquoted\u201d \ufb01ne \u2460 \uff21".encode(),
    }


def extremes() -> list[bytes]:
    return [b"", ("word " * 80).encode()]
