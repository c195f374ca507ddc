"""A message without what an input may have put into it: two inputs that fail alike say the same then."""

from __future__ import annotations

import re

LONGEST = 160
"""Characters; what comes later tells no two bugs apart."""

MOST_WORDS = 16

_QUOTED = re.compile(
    r"""b?"(?:[^"\\\n]|\\.)*"|(?<![A-Za-z])b?'(?:[^'\\\n]|\\.)*'(?![A-Za-z])|`[^`\n]*`|«[^»\n]*»|“[^”\n]*”"""
)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b")
_NUMBER = re.compile(r"[-+]?(?<![A-Za-z_])\d+(?:[._,]\d+)*(?:[eE][-+]?\d+)?|\d+")
_STRANGE = re.compile(r"[^\x20-\x7e]+|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}")
_LONG = re.compile(r"\S{25,}")


def normal(message: str) -> str:
    """ "need 4 bytes of 'len\\x00', got 2" -> "need # bytes of '', got #"."""
    text = " ".join(message[: 4 * LONGEST].split())
    text = _QUOTED.sub("''", text)
    text = _ADDRESS.sub("#", text)
    text = _NUMBER.sub("#", text)
    text = _STRANGE.sub("?", text)
    text = _LONG.sub("~", text)
    text = re.sub(r"#(?:[\s,.:;/-]*#)+", "#", text)
    text = re.sub(r"\?(?:\W*\?)+", "?", text)
    return " ".join(text.split(" ")[:MOST_WORDS])[:LONGEST]
