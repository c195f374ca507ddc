"""What a slice is, and the one vectorised call that each takes: draw, limit, record, apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Rows, Step, StoredRows, TensorRows
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.limits.limits import DistanceLedger, Loads
from mlfuzz.mutators.param import Drawn

CHUNK_ELEMENTS, CHUNK_ROWS, LARGEST_CHUNK = 1 << 18, 32, 1 << 19
"""An operator works on about so many numbers at a time (1 MiB), so that what it makes of them stays in the cache; on up
to twice as many where these are few rows, which each call's fixed cost would be felt in. Of 28 x 28 pictures in batches
of 4,096: 7.6 us an input against 8.3 at twice the size; of seconds of sound in batches of 128: 180 against 153."""

Most = Callable[[str, int, int], NDArray[np.float32]]
"""(operator, start, stop) -> how severe it may be on each of these rows."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Contiguous rows that one operator acts on. columns: parameters to use, (rows,) each; None: they are drawn."""

    mutator: Mutator
    start: int
    stop: int
    columns: Mapping[str, Drawn] | None = None


@dataclass(frozen=True, slots=True)
class Mutated:
    """A mutated batch.

    rows: (B, ...) on the grid. steps: what was done, with the parameters as recorded. loads: (B, K) after it.
    invariant: (B,) whether the label holds along the whole chain. dropped: (B,) rows beyond a limit: not to be judged
    or kept. severity: (B,) in [0, 1] of this batch's step, the largest where there are several; 0: a copy.
    clipped: whether rows were clipped to their seeds: a chain then replays with `bound=distance.bound(...)`.
    again: so many rows at the front repeated the step that had made their parents; borrowed: so many behind them had a
    step that others had fared well with. stacked: the rows from, and up to, that took more steps than one.
    """

    rows: Rows
    steps: tuple[Step, ...]
    loads: Loads
    invariant: NDArray[np.bool_]
    dropped: NDArray[np.bool_]
    severity: NDArray[np.float32]
    clipped: bool = False
    again: int = 0
    borrowed: int = 0
    stacked: tuple[int, int] = (0, 0)


def apply_slices(
    source: Rows | StoredRows, state: Mutated, slices: Sequence[Slice], rng: np.random.Generator,
    ledger: DistanceLedger, most: Most | None = None,
) -> Mutated:  # fmt: skip
    """One operator on each slice of the source: draw, limit, record, apply. state: what was done to it so far."""
    loads, whole = state.loads.copy(), _room_for(source)
    asked = _limited(source, 0, slices, loads, rng, ledger, most)
    parts, steps = _worked(source, slices, asked, whole)
    return Mutated(
        _joined(parts, whole), (*state.steps, *steps), loads, state.invariant & asked.kept,
        state.dropped | asked.dropped, np.maximum(state.severity, asked.severity),
    )  # fmt: skip


def apply_within(
    state: Mutated,
    start: int,
    slices: Sequence[Slice],
    rng: np.random.Generator,
    ledger: DistanceLedger,
    most: Most | None,
) -> Mutated:
    """One operator more on each slice of a stretch of rows; the slices count from `start`.

    What was given is used up: its arrays, and the tensor of rows that keep their shape, now hold what was made.
    """
    stop = start + slices[-1].stop
    stretch = slice(start, stop)
    shifted = None if most is None else lambda name, first, last: most(name, start + first, start + last)
    asked = _limited(state.rows, start, slices, state.loads[stretch], rng, ledger, shifted)
    state.invariant[stretch] &= asked.kept
    state.dropped[stretch] |= asked.dropped
    np.maximum(state.severity[stretch], asked.severity, out=state.severity[stretch])
    whole = state.rows.data if isinstance(state.rows, TensorRows) else None
    parts, steps = _worked(state.rows, slices, asked, whole)
    return replace(state, rows=_replaced(state.rows, start, stop, parts), steps=(*state.steps, *steps))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What operators are to do to n rows, within the limits. kept: (n,) rows whose label they keep.

    spent: seconds that drawing and proposing took, by step.
    """

    steps: list[Step]
    spent: list[float]
    dropped: NDArray[np.bool_]
    severity: NDArray[np.float32]
    kept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Made:
    """Rows from `start` on that an operator has made. placed: where they belong in the batch's own memory."""

    start: int
    rows: Rows
    placed: bool


def _limited(
    source: Rows | StoredRows, offset: int, slices: Sequence[Slice], loads: Loads, rng: np.random.Generator,
    ledger: DistanceLedger, most: Most | None,
) -> _Asked:  # fmt: skip
    """Draw, limit, record; slices and loads count from row `offset` of the source. loads: changed."""
    drawn, chance, spent = [], [], []
    for each in slices:
        began = perf_counter()
        part, rows = each.mutator, each.stop - each.start
        columns = part.draw(rows, rng) if each.columns is None else each.columns
        drawn.append((part, each.start, each.stop, columns))
        chance.append(rng.integers(0, 2**63 - 1, rows) if part.propose else None)
        spent.append(perf_counter() - began)
    allowed, dropped, severity = ledger.allow_all(drawn, loads, most=most)
    kept = np.ones(len(loads), np.bool_)
    steps = []
    for at, ((part, first, last, _), columns, seeds) in enumerate(zip(drawn, allowed, chance, strict=True)):
        began = perf_counter()
        start, stop = offset + first, offset + last
        recorded = columns if seeds is None else part.record(source.part(start, stop), columns, seeds)
        steps.append(Step(part.name, part.version, start, stop, recorded))
        spent[at] += perf_counter() - began
        if part.effect != "invariant":
            kept[first:last] = (severity[first:last] == 0) & ~dropped[first:last]
    return _Asked(steps, spent, dropped, severity, kept)


def _worked(
    source: Rows | StoredRows, slices: Sequence[Slice], asked: _Asked, whole: Tensor | None
) -> tuple[list[_Made], list[Step]]:
    """What the operators make of the source, written to its place in `whole` where it keeps its shape.

    With it the steps, which now know how long they took.
    """
    apiece = 0 if whole is None or whole.device.type != "cpu" else whole.numel() // max(1, len(whole))
    parts, steps = [], []
    for each, step, seconds in zip(slices, asked.steps, asked.spent, strict=True):
        began = perf_counter()
        chunks = _chunks(step.start, step.stop, apiece)
        for first, last in chunks:
            some = step.columns
            if len(chunks) > 1:
                some = {name: column[first - step.start : last - step.start] for name, column in some.items()}
            room = None if whole is None else whole[first:last]
            made = each.mutator.apply(source.part(first, last), some, into=room)
            placed = room is not None and isinstance(made, TensorRows) and made.data is room
            parts.append(_Made(first, made, placed))
        steps.append(replace(step, seconds=seconds + perf_counter() - began))
    return parts, steps


def _replaced(rows: Rows, start: int, stop: int, parts: Sequence[_Made]) -> Rows:
    """The rows with the parts in place of [start, stop): nothing to do where that is where they have been made."""
    if isinstance(rows, TensorRows) and rows.lengths is None and all(part.placed for part in parts):
        return rows
    pieces = [rows.part(0, start), *(part.rows for part in parts), rows.part(stop, len(rows))]
    return rows.join([piece for piece in pieces if len(piece)])


def _room_for(source: Rows | StoredRows) -> Tensor | None:
    """Where the operators may write; None for text."""
    if isinstance(source, StoredRows):
        return torch.empty(source.stored.shape, device=source.stored.device)
    return torch.empty_like(source.data) if isinstance(source, TensorRows) else None


def _chunks(start: int, stop: int, apiece: int) -> list[tuple[int, int]]:
    """Rows [start, stop) in parts that stay in the cache from an operator's first call to its last.

    apiece: numbers of a row; 0 where there is no such cache.
    """
    count = round((stop - start) * apiece / min(max(CHUNK_ELEMENTS, CHUNK_ROWS * apiece), LARGEST_CHUNK))
    if count < 2:
        return [(start, stop)] if start < stop else []
    edges = [start + (stop - start) * at // count for at in range(count + 1)]
    return [(first, last) for first, last in pairwise(edges) if first < last]


def _joined(parts: Sequence[_Made], whole: Tensor | None) -> Rows:
    """The parts as one; where all of them were made in `whole`, that is all there is to do."""
    first = parts[0].rows
    if len(parts) == 1:
        return first
    if whole is None or not all(part.placed for part in parts) or not isinstance(first, TensorRows):
        return first.join([part.rows for part in parts])
    lengths = [part.rows.lengths for part in parts if isinstance(part.rows, TensorRows)]
    return TensorRows(
        whole,
        first.modality,
        torch.cat([one for one in lengths if one is not None]) if first.lengths is not None else None,
    )
