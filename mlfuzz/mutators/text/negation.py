"""Sentences turned round: what is said of them should change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer
from mlfuzz.mutators.text.edits import Edit, edit
from mlfuzz.mutators.text.places import picked

ONE = Integer(1, 2, neutral=0, unit="negations")

_PLAIN = re.compile(r"\b(is|are|was|were|am|will|would|can|could|should|must|has|have|had)\b(?! not\b|n't|n’t)", re.I)
_NOT = re.compile(r"\b(is|are|was|were|am|will|would|can|could|should|must|has|have|had) not\b", re.I)


@edit("text.negate", kind="meaning", amount=ONE, effect="destroying", default=False)
def negate(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """ "is" becomes "is not" and the other way about (English): the label of a sentiment or an inference may turn.

    For relations that say so, and for models that should not keep their answer.
    Source: Ribeiro et al., CheckList, ACL 2020, table 1 (negation).
    """
    found = [(match.start(), match.group(), match[1]) for match in _NOT.finditer(text)]
    found += [(match.start(), match.group(), f"{match.group()} not") for match in _PLAIN.finditer(text)]
    yield from picked(rng, sorted(found), most)
