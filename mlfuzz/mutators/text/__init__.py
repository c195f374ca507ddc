"""Operators on texts: importing this registers them.

Read edits.py first: what an edit at a place in a text is. Imported by name alone.
"""

from mlfuzz.mutators.text import (
    autocorrect,
    chars,
    code_switch,
    contractions,
    dialect,
    edge,
    extent,
    invisible,
    layout,
    letter_case,
    lookalike,
    names,
    negation,
    numbers,
    replace,
    script,
    synonyms,
    tokens,
    unicode,
    words,
)

__all__ = [
    "autocorrect",
    "chars",
    "code_switch",
    "contractions",
    "dialect",
    "edge",
    "extent",
    "invisible",
    "layout",
    "letter_case",
    "lookalike",
    "names",
    "negation",
    "numbers",
    "replace",
    "script",
    "synonyms",
    "tokens",
    "unicode",
    "words",
]
