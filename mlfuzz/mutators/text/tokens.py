"""Token ids: texts of whole numbers between spaces ("101 7592 102"), for targets that take ids instead of words.

Such a target reads its text as `[int(word) for word in text.split()]`. Not in the default set: in a sentence a number
is a word. The first and the last id stay: they are nearly always marks of the tokeniser's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer, Real
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import picked

FEW = Real(0.02, 0.2, neutral=0.0, unit=WORDS)

_ID = re.compile(r"(?<!\S)\d+ (?=\d)")
_PAIR = re.compile(r"(?<!\S)(?=(\d+) (\d+) \d)")


@edit("text.ids_swap", kind="tokens", amount=FEW, cost=128, default=False)
def ids_swap(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Two ids next to each other change places."""
    for match in picked(rng, list(_PAIR.finditer(text))[1:], most):
        yield match.start(), f"{match[1]} {match[2]}", f"{match[2]} {match[1]}"


@edit("text.ids_double", kind="tokens", amount=FEW, cost=128, default=False)
def ids_double(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """An id comes twice."""
    for site, found in picked(rng, _inner_ids(text), most):
        yield site, found, found * 2


@edit("text.ids_delete", kind="tokens", amount=FEW, cost=128, effect="destroying", default=False)
def ids_delete(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """An id is left out."""
    for site, found in picked(rng, _inner_ids(text), most):
        yield site, found, ""


@edit("text.ids_replace", kind="tokens", amount=FEW, cost=128, effect="destroying", default=False)
def ids_replace(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """An id is replaced by one that is no larger than the largest of this text, so that any vocabulary has it."""
    ids = _inner_ids(text)
    largest = max((int(found) for _, found in ids), default=0)
    for site, found in picked(rng, ids, most):
        yield site, found, f"{rng.randint(0, largest)} "


@edit("text.ids_pad", kind="tokens", amount=Integer(1, 8, neutral=0, unit="ids"), cost=128, default=False)
def ids_pad(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Zeros behind the ids."""
    return ((len(text), "", " 0") for _ in range(most if text else 0))


@edit("text.ids_truncate", kind="tokens", amount=FEW, cost=128, effect="destroying", default=False)
def ids_truncate(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Ids before the last one are left out."""
    return ((site, found, "") for site, found in _inner_ids(text)[-most:])


def _inner_ids(text: str) -> list[tuple[int, str]]:
    return [(match.start(), match.group()) for match in _ID.finditer(text)][1:]
