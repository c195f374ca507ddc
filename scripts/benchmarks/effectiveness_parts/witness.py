"""What a campaign finds, told by someone who only looks on: every failing row, and how many inputs it took."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Batch, Indices
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.modality.base import Payload
from mlfuzz.targets.execute import Execution

ROOM = 96 << 20
"""Bytes of payloads that are kept of one run; beyond it a fair sample of them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failing input. at: inputs run before it and it; own: the same, of its root's children alone."""

    at: int
    own: int
    root: int
    oracle: int
    key: int
    margin: float
    payload: Payload
    operators: tuple[str, ...]


@dataclass(slots=True)
class Witness:
    """Stands between a campaign's loop and the parts that learn of failures; hands everything on unchanged.

    A row counts as failing where a margin is above its oracle's measured floor. failures: all of them, or a fair sample
    where they would take more than ROOM. count: of all. first: of each root (roots,), its own inputs to the first.
    most: inputs after which nothing counts any more: the last batch or search of a run may go beyond its budget, which
    is a fifth of it where that is 200.
    """

    campaign: Campaign
    most: float = math.inf
    failures: list[Failure] = field(default_factory=list)
    count: int = 0
    ran: int = 0
    first_at: int = 0
    first: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    own: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    _bytes: int = 0
    _rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def __post_init__(self) -> None:
        loop = self.campaign.loop
        roots = len(loop.seeds)
        self.first, self.own = np.full(roots, np.inf), np.zeros(roots, np.int64)
        loop.candidates = _Candidates(self, loop.candidates)  # type: ignore[assignment]
        loop.parts = replace(loop.parts, scheduler=_Scheduler(self, loop.parts.scheduler))
        if getattr(loop, "searcher", None) is not None:
            loop.searcher = _Searcher(self, loop.searcher)  # type: ignore[assignment]

    def judged(self, roots: Indices) -> None:
        """A batch is settled: children of these roots ran. roots: (n,)."""
        self.ran += len(roots)
        self.own += np.bincount(roots, minlength=len(self.own))

    def searched(self, roots: Indices, evaluations: int) -> None:
        """A search from these roots used so many evaluations in all: each is charged its part."""
        self.ran += evaluations
        np.add.at(self.own, roots, -(-evaluations // max(1, len(roots))))

    def saw(self, batch: Batch, execution: Execution, margins: NDArray[np.float32], keys: NDArray[np.int64]) -> None:
        """margins, keys: (ran, oracles)."""
        solid = margins > np.asarray(self.campaign.loop.parts.floors, np.float32)
        rows, oracles = np.nonzero(solid)
        if not len(rows):
            return
        ran = batch.seeds[execution.ran]
        nth = _nth_of_its_kind(ran)
        before = self.ran
        if batch.steps and batch.steps[0].name.endswith(".replace"):  # what a search found is charged to it already
            before, nth = self.ran - len(batch), np.zeros_like(nth)
        for row, oracle in zip(rows.tolist(), oracles.tolist(), strict=True):
            root, at = int(ran[row]), before + row + 1
            if at > self.most:
                continue
            own = int(self.own[root] + nth[row])
            self.first_at = self.first_at or at
            self.first[root] = min(self.first[root], own)
            self.count += 1
            self._note(batch, int(execution.ran[row]), at, own, root, oracle, margins[row], keys[row])

    def _note(self, batch: Batch, row: int, at: int, own: int, root: int, oracle: int, margins: Any, keys: Any) -> None:
        place = len(self.failures)
        if self._bytes > ROOM:
            place = int(self._rng.integers(0, self.count))
            if place >= len(self.failures):
                return
        payload = batch.rows.payload(row)
        chain = batch.chains(row) if batch.chains is not None else batch.mutations(row)
        names = tuple(step.name for step in chain)
        failure = Failure(at, own, root, oracle, int(keys[oracle]), float(margins[oracle]), payload, names)
        if place == len(self.failures):
            self.failures.append(failure)
            self._bytes += len(payload) if isinstance(payload, str) else payload.nbytes
        else:
            self.failures[place] = failure


class _Candidates:
    """`Candidates`, overheard."""

    def __init__(self, witness: Witness, inner: Any) -> None:
        self._witness, self._inner = witness, inner

    def consider(
        self, batch: Batch, execution: Execution, margins: NDArray[np.float32], keys: NDArray[np.int64]
    ) -> None:
        self._witness.saw(batch, execution, margins, keys)
        self._inner.consider(batch, execution, margins, keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_witness", "_inner"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._inner, name, value)


class _Scheduler:
    """A scheduler, overheard."""

    def __init__(self, witness: Witness, inner: Any) -> None:
        self._witness, self._inner = witness, inner

    def reward(self, picked: Indices, *outcome: NDArray[Any]) -> None:
        self._witness.judged(self._witness.campaign.corpus.seeds[picked])
        self._inner.reward(picked, *outcome)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Searcher:
    """A searcher, overheard."""

    def __init__(self, witness: Witness, inner: Any) -> None:
        self._witness, self._inner = witness, inner

    def turn(self, rng: np.random.Generator, begin: Callable[[Indices], None], beat: Callable[[], None]) -> Any:
        begun: list[Indices] = []
        found = self._inner.turn(rng, lambda picked: (begun.append(picked), begin(picked)), beat)
        if begun:
            roots = self._witness.campaign.corpus.seeds[begun[0]]
            self._witness.searched(roots, found.evaluations + len(found.picked))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _nth_of_its_kind(values: Indices) -> Indices:
    """1 for the first of each value, 2 for its second, ... (n,)."""
    order = np.argsort(values, kind="stable")
    _, counts = np.unique(values, return_counts=True)
    nth = np.empty(len(values), np.int64)
    nth[order] = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return nth
