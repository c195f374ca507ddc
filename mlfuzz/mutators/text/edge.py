"""The text with nothing in it: an input like any other to the code around a model, and one nobody has tried."""

from __future__ import annotations

from mlfuzz.batch import TextRows
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Choice

NOTHING = ("", " ", "        ", "\n", "\t", "\r\n", "\u00a0", "\u200b", "\ufeff")
"""No character, and such as print nothing: spaces, ends of lines, no-break and zero-width ones, a byte-order mark."""


@mutator("text.blank", kind="edge", effect="destroying", cost=128, content=Choice(NOTHING))
def blank(rows: TextRows, *, content: list[str]) -> TextRows:
    """Nothing is left of the text, or white space alone. The label is gone."""
    return TextRows(tuple(content), rows.modality)
