"""Where two forms of one model disagree: walk to the boundary of the first, close in, then dither across it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.bisect import bisect, narrow
from mlfuzz.campaign.search.black_box import BLENDS, blend, patches
from mlfuzz.campaign.search.boundary import Problem, Walked, put, start
from mlfuzz.campaign.search.dither import BATCH, dither
from mlfuzz.campaign.search.gradient import ascend

TRY = 384
"""Evaluations at one place of the boundary: where it does not show there, it is looked for elsewhere."""

LEAST_TRY = 64
"""Evaluations that another try is worth."""

T = TypeVar("T")

WALK_SHARE = 0.5
"""Of the evaluations, what finding a way across may take at most."""


def disagree(
    problem: Problem, rows: TensorRows, *, rng: np.random.Generator, most: int, seek: bool = True, batch: int = BATCH
) -> Walked:
    """Search from each row for a hit next to the boundary that its gap speaks of.

    most: evaluations a row. seek: stop at a row's first hit; else spend what is left on a more severe one. batch: rows
    of a forward pass of the dither.
    """
    walked = _once(problem, rows, rng, min(most, TRY) if seek else most, seek, batch)
    turn = 0
    while seek:
        turn += 1
        left = np.flatnonzero(~walked.hit & (walked.spent + LEAST_TRY <= most))
        if not len(left):
            break
        again = _once(
            _elsewhere(problem, left, turn), rows.take(left), rng,
            min(TRY, int((most - walked.spent[left]).min())), seek, batch,
        )  # fmt: skip
        walked = _joined(walked, left, again)
    return walked


def _once(problem: Problem, rows: TensorRows, rng: np.random.Generator, most: int, seek: bool, batch: int) -> Walked:
    """One way across, and the boundary there."""
    gap, bound = problem.gap, problem.bound
    walked = _across(problem, rows, most)
    if problem.slope is not None:  # it speaks of the boundary alone: no row has been looked at for a hit yet
        walked = replace(walked, hits=np.full_like(walked.hits, -np.inf))
    walked = patches(gap, walked, bound, span=problem.span, rng=rng, most=int(WALK_SHARE * most))
    walked = bisect(gap, walked, most=most, seek=seek)
    walked = narrow(gap, walked, rng=rng, most=most, seek=seek)
    return dither(gap, walked, bound, rng=rng, most=most, seek=seek, batch=batch)


def _elsewhere(problem: Problem, left: Indices, turn: int) -> Problem:
    """For another try of some rows: by other inputs than before; the slope would lead to the same place again."""
    near = None if problem.near is None else problem.near[left][:, turn % problem.near.shape[1] :]
    return replace(problem, gap=_of(problem.gap, left), bound=_of(problem.bound, left), slope=None, near=near)


def _of(function: Callable[[TensorRows, Indices], T], left: Indices) -> Callable[[TensorRows, Indices], T]:
    """A gap or a bound for some of the rows."""
    return lambda rows, which: function(rows, left[which])


def _joined(walked: Walked, left: Indices, again: Walked) -> Walked:
    """What another try of some rows adds: its evaluations, and what it found where that is better."""
    better = np.flatnonzero(again.hits > walked.hits[left])
    crossed, hits, spent = walked.crossed.copy(), walked.hits.copy(), walked.spent.copy()
    crossed[left] |= again.crossed
    hits[left[better]] = again.hits[better]
    spent[left] += again.spent
    found = put(walked.found, left[better], again.found.take(better))
    return Walked(walked.inside, walked.outside, walked.gaps, crossed, found, hits, spent)


def toward(problem: Problem, rows: TensorRows, *, rng: np.random.Generator, most: int, batch: int = BATCH) -> Walked:
    """Search from each row for a hit, where hit and gap are one. Arguments as in `disagree`; `batch` is not needed."""
    walked = _across(problem, rows, most)
    return patches(problem.gap, walked, problem.bound, span=problem.span, rng=rng, most=most)


def _across(problem: Problem, rows: TensorRows, most: int) -> Walked:
    """Where the slope leads, else where other inputs lie; the start where there are none."""
    if problem.slope is not None:
        return ascend(problem.slope, rows, problem.bound, span=problem.span, most=max(2, int(WALK_SHARE * most)))
    if problem.others is None or problem.near is None:
        return start(rows)
    return blend(problem.gap, rows, problem.bound, problem.others, problem.near, most=min(BLENDS, most))
