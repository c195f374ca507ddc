"""Edits: what every text operator records and does: at a site, where `old` stands, `new` is put.

An operator is a function (text, rng, most) -> edits, which looks at one text and has a source of chance of its own;
`edit` makes a mutator of it. The record holds the sites and the very characters, so that a replay needs no table, no
dictionary and no chance: tables may change between versions without breaking a finding.

    @edit("text.typo", kind="typo", amount=Real(0.01, 0.08, neutral=0.0, unit=CHARACTERS))
    def typo(text, rng, most): ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from random import Random
from typing import Any, TypeAlias, TypeVar

import numpy as np
from torch import Tensor

from mlfuzz.batch import TextRows
from mlfuzz.errors import ReplayError
from mlfuzz.mutation import Value
from mlfuzz.mutators.base import Effect, mutator
from mlfuzz.mutators.param import Drawn, Integer, Real
from mlfuzz.mutators.text.chance import Chance

Edit: TypeAlias = tuple[int, str, str]
"""(site, old, new): characters from the start of the text as it was; what stood there; what stands there now."""

Operator: TypeAlias = Callable[[str, Random, int], Iterable[Edit]]
"""(text, source of chance, most edits) -> edits, in any order; those that overlap or find no room are left out."""

CHARACTERS = "of characters"
WORDS = "of words"

REACH = 48
"""Characters by which an edit may be moved to where its old text is found: further off it would be another place."""

SITES = ("sites", "old", "new")

COUNTED = 512
"""Texts whose number of words is kept: it is asked for when edits are chosen, and again when they are made."""

F = TypeVar("F", bound=Operator)


def edit(
    name: str,
    *,
    kind: str,
    amount: Real | Integer,
    effect: Effect = "invariant",
    cost: int = 256,
    default: bool = True,
    searched: bool = False,
) -> Callable[[F], F]:
    """Register an operator. amount: the share of characters or words that is edited (Real), or the number of edits.

    It is recorded as `share` or `count`; as many edits as it allows are made, the first of those recorded.
    """

    def register(operator: F) -> F:
        def propose(rows: TextRows, columns: Mapping[str, Drawn], seeds: np.ndarray[Any, Any]) -> Recorded:
            (amounts,) = columns.values()
            return proposed(operator, rows, amounts.tolist(), seeds.tolist(), amount.unit)

        def by_share(rows: TextRows, *, share: Tensor, sites: Lists, old: Lists, new: Lists) -> TextRows:
            return edited(rows, share.tolist(), amount.unit, sites, old, new)

        def by_count(rows: TextRows, *, count: Tensor, sites: Lists, old: Lists, new: Lists) -> TextRows:
            return edited(rows, count.tolist(), amount.unit, sites, old, new)

        by_share.__doc__ = by_count.__doc__ = operator.__doc__
        declare = partial(
            mutator, name, kind=kind, effect=effect, cost=cost, sites=SITES, propose=propose, default=default,
            searched=searched,
        )  # fmt: skip
        if isinstance(amount, Real):
            declare(share=amount)(by_share)
        else:
            declare(count=amount)(by_count)
        return operator

    return register


Lists: TypeAlias = list[Any]
Recorded: TypeAlias = dict[str, list[Value]]


def proposed(operator: Operator, rows: TextRows, amounts: Sequence[float], seeds: Sequence[int], unit: str) -> Recorded:
    """What the operator would do to each row: three lists a row, of equal length."""
    limit = int(rows.modality.high)
    all_sites: list[Value] = []
    all_old: list[Value] = []
    all_new: list[Value] = []
    chance = Chance()
    for text, amount, seed in zip(rows.texts, amounts, seeds, strict=True):
        kept: Sequence[Edit] = ()
        if most := most_edits(text, amount, unit):
            chance.seed(seed)
            kept = apart(operator(text, chance, most), most, limit - len(text))
        all_sites.append([site for site, _, _ in kept])
        all_old.append([old for _, old, _ in kept])
        all_new.append([new for _, _, new in kept])
    return dict(zip(SITES, (all_sites, all_old, all_new), strict=True))


def edited(rows: TextRows, amounts: Sequence[float], unit: str, sites: Lists, old: Lists, new: Lists) -> TextRows:
    """The rows with their recorded edits made, as many as the amount allows.

    Raises ReplayError for a record that holds something else than edits.
    """
    texts = []
    for text, amount, at, was, now in zip(rows.texts, amounts, sites, old, new, strict=True):
        if not len(at) == len(was) == len(now):
            raise ReplayError(f"edits of a text are three lists of one length, not of {[len(at), len(was), len(now)]}")
        most = most_edits(text, amount, unit)
        try:
            if len(at) > most:
                texts.append(spliced(text, at[:most], was[:most], now[:most]))
            else:
                texts.append(spliced(text, at, was, now) if at else text)
        except TypeError as error:
            raise ReplayError(f"an edit of a text is a whole number, its old and its new text: {error}") from error
    return TextRows(tuple(texts), rows.modality)


def most_edits(text: str, amount: float, unit: str) -> int:
    """Of a text: the number itself, or that share of its characters or words, rounded up."""
    if unit == CHARACTERS:
        return math.ceil(amount * len(text) - 1e-6)
    if unit == WORDS:
        return math.ceil(amount * _words_in(text) - 1e-6)
    return int(amount)


@lru_cache(COUNTED)
def _words_in(text: str) -> int:
    return len(text.split())


_site = itemgetter(0)


def apart(edits: Iterable[Edit], most: int, room: int) -> list[Edit]:
    """At most `most` edits in order of their sites: none that overlaps another, none that makes the text too long.

    room: characters by which the text may grow.
    """
    kept: list[Edit] = []
    if most <= 0:
        return kept
    done = 0
    for edit in sorted(edits, key=_site):
        site, old, new = edit
        if site < done or old == new or (growth := len(new) - len(old)) > room:
            continue
        kept.append(edit)
        if len(kept) >= most:
            break  # all others are too many
        done, room = site + len(old), room - growth
    return kept


def spliced(text: str, sites: Sequence[int], old: Sequence[str], new: Sequence[str]) -> str:
    """The text with `new` in place of `old` at each site; sites and texts are those of the text before any edit.

    An edit whose old text does not stand there is made at the nearest place that has it within `REACH`, and left out
    where there is none: a chain stays true to its words when a shrinker drops an earlier step. A site beyond the text
    is such a case.
    """
    pieces = []
    done = 0
    for site, was, now in zip(sites, old, new, strict=False):
        # Nearly always it stands where it is said to: a call less for each edit.
        at = site if site >= done and text.startswith(was, site) else found(text, was, site, done)
        if at >= 0:
            pieces += [text[done:at], now]
            done = at + len(was)
    pieces.append(text[done:])
    return "".join(pieces)


def found(text: str, old: str, site: int, start: int) -> int:
    """Where `old` stands at `site` or nearest to it, from `start` on; -1: nowhere within reach."""
    if site < 0:
        return -1
    if site >= start and text.startswith(old, site):
        return site
    left = text.rfind(old, max(start, site - REACH), site + len(old))
    right = text.find(old, max(start, site), site + REACH + len(old))
    if left < 0 or right < 0:
        return max(left, right)
    return left if site - left <= right - site else right
