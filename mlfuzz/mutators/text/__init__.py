"""Operators on texts: importing this registers them."""

from mlfuzz.mutators.text import (
    chars,
    contractions,
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
