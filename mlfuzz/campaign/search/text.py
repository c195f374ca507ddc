"""Choice of words and letters: of the edits that text operators offer, those that lead furthest, one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices, TextRows
from mlfuzz.campaign.search.boundary import GRADIENT_COST, Seen, column
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.text.edits import Edit, apart, spliced

MOST_EDITS = 6
"""Of a text, where no limit says less: a person still reads the same sentence."""

TRIES = 8
"""Candidates of a text that are run in one round: those that the estimate puts first, or some by chance."""

DRAWS = 4
"""Times each operator is asked for edits of a text."""

TextGap: TypeAlias = Callable[[TextRows, Indices], Seen]
Estimate: TypeAlias = Callable[[TextRows, Indices, Sequence[Sequence[str]]], list[NDArray[np.float64]]]
"""(texts, which, candidates of each) -> for each text about how much each of its candidates adds to the gap."""
Admit: TypeAlias = Callable[[int, Sequence[str]], NDArray[np.bool_]]
"""(row, texts made of it) -> (n,) which are within the limits."""


@dataclass(frozen=True, slots=True)
class Worded:
    """Where B searches stand: the edits made of each text, their hits (B,) and evaluations (B,)."""

    edits: list[list[Edit]]
    texts: TextRows
    hits: NDArray[np.float32]
    spent: Indices

    @property
    def hit(self) -> NDArray[np.bool_]:
        return self.hits > 0


def choose(
    gap: TextGap, rows: TextRows, offers: Sequence[Sequence[Edit]], admit: Admit, *, rng: np.random.Generator,
    most: int, estimate: Estimate | None = None, near: bool = False, most_edits: int = MOST_EDITS,
) -> Worded:  # fmt: skip
    """Edit each text, greedily, until its hit is above 0.

    offers: edits of each text that may be made, of which none need fit another. near: come as near to the boundary as
    can be, on either side, rather than far beyond it. most: evaluations a text; an estimate costs as much as two.
    Source: HotFlip (Ebrahimi et al., ACL 2018), with the first-order estimate for whole edits; TextFooler (Jin et al.,
    AAAI 2020) for the greedy order.
    """
    count = len(rows)
    state = _State(
        rows, [[] for _ in range(count)], [list(offer) for offer in offers], np.full(count, -np.inf, np.float32),
        np.full(count, -np.inf, np.float32), np.zeros(count, np.int64),
    )  # fmt: skip
    if most < 1:
        return Worded(state.made, rows, state.hits, state.spent)
    seen = gap(rows, np.arange(count))
    state.ranks, state.hits = (-np.abs(column(seen.gap)) if near else column(seen.gap)), column(seen.hit)
    state.spent += 1
    least = 1 if estimate is None else 1 + GRADIENT_COST
    while True:
        active = [
            row for row in range(count)
            if state.left[row] and state.hits[row] <= 0 and state.spent[row] + least <= most
            and len(state.made[row]) < most_edits
        ]  # fmt: skip
        if not active:
            break
        _round(gap, state, active, admit, rng, most, estimate, near)
    texts = tuple(state.text(row, state.made[row]) for row in range(count))
    return Worded(state.made, TextRows(texts, rows.modality), state.hits, state.spent)


def offered(rows: TextRows, mutators: Sequence[Mutator], rng: np.random.Generator) -> list[list[Edit]]:
    """Single edits of each text that the label-keeping operators among `mutators` would make; a drawn order."""
    found: list[dict[Edit, None]] = [{} for _ in range(len(rows))]
    for part in mutators:
        if part.propose is None or part.effect != "invariant" or part.sites != ("sites", "old", "new"):
            continue
        for _ in range(DRAWS):
            seeds = rng.integers(0, 2**31, len(rows))
            recorded = part.record(rows, part.draw(len(rows), rng), seeds)
            for row in range(len(rows)):
                lists = [recorded[name][row] for name in part.sites]
                found[row].update(dict.fromkeys(zip(*lists, strict=True)))
    shuffled = []
    for row, edits in enumerate(found):
        order = list(edits)
        Random(int(rng.integers(0, 2**31)) + row).shuffle(order)
        shuffled.append(order)
    return shuffled


@dataclass(slots=True)
class _State:
    rows: TextRows
    made: list[list[Edit]]
    left: list[list[Edit]]
    ranks: NDArray[np.float32]
    hits: NDArray[np.float32]
    spent: Indices

    def text(self, row: int, edits: Sequence[Edit]) -> str:
        """The row's text with these edits, in whatever order they were chosen."""
        if not edits:
            return self.rows.texts[row]
        return spliced(self.rows.texts[row], *(list(each) for each in zip(*sorted(edits), strict=True)))

    def fits(self, row: int, edit: Edit) -> bool:
        """Whether it can be made beside those that are made already."""
        edits = [*self.made[row], edit]
        room = int(self.rows.modality.high) - len(self.rows.texts[row])
        return len(apart(edits, len(edits), room)) == len(edits)


def _round(
    gap: TextGap, state: _State, active: Sequence[int], admit: Admit, rng: np.random.Generator, most: int,
    estimate: Estimate | None, near: bool,
) -> None:  # fmt: skip
    """Each active text tries a few edits more, and keeps the best where it is better than none."""
    candidates = [[edit for edit in state.left[row] if state.fits(row, edit)] for row in active]
    texts = [
        [state.text(row, [*state.made[row], edit]) for edit in edits]
        for row, edits in zip(active, candidates, strict=True)
    ]
    inside = [admit(row, made) if made else np.zeros(0, np.bool_) for row, made in zip(active, texts, strict=True)]
    candidates = [
        [one for one, good in zip(c, g, strict=True) if good] for c, g in zip(candidates, inside, strict=True)
    ]
    texts = [[one for one, good in zip(t, g, strict=True) if good] for t, g in zip(texts, inside, strict=True)]
    picked = _picked(state, active, texts, rng, most, estimate)
    which = np.asarray([row for row, order in zip(active, picked, strict=True) for _ in order], np.int64)
    tried = [texts[at][one] for at, order in enumerate(picked) for one in order]
    for at, row in enumerate(active):
        state.left[row] = candidates[at]
    if not tried:
        return
    seen = gap(TextRows(tuple(tried), state.rows.modality), which)
    gaps, hits = column(seen.gap), column(seen.hit)
    ranks = -np.abs(gaps) if near else gaps
    np.add.at(state.spent, which, 1)
    for at, row in enumerate(active):
        own = np.flatnonzero(which == row)
        if not len(own):
            continue
        best = int(own[np.argmax(np.where(hits[own] > 0, np.inf, ranks[own]))])
        chosen = candidates[at][picked[at][int(np.flatnonzero(own == best)[0])]]
        if hits[best] > 0 or ranks[best] > state.ranks[row]:
            state.made[row] = [*state.made[row], chosen]
            state.ranks[row] = ranks[best]
            state.hits[row] = max(state.hits[row], hits[best])
        gone = set(picked[at])
        state.left[row] = [edit for number, edit in enumerate(candidates[at]) if number not in gone]


def _picked(
    state: _State, active: Sequence[int], texts: Sequence[Sequence[str]], rng: np.random.Generator, most: int,
    estimate: Estimate | None,
) -> list[list[int]]:  # fmt: skip
    """Which candidates of each text are run: the first by estimate, or as they come (their order is chance)."""
    orders = [np.arange(len(own)) for own in texts]
    if estimate is not None:
        bases = TextRows(tuple(state.text(row, state.made[row]) for row in active), state.rows.modality)
        gains = estimate(bases, np.asarray(active, np.int64), texts)
        orders = [np.argsort(-gain, kind="stable") for gain in gains]
        state.spent[np.asarray(active)] += GRADIENT_COST
    return [
        order[: min(TRIES, most - int(state.spent[row]))].tolist() for row, order in zip(active, orders, strict=True)
    ]
