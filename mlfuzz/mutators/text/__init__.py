"""Operators on texts: importing this registers them.

Read edits.py first: what an edit at a place in a text is. Imported by name alone.
"""

from mlfuzz.mutators.text import (
    chars,
    contractions,
    edge,
    extent,
    invisible,
    layout,
    letter_case,
    lookalike,
    numbers,
    replace,
    synonyms,
    tokens,
    unicode,
    words,
)

__all__ = [
    "chars",
    "contractions",
    "edge",
    "extent",
    "invisible",
    "layout",
    "letter_case",
    "lookalike",
    "numbers",
    "replace",
    "synonyms",
    "tokens",
    "unicode",
    "words",
]
