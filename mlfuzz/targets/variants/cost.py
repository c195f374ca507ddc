"""What one row costs a target, alone: seconds, bytes, torch operations. Measured on the host, one row after the other.

A batch says nothing of its rows: its time is that of the slowest, or the sum. So a few rows of each batch are run
alone, and where a batch took long, it is halved until its slowest row is found.
"""

from __future__ import annotations

import time
import tracemalloc
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mlfuzz.batch import Rows
from mlfuzz.observation import Observation, Output
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.variants.base import VARIANTS, Varied

ALONE = "alone"
"""The output of a meter: (B, rounds), NaN of rows that were not measured."""

PER_BATCH = 4
"""Rows of each batch that are measured alone while fuzzing."""

ROUNDS, FEW_ROUNDS = 7, 2
"""Interleaved measurements of an input and its seed: of one input alone, and of many at once (while shrinking)."""

SLOW_BATCH = 1.25
"""Times the usual seconds a row, from which on a batch is looked into."""

SUSPECT = 1.5
"""Times the usual cost of a row alone, from which on it is measured again before it is believed."""

AGAIN = 3
HISTORY = 31
LEAST_HISTORY = 7


class CostMeter(Protocol):
    """One measurement of one row. steady: whether a second one gives the same."""

    steady: bool

    def __call__(self, target: Any, row: Rows) -> float: ...


class Meter:
    """A measurement of rows alone, beside the target like a variant of it: gives "alone" (B, 1)."""

    remedy = "the target must answer one input alone; mlfuzz check tells"

    def __init__(self, name: str, target: Any, measure: CostMeter) -> None:
        self.name = self.digest = name
        self.measure = measure
        self._target = target
        self._batches = 0
        self._usual: deque[float] = deque(maxlen=HISTORY)
        self._batch: deque[float] = deque(maxlen=HISTORY)

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        """Of every row."""
        return self._of(rows, seen, range(len(rows)))

    def some(self, rows: Rows, seen: Observation, count: int) -> Mapping[str, Output]:
        """Of `count` rows, others each time, and of the slowest one of a batch that took longer than usual."""
        chosen = {(at * len(rows) // count + self._batches) % len(rows) for at in range(count)}
        self._batches += 1
        if not self.measure.steady and self._took_long(seen.seconds / len(rows)):
            chosen.add(self._slowest(rows))
        return self._of(rows, seen, sorted(chosen))

    def _of(self, rows: Rows, seen: Observation, chosen: Any) -> Mapping[str, Output]:
        costs = torch.full((len(rows), 1), torch.nan)
        for at in chosen:
            costs[at, 0] = self._believed(rows.part(at, at + 1))
        return {ALONE: costs.to(seen.activations.device)}

    def _believed(self, row: Rows) -> float:
        cost = self.measure(self._target, row)
        usual = float(np.median(self._usual)) if len(self._usual) >= LEAST_HISTORY else None
        if not self.measure.steady and (usual is None or cost > SUSPECT * usual):
            cost = min(cost, *(self.measure(self._target, row) for _ in range(AGAIN)))
        self._usual.append(cost)
        return cost

    def _took_long(self, seconds: float) -> bool:
        usual = float(np.median(self._batch)) if len(self._batch) >= LEAST_HISTORY else None
        self._batch.append(seconds)
        return usual is not None and seconds > SLOW_BATCH * usual

    def _slowest(self, rows: Rows) -> int:
        start, stop = 0, len(rows)
        while stop - start > 1:
            middle = (start + stop) // 2
            first, second = (self.measure(self._target, rows.part(*part)) for part in ((start, middle), (middle, stop)))
            per_row = first / (middle - start), second / (stop - middle)
            start, stop = (start, middle) if per_row[0] > per_row[1] else (middle, stop)
        return start


def measured_apart(target: Varied, rows: Rows, roots: Rows) -> tuple[dict[str, Output], dict[str, Output]]:
    """Costs of rows and of their seeds, measured in turn: seed, row, seed, row, ... -> outputs of rows, and of seeds.

    roots: each row's seed. "<meter>.alone" (B, rounds); whatever else the machine does meets both alike.
    """
    rounds = ROUNDS if len(rows) == 1 else FEW_ROUNDS
    mine: dict[str, Output] = {}
    own: dict[str, Output] = {}
    for meter in (part for part in target.parts if isinstance(part, Meter)):
        both = torch.full((2, len(rows), rounds if not meter.measure.steady else 1), torch.nan)
        for at in range(len(rows)):
            row, root = rows.part(at, at + 1), roots.part(at, at + 1)
            for turn in range(both.shape[2]):
                both[1, at, turn] = meter.measure(target.target, root)
                both[0, at, turn] = meter.measure(target.target, row)
        mine[f"{meter.name}.{ALONE}"], own[f"{meter.name}.{ALONE}"] = both.to(target.device)
    return mine, own


class Seconds:
    """Wall time of one forward pass, preprocessing included, until the device has finished."""

    steady = False

    def __call__(self, target: Any, row: Rows) -> float:
        with torch.no_grad():
            started = time.perf_counter()
            target.forward(row)
            if target.device.type == "cuda":
                torch.cuda.synchronize(target.device)
            return time.perf_counter() - started


class PeakBytes:
    """Largest sum of the sizes of tensors alive at once that a forward pass makes; on a GPU, what its allocator says.

    Of a function that is no module, what Python and NumPy allocate besides. Scratch memory inside one operation of the
    processor is not seen.
    """

    steady = True

    def __call__(self, target: Any, row: Rows) -> float:
        if target.device.type == "cuda":
            return _on_gpu(target, row)
        return _traced(target, row)[0] if isinstance(target, ModuleTarget) else _allocated(target, row)


class Operations:
    """Torch operations of one forward pass: steps of a loop, whatever they are called, count by what they do."""

    steady = True

    def __call__(self, target: Any, row: Rows) -> float:
        return _traced(target, row)[1]


class _Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations, and the bytes of storages that are alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = self.operations = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, Tensor):
                self._sizes.setdefault(leaf.untyped_storage()._cdata, 0)  # was there before: weights, the row itself
        result = func(*args, **(kwargs or {}))
        self.operations += 1
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.live += self._sizes[key]
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self.live -= self._sizes.pop(key, 0)


def _traced(target: Any, row: Rows) -> tuple[float, float]:
    with torch.no_grad(), _Live() as live:
        target.forward(row)
    return float(live.peak), float(live.operations)


def _allocated(target: Any, row: Rows) -> float:
    begun = not tracemalloc.is_tracing()
    if begun:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        tensors = _traced(target, row)[0]
        return tensors + max(0, tracemalloc.get_traced_memory()[1] - before)
    finally:
        if begun:
            tracemalloc.stop()


def _on_gpu(target: Any, row: Rows) -> float:
    torch.cuda.reset_peak_memory_stats(target.device)
    before = torch.cuda.memory_allocated(target.device)
    with torch.no_grad():
        target.forward(row)
    torch.cuda.synchronize(target.device)
    return float(torch.cuda.max_memory_allocated(target.device) - before)


def seconds(target: Any, argument: str) -> Meter:
    """Wall time of a row alone; for the oracle latency."""
    return Meter("cost-seconds", target, Seconds())


def peak_bytes(target: Any, argument: str) -> Meter:
    """Peak memory of a row alone; for the oracle memory."""
    return Meter("cost-bytes", target, PeakBytes())


def operations(target: Any, argument: str) -> Meter:
    """Torch operations of a row alone; for the oracle length, of=operations."""
    return Meter("cost-operations", target, Operations())


VARIANTS.add("cost-seconds", seconds)
VARIANTS.add("cost-bytes", peak_bytes)
VARIANTS.add("cost-operations", operations)
