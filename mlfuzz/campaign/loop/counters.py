"""What a campaign counts: rows, gains and failures by operator and severity, seconds by phase."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices, Step
from mlfuzz.discoveries import Discoveries
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.progress import SEVERITY_BINS, OperatorStats, best_operators

RECENT_BATCHES = 64
"""P(new) and the best operators are of about this many batches."""


GAINS, UNJUDGED, FIRSTS, ROWS = 0, 1, 2, 3
FAILURES = ROWS + SEVERITY_BINS
COLUMNS = FAILURES + SEVERITY_BINS
"""Of the table of operators: rows that gained, unjudged ones, failures not had before; then by severity all rows, and
those that failed."""


class Clock:
    """Seconds by phase, in wall time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def start(self) -> None:
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """What has passed since `start` or the last lap belongs to `phase`."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


class Counters:
    """Counters of one life; the account adds them to those of lives before."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.spent: dict[str, float] = {}
        self._numbers: dict[str, int] = {}
        self._table = np.zeros((0, COLUMNS), np.int64)
        self.inputs = 0
        self.failing = 0
        self.unjudged = 0
        self.dropped = 0
        self.crashes = 0
        self.by_oracle: NDArray[np.int64] = np.zeros((2, 0), np.int64)
        """Rows that failed each oracle, and rows that it judged: (2, oracles)."""
        self.last_new = time.monotonic()
        self.discoveries = Discoveries()
        self.by_seed: NDArray[np.int64] = np.zeros((2, 0), np.int64)
        """Rows of each seed that were judged, and those that failed: (2, seeds)."""
        self._kinds: set[str] = set()
        self._recent: deque[tuple[int, int]] = deque(maxlen=RECENT_BATCHES)
        self._kept = 0

    @property
    def operators(self) -> dict[str, OperatorStats]:
        """What each operator has done, by name."""
        stats = {}
        for name, (gains, unjudged, firsts, *severities) in zip(self._numbers, self._table.tolist(), strict=False):
            rows, failures = severities[:SEVERITY_BINS], severities[SEVERITY_BINS:]
            stats[name] = OperatorStats(
                rows=sum(rows), gains=gains, failures=sum(failures), unjudged=unjudged, firsts=firsts,
                rows_by_severity=rows, failures_by_severity=failures,
            )  # fmt: skip
        return stats

    @property
    def p_new(self) -> float:
        """Share of the last batches' rows that became entries."""
        rows = sum(rows for rows, _ in self._recent)
        return sum(kept for _, kept in self._recent) / rows if rows else 0.0

    def best(self, count: int = 4) -> list[str]:
        """As `best_operators` says it."""
        return best_operators(self.operators, count)

    def kept(self, count: int) -> None:
        """So many rows of the batch in hand have become entries."""
        self._kept += count
        self.last_new = time.monotonic()

    def count_seeds(self, seeds: Indices, judged: NDArray[np.bool_], failing: NDArray[np.bool_], *, of: int) -> None:
        """Rows of a batch by seed. of: seeds that there are."""
        counts = np.stack([np.bincount(seeds[some], minlength=of) for some in (judged, failing)])
        self.by_seed = self.by_seed + counts if self.by_seed.shape == counts.shape else counts

    def met(self, kinds: Iterable[str]) -> None:
        """Kinds of failures in the batch in hand."""
        self._kinds.update(kinds)

    def ran(self, inputs: int) -> None:
        """So many inputs of the batch in hand were run; it is over."""
        self.discoveries.batch(inputs, sorted(self._kinds))
        self._kinds.clear()

    def count(
        self, mutated: Mutated, ran: Indices, gains: NDArray[np.float32], margins: NDArray[np.float32],
        failing: NDArray[np.bool_], dropped: NDArray[np.bool_], firsts: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Count a batch. ran: positions of the rows that gave an answer; the other arrays are theirs."""
        self.inputs += len(mutated.dropped)
        self.failing += int(failing.sum())
        self.dropped += int(dropped.sum())
        unjudged = np.asarray(np.isnan(margins).all(axis=1))
        self.unjudged += int(unjudged.sum())
        self._count_oracles(margins)
        self._recent.append((len(ran), self._kept))
        self._kept = 0
        bins = np.minimum((mutated.severity[ran] * SEVERITY_BINS).astype(np.int64), SEVERITY_BINS - 1)
        rows, operators = self._operators(mutated.steps, ran)
        by_bin, broken = operators * SEVERITY_BINS + bins[rows], failing[rows]
        table = self._table[: len(self._numbers)]
        for column, of_kind in ((GAINS, gains > 0), (UNJUDGED, unjudged), (FIRSTS, firsts)):
            table[:, column] += np.bincount(operators[of_kind[rows]], minlength=len(table))
        for column, binned in ((ROWS, by_bin), (FAILURES, by_bin[broken])):
            counted = np.bincount(binned, minlength=len(table) * SEVERITY_BINS)
            table[:, column : column + SEVERITY_BINS] += counted.reshape(len(table), SEVERITY_BINS)
        for step in mutated.steps:
            self.spent[step.name] = self.spent.get(step.name, 0.0) + step.seconds

    def _count_oracles(self, margins: NDArray[np.float32]) -> None:
        counts = np.stack([(margins > 0).sum(axis=0), (~np.isnan(margins)).sum(axis=0)])
        self.by_oracle = counts if self.by_oracle.shape != counts.shape else self.by_oracle + counts

    def _operators(self, steps: Sequence[Step], ran: Indices) -> tuple[Indices, Indices]:
        """Every row of every step, and the number of its operator in the table, which has a row for it."""
        rows, numbers = _rows_of(steps, ran)
        known = [self._numbers.setdefault(step.name, len(self._numbers)) for step in steps]
        if (more := len(self._numbers) - len(self._table)) > 0:
            self._table = np.concatenate([self._table, np.zeros((max(more, len(self._table)), COLUMNS), np.int64)])
        return rows, np.asarray(known, np.int64)[numbers]


def _rows_of(steps: Sequence[Step], ran: Indices) -> tuple[Indices, Indices]:
    """Every row of every step, and the number of that step: positions in `ran`, which is ascending."""
    first, last = np.searchsorted(ran, [[step.start for step in steps], [step.stop for step in steps]])
    sizes = last - first
    numbers = np.repeat(np.arange(len(steps)), sizes)
    return np.arange(len(numbers)) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes), numbers
