"""After a worker's death: its last batch made again from the flight record, and the rows found that killed it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Batch, Indices, Rows, Step, from_payloads
from mlfuzz.campaign.isolation.call_deadline import START_SECONDS
from mlfuzz.campaign.isolation.flight_recorder import FlightRecord, StepRecord, read_flight
from mlfuzz.campaign.isolation.forked import ChildEnd, run_rows, sort_rows, warm_up
from mlfuzz.campaign.loop.candidates import Candidates, Origin
from mlfuzz.campaign.setup.seeds import Seeds, found_seeds, stored_seeds
from mlfuzz.campaign.spec import loads
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Identity
from mlfuzz.errors import StorageError
from mlfuzz.findings.environment import environment
from mlfuzz.findings.store import FindingStore
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import Chain
from mlfuzz.mutators.base import MUTATORS, units
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.plain import plain_parts


class Ancestry(Protocol):
    """Parents by row number."""

    def rows(self, lives: Sequence[str], identities: NDArray[np.int64]) -> Indices:
        """Row numbers of recorded identities. Raises StorageError where one is not there."""

    def payload(self, row: int) -> Payload: ...

    def chain(self, row: int) -> Chain: ...

    def name(self, row: int) -> str: ...

    def seed(self, row: int) -> int: ...

    def seed_payload(self, row: int) -> Payload:
        """Of the seed that a parent comes from; of seeds that are not entries yet, the first that answers."""

    def identity(self, row: int) -> Identity | None: ...

    def seeds(self, target: Any) -> Seeds:
        """All of them, without the target's answers."""


class Stored:
    """Parents that are entries of the corpus."""

    def __init__(self, workdir: Workdir) -> None:
        self._corpus = Corpus.open(workdir)
        self._corpus.root()

    def rows(self, lives: Sequence[str], identities: NDArray[np.int64]) -> Indices:
        rows = np.asarray([self._corpus.row((lives[life], at)) for life, at in identities.tolist()], np.int64)
        if (rows < 0).any():
            raise StorageError("the flight record names parents that the journal does not hold")
        return rows

    def payload(self, row: int) -> Payload:
        return raw.loads(self._corpus.payload(row))

    def chain(self, row: int) -> Chain:
        return self._corpus.chain(row)

    def name(self, row: int) -> str:
        return self._corpus.entry(row).name

    def seed(self, row: int) -> int:
        return int(self._corpus.seeds[row])

    def seed_payload(self, row: int) -> Payload:
        return self.payload(self.seed(row))

    def identity(self, row: int) -> Identity | None:
        return self._corpus.identity(row)

    def seeds(self, target: Any) -> Seeds:
        return Seeds(target, stored_seeds(target, self._corpus))


class Unborn:
    """Seeds that are not entries yet: the worker died before its first batch."""

    def __init__(self, workdir: Workdir, target: Any) -> None:
        spec = loads(workdir.order().read_bytes(), str(workdir.order()))
        self._seeds = found_seeds(target, spec).seeds

    def rows(self, lives: Sequence[str], identities: NDArray[np.int64]) -> Indices:
        return identities[:, 1].copy()

    def payload(self, row: int) -> Payload:
        return self._seeds[row].payload

    def chain(self, row: int) -> Chain:
        return ()

    def name(self, row: int) -> str:
        return self._seeds[row].name

    def seed(self, row: int) -> int:
        return row

    def seed_payload(self, row: int) -> Payload:
        return self._seeds[0].payload

    def identity(self, row: int) -> Identity | None:
        return None

    def seeds(self, target: Any) -> Seeds:
        return Seeds(target, self._seeds)


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
        self.lineage: Ancestry | None = None
        self.number = 0
        flight = read_flight(self.workdir.flight(life))
        if flight is not None:
            self.number = flight.batch
            self.lineage = Stored(self.workdir) if flight.phase == "execute" else Unborn(self.workdir, target)
            self.batch = self._remake(flight, self.lineage)

    def guilty(self, most: int) -> list[tuple[int, ChildEnd]]:
        """Rows that end a process by themselves; [] where the batch does not do it again."""
        self._warm_up()
        found = self._sorted(most, min(self.seconds, QUICK_SECONDS))
        # Halves are looked at quickly; what is told of a row alone is what it does in all the time that it has.
        sure = [(row, ended) for row, _ in found if (ended := self._run(row, row + 1, self.seconds)).how != "ok"]
        return sure or self._sorted(most, self.seconds)

    def guilty_seed(self, found: Sequence[tuple[int, ChildEnd]]) -> str:
        """The name of a seed that does it unmutated, or "": then the target is broken, not fuzzed."""
        for row, _ in found:
            if self.batch is not None and self.lineage is not None and not self.batch.mutations(row):
                parent = int(self.batch.parents[row])
                if not self.lineage.chain(parent):
                    return self.lineage.name(parent)
        return ""

    def parents(self, found: Sequence[tuple[int, ChildEnd]]) -> list[list[Any]]:
        """Identities of the parents whose children killed the worker."""
        if self.batch is None or self.lineage is None:
            return []
        identities = [self.lineage.identity(int(self.batch.parents[row])) for row, _ in found]
        return [list(identity) for identity in identities if identity is not None]

    def save(self, found: Sequence[tuple[int, ChildEnd]]) -> list[str]:
        """Make findings of the guilty rows; their ids."""
        if self.batch is None or self.lineage is None:
            return []
        store = FindingStore(self.workdir.findings)
        origin = Origin(
            self.workdir.name, self._life, self._load, None, environment(), units(), plain_parts(self.target)
        )
        seeds = self.lineage.seeds(self.target)
        candidates = Candidates(self.target, (), (), store, self.lineage, seeds, origin, batches=self.number)
        made = [candidates.crash_finding(self.batch, row, ended.crash) for row, ended in found]
        store.save_many(made)
        return [finding.id for finding, _ in made]

    def _sorted(self, most: int, seconds: float) -> list[tuple[int, ChildEnd]]:
        if self.batch is None or self._run(0, len(self.batch), SLOW_FACTOR * seconds).how == "ok":
            return []
        return sort_rows(lambda start, stop: self._run(start, stop, seconds), len(self.batch), most).guilty

    def _run(self, start: int, stop: int, seconds: float) -> ChildEnd:
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

    def _remake(self, flight: FlightRecord, lineage: Ancestry) -> Batch:
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
