"""Text from data, made safe to print: what a terminal or a reader would obey, or not see, becomes an escape."""

from __future__ import annotations

import json
import unicodedata

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of control, bidirectional, zero-width, private and unassigned characters."""

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def visible(text: str, *, limit: int = 0, keep: str = "") -> str:
    """One line without surprises. keep: characters that stay as they are ("\\n" for a traceback).

    limit: at most so many characters, the last three dots; 0: all.
    """
    safe = "".join(
        _escape(char) if char not in keep and unicodedata.category(char) in _HIDDEN else char for char in text
    )
    return safe if not limit or len(safe) <= limit else safe[: limit - 3] + "..."


def json_text(document: str) -> str:
    """The same document in JSON, with escapes for what a terminal would obey, or a reader not see."""
    if document.isascii():
        return document
    return "".join(
        json.dumps(char)[1:-1] if unicodedata.category(char) in _HIDDEN else char for char in document
    )  # outside of strings JSON is ASCII


def _escape(char: str) -> str:
    code = ord(char)
    return _SHORT.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
