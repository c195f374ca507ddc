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

CHUNK_ELEMENTS = 1 << 19
"""An operator works on about so many numbers at a time (2 MiB): what it makes of them stays in the cache."""

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
    loads, invariant = np.empty_like(state.loads), state.invariant.copy()
    dropped, severity = state.dropped.copy(), state.severity.copy()
    whole = _room_for(source)
    apiece = 0 if whole is None or whole.device.type != "cpu" else whole.numel() // max(1, len(whole))
    parts: list[tuple[int, Rows]] = []
    steps = []
    for each in slices:
        began = perf_counter()
        part, start, stop = each.mutator, each.start, each.stop
        drawn = part.draw(stop - start, rng) if each.columns is None else each.columns
        seeds = rng.integers(0, 2**63 - 1, stop - start) if part.propose else np.zeros(0, np.int64)
        milder = None if most is None else most(part.name, start, stop)
        allowed = ledger.allow(part, drawn, state.loads[start:stop], most=milder)
        recorded = (
            allowed.columns if part.propose is None else part.record(source.part(start, stop), allowed.columns, seeds)
        )
        for first, last in _chunks(start, stop, apiece):
            some = recorded
            if last - first < stop - start:
                some = {name: column[first - start : last - start] for name, column in recorded.items()}
            room = None if whole is None else whole[first:last]
            parts.append((first, part.apply(source.part(first, last), some, into=room)))
        steps.append(Step(part.name, part.version, start, stop, recorded, perf_counter() - began))
        loads[start:stop] = allowed.loads
        dropped[start:stop] |= allowed.dropped
        np.maximum(severity[start:stop], allowed.severity, out=severity[start:stop])
        if part.effect != "invariant":
            invariant[start:stop] &= (allowed.severity == 0) & ~allowed.dropped
    rows = _joined(parts, whole)
    return Mutated(rows, (*state.steps, *steps), loads, invariant, dropped, severity)


def apply_within(
    state: Mutated,
    start: int,
    slices: Sequence[Slice],
    rng: np.random.Generator,
    ledger: DistanceLedger,
    most: Most | None,
) -> Mutated:
    """One operator more on each slice of a stretch of rows; the slices count from `start`."""
    stop = start + slices[-1].stop
    stretch = slice(start, stop)
    rows = state.rows.part(start, stop)
    part = Mutated(
        rows, (), state.loads[stretch], state.invariant[stretch], state.dropped[stretch], state.severity[stretch]
    )
    shifted = None if most is None else lambda name, first, last: most(name, start + first, start + last)
    done = apply_slices(rows, part, slices, rng, ledger, shifted)
    loads, invariant = state.loads.copy(), state.invariant.copy()
    dropped, severity = state.dropped.copy(), state.severity.copy()
    loads[stretch], invariant[stretch] = done.loads, done.invariant
    dropped[stretch], severity[stretch] = done.dropped, done.severity
    steps = tuple(replace(step, start=start + step.start, stop=start + step.stop) for step in done.steps)
    whole = _replaced(state.rows, start, done.rows)
    return replace(
        state, rows=whole, steps=(*state.steps, *steps), loads=loads, invariant=invariant, dropped=dropped,
        severity=severity,
    )  # fmt: skip


def _replaced(rows: Rows, start: int, stretch: Rows) -> Rows:
    """The rows with others in their place from `start` on; into the same memory, where that is the batch's own.

    Steps of a batch write into memory of their own from the first one on, and nobody else has seen it yet.
    """
    stop = start + len(stretch)
    if (
        isinstance(rows, TensorRows) and isinstance(stretch, TensorRows)
        and rows.lengths is None and rows.data.shape[1:] == stretch.data.shape[1:]
    ):  # fmt: skip
        rows.data[start:stop] = stretch.data
        return rows
    pieces = [rows.part(0, start), stretch, rows.part(stop, len(rows))]
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
    count = round((stop - start) * apiece / CHUNK_ELEMENTS)
    if count < 2:
        return [(start, stop)] if start < stop else []
    edges = [start + (stop - start) * at // count for at in range(count + 1)]
    return [(first, last) for first, last in pairwise(edges) if first < last]


def _joined(parts: Sequence[tuple[int, Rows]], whole: Tensor | None) -> Rows:
    """The parts as one; where all of them were written into `whole`, that is all there is to do. With their starts."""
    if len(parts) == 1:
        return parts[0][1]
    tensors = [(start, part) for start, part in parts if isinstance(part, TensorRows)]
    written = whole is not None and all(
        part.data.data_ptr() == whole[start].data_ptr() and part.data.shape[1:] == whole.shape[1:]
        for start, part in tensors
    )
    if whole is None or not written:
        return parts[0][1].join([part for _, part in parts])
    lengths = [part.lengths for _, part in tensors if part.lengths is not None]
    return tensors[0][1].with_data(whole, torch.cat(lengths) if lengths else None)
