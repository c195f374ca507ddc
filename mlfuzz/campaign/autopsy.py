"""After a worker's death: make its last batch again from the flight record, and find the rows that killed it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlfuzz.batch import Batch, Rows, Step, from_payloads
from mlfuzz.campaign.candidates import Candidates, Origin
from mlfuzz.campaign.flight import FlightRecord, StepRecord, read_flight
from mlfuzz.campaign.isolate import Ended, run_forked
from mlfuzz.campaign.seedbed import Seedbed, class_numbers
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import StorageError
from mlfuzz.findings.environment import environment
from mlfuzz.findings.store import FindingStore
from mlfuzz.modality import raw
from mlfuzz.mutators.base import MUTATORS, units
from mlfuzz.observation import Observation
from mlfuzz.storage.workdir import Workdir

SLOW_FACTOR = 3.0
"""A whole batch may take so many times what a part of it may."""


class Autopsy:
    """The last batch of a dead life. Runs the target only in forked children."""

    def __init__(self, target: Any, root: Path, life: str, load: str, seconds: float) -> None:
        self.target, self.seconds = target, seconds
        self.workdir = Workdir.open(root)
        self.corpus = Corpus.open(self.workdir)
        self._load, self._life = load, life
        flight = read_flight(self.workdir.flight(life))
        self.rebuilt = flight is not None and flight.phase == "execute"
        self._seed_rows: list[int] = []
        self.batch: Batch | None = None
        if flight is not None and self.rebuilt:
            self.batch = self._remake(flight)
            self.number = flight.batch

    def guilty(self, most: int) -> list[tuple[int, Ended]]:
        """Rows that end a process by themselves; [] where the batch does not do it again."""
        if self.batch is None:
            return []
        found: list[tuple[int, Ended]] = []
        pending = [(0, len(self.batch))]
        first = True
        while pending and len(found) < most:
            start, stop = pending.pop()
            ended = self._run(start, stop, self.seconds * (SLOW_FACTOR if first else 1.0))
            first = False
            if ended.how == "ok":
                continue
            if stop - start == 1:
                found.append((start, ended))
                continue
            middle = (start + stop) // 2
            pending += [(middle, stop), (start, middle)]
        return found

    def guilty_seed(self, found: Sequence[tuple[int, Ended]]) -> str:
        """The name of a seed that does it unmutated, or "": then the target is broken, not fuzzed."""
        for row, _ in found:
            if self.batch is not None and not self.batch.mutations(row):
                return self.corpus.entry(int(self.batch.parents[row])).name
        return ""

    def parents(self, found: Sequence[tuple[int, Ended]]) -> list[list[Any]]:
        """Identities of the parents whose children killed the worker."""
        if self.batch is None:
            return []
        return [list(self.corpus.identity(int(self.batch.parents[row]))) for row, _ in found]

    def save(self, found: Sequence[tuple[int, Ended]]) -> list[str]:
        """Make findings of the guilty rows; their ids."""
        if self.batch is None:
            return []
        store = FindingStore(self.workdir.findings)
        origin = Origin(self.workdir.name, self._life, self._load, None, environment(), units())
        candidates = Candidates(self.target, (), (), store, self.corpus, self._seedbed(), origin, batches=self.number)
        made = [candidates.crash_finding(self.batch, row, ended.crash) for row, ended in found]
        store.save_many(made)
        return [finding.id for finding, _ in made]

    def _run(self, start: int, stop: int, seconds: float) -> Ended:
        assert self.batch is not None
        rows: Rows = self.batch.rows.part(start, stop)

        def forward() -> bytes:
            try:
                self.target.run(rows)
            except Exception:  # noqa: BLE001  an exception is not what killed the worker
                return b"raised"
            return b"answered"

        return run_forked(forward, seconds)

    def _remake(self, flight: FlightRecord) -> Batch:
        identities = np.frombuffer(flight.parents, np.int64).reshape(-1, 2)
        parents = np.asarray([self.corpus.row((flight.lives[life], at)) for life, at in identities.tolist()], np.int64)
        if (parents < 0).any():
            raise StorageError("the flight record names parents that the journal does not hold")
        payloads = [raw.loads(self.corpus.payload(int(row))) for row in parents]
        rows = from_payloads(payloads, self.target.modality, self.target.device)
        steps = tuple(_step(record) for record in flight.steps)
        for step in steps:
            part = MUTATORS.get(step.name).apply(rows.part(step.start, step.stop), step.columns)
            before, after = rows.part(0, step.start), rows.part(step.stop, len(rows))
            rows = rows.join([piece for piece in (before, part, after) if len(piece)])
        count = len(rows)
        return Batch(
            rows, parents, self.corpus.seeds[parents], np.zeros((count, 1), np.float32), np.ones(count, np.bool_), steps
        )  # fmt: skip

    def _seedbed(self) -> Seedbed:
        seeds = [
            row for row in np.flatnonzero(self.corpus.parents < 0).tolist() if self.corpus.entry(row).parent is None
        ]
        entries = [self.corpus.entry(row) for row in seeds]
        modality = self.target.modality
        files = tuple(modality.encode(raw.loads(self.corpus.payload(row))) for row in seeds)
        labels = tuple(entry.label for entry in entries)
        numbers = class_numbers(labels, self.target.labels)
        blank = Observation({"main": numbers[:, None].float()}, numbers[:, None].float()[:, :0])
        return Seedbed(tuple(entry.name for entry in entries), numbers, labels, files, blank)


def _step(record: StepRecord) -> Step:
    columns = {
        name: np.frombuffer(column[1], np.dtype(column[0])).copy() if _packed(column) else column
        for name, column in record.columns.items()
    }
    if record.stop < record.start:
        raise StorageError("the flight record is damaged")
    return Step(record.name, record.version, record.start, record.stop, columns)


def _packed(column: Any) -> bool:
    return isinstance(column, list | tuple) and len(column) == 2 and isinstance(column[1], bytes)
