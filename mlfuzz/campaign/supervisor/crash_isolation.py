"""After a worker's death: make its last batch again from the flight record, and find the rows that killed it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlfuzz.batch import Batch, Rows, Step, from_payloads
from mlfuzz.campaign.isolation.call_deadline import START_SECONDS
from mlfuzz.campaign.isolation.flight_recorder import FlightRecord, StepRecord, read_flight
from mlfuzz.campaign.isolation.forked import Ended, run_rows, sort_rows, warm_up
from mlfuzz.campaign.loop.candidates import Candidates, Origin
from mlfuzz.campaign.supervisor.ancestry import Lineage, Stored, Unborn
from mlfuzz.errors import StorageError
from mlfuzz.findings.environment import environment
from mlfuzz.findings.store import FindingStore
from mlfuzz.mutators.base import MUTATORS, units
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.plain import plain_parts

QUICK_SECONDS = 0.3
"""What a part may take while it is looked where to look further; more where its target is measured to be slower."""

SLOW_FACTOR = 3.0
"""A whole batch may take so many times what a part of it may."""


class Autopsy:
    """The last batch of a dead life. Runs its rows only in forked children.

    seconds: that a part of it may take. given: the user has said so; else it is what was measured elsewhere, and longer
    where the target is slower here.
    """

    def __init__(self, target: Any, root: Path, life: str, load: str, seconds: float, *, given: bool = False) -> None:
        self.target, self.seconds, self._given = target, seconds, given
        self._known: Rows | None = None
        self.workdir = Workdir.open(root)
        CONTENTS.attach(Blobs(self.workdir).find)  # its process is the probe, and ends with the campaign
        self._load, self._life = load, life
        self.batch: Batch | None = None
        self.lineage: Lineage | None = None
        self.number = 0
        flight = read_flight(self.workdir.flight(life))
        if flight is not None:
            self.number = flight.batch
            self.lineage = Stored(self.workdir) if flight.phase == "execute" else Unborn(self.workdir, target)
            self.batch = self._remake(flight, self.lineage)

    def guilty(self, most: int) -> list[tuple[int, Ended]]:
        """Rows that end a process by themselves; [] where the batch does not do it again."""
        self._warm_up()
        found = self._sorted(most, min(self.seconds, QUICK_SECONDS))
        # Halves are looked at quickly; what is told of a row alone is what it does in all the time that it has.
        sure = [(row, ended) for row, _ in found if (ended := self._run(row, row + 1, self.seconds)).how != "ok"]
        return sure or self._sorted(most, self.seconds)

    def guilty_seed(self, found: Sequence[tuple[int, Ended]]) -> str:
        """The name of a seed that does it unmutated, or "": then the target is broken, not fuzzed."""
        for row, _ in found:
            if self.batch is not None and self.lineage is not None and not self.batch.mutations(row):
                parent = int(self.batch.parents[row])
                if not self.lineage.chain(parent):
                    return self.lineage.name(parent)
        return ""

    def parents(self, found: Sequence[tuple[int, Ended]]) -> list[list[Any]]:
        """Identities of the parents whose children killed the worker."""
        if self.batch is None or self.lineage is None:
            return []
        identities = [self.lineage.identity(int(self.batch.parents[row])) for row, _ in found]
        return [list(identity) for identity in identities if identity is not None]

    def save(self, found: Sequence[tuple[int, Ended]]) -> list[str]:
        """Make findings of the guilty rows; their ids."""
        if self.batch is None or self.lineage is None:
            return []
        store = FindingStore(self.workdir.findings)
        origin = Origin(
            self.workdir.name, self._life, self._load, None, environment(), units(), plain_parts(self.target)
        )
        seedbed = self.lineage.seedbed(self.target)
        candidates = Candidates(self.target, (), (), store, self.lineage, seedbed, origin, batches=self.number)
        made = [candidates.crash_finding(self.batch, row, ended.crash) for row, ended in found]
        store.save_many(made)
        return [finding.id for finding, _ in made]

    def _sorted(self, most: int, seconds: float) -> list[tuple[int, Ended]]:
        if self.batch is None or self._run(0, len(self.batch), SLOW_FACTOR * seconds).how == "ok":
            return []
        return sort_rows(lambda start, stop: self._run(start, stop, seconds), len(self.batch), most).guilty

    def _run(self, start: int, stop: int, seconds: float) -> Ended:
        assert self.batch is not None
        part = self.batch.rows.part(start, stop)
        if self._known is None:  # each child's call is its first
            return run_rows(self.target, part, max(seconds, START_SECONDS))
        return run_rows(self.target, part, seconds, known=self._known, given=self._given and seconds >= self.seconds)

    def _warm_up(self) -> None:
        """The first call here is a seed's; where that itself ends a process, nothing is known of what a call takes."""
        if self.batch is None or self.lineage is None or not len(self.batch):
            return
        payload = self.lineage.seed_payload(int(self.batch.parents[0]))
        known = from_payloads([payload], self.target.modality, self.target.device)
        self._known = known if warm_up(self.target, known) else None

    def _remake(self, flight: FlightRecord, lineage: Lineage) -> Batch:
        identities = np.frombuffer(flight.parents, np.int64).reshape(-1, 2)
        parents = lineage.rows(flight.lives, identities)
        payloads = [lineage.payload(row) for row in parents.tolist()]
        rows = from_payloads(payloads, self.target.modality, self.target.device)
        steps = tuple(_step(record) for record in flight.steps)
        for step in steps:
            part = MUTATORS.get(step.name).apply(rows.part(step.start, step.stop), step.columns)
            before, after = rows.part(0, step.start), rows.part(step.stop, len(rows))
            rows = rows.join([piece for piece in (before, part, after) if len(piece)])
        count = len(rows)
        seeds = np.asarray([lineage.seed(row) for row in parents.tolist()], np.int64)
        return Batch(rows, parents, seeds, np.zeros((count, 1), np.float32), np.ones(count, np.bool_), steps)


def _step(record: StepRecord) -> Step:
    if record.stop < record.start:
        raise StorageError("the flight record is damaged")
    columns = {
        name: np.frombuffer(column[1], np.dtype(column[0])).copy() if _packed(column) else column
        for name, column in record.columns.items()
    }
    return Step(record.name, record.version, record.start, record.stop, columns)


def _packed(column: Any) -> bool:
    return isinstance(column, list | tuple) and len(column) == 2 and isinstance(column[1], bytes)
