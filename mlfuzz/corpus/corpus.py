"""The working corpus of a campaign: what the journals of all lives hold, as arrays of this process."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import msgspec
import numpy as np
from numpy.typing import NDArray

from mlfuzz.corpus import entry as records
from mlfuzz.corpus.entry import Entry, EntryMeasure, EntryRow, Identity
from mlfuzz.corpus.numbering import Numbering, rooted
from mlfuzz.corpus.packed import PackedBytes
from mlfuzz.corpus.row_numbers import RowNumbers
from mlfuzz.corpus.table import Scalars, Vectors
from mlfuzz.errors import StorageError
from mlfuzz.mutation import Chain
from mlfuzz.storage.blobs import BLOB_BYTES, Blobs
from mlfuzz.storage.journal import SEGMENT_BYTES, Item, Journal, Place
from mlfuzz.storage.reader import Damage, Reader, Record, load_payload
from mlfuzz.storage.workdir import Workdir

CHUNK_ROWS = 4096
"""Entries taken in at once: the objects of more would take memory for nothing."""

PACKED_AT_ONCE = 512
"""Records compressed with each write, beside as many as it adds: what was read in a resume is packed by and by, 3 ms
at a time, and not before the first batch."""


class Corpus:
    """Entries by row number, 0 .. n-1, never renumbered while the process lives; the journals are the truth.

    seeds, parents, gains, loads, margins, invariant, vectors: columns, one row an entry. parents is -1 for seeds, and
    for entries whose parent is lost. vectors is NaN where an entry was measured under another calibration.
    unreadable: records that were whole, and that this version does not understand. lost: inputs that could not be read
    when they were wanted, as rows were numbered then, and why.
    """

    def __init__(
        self, workdir: Workdir, journal: Journal | None, *, calibration: str = "", verify: bool = True
    ) -> None:
        """Empty; for the entries that there are use `open`."""
        self._workdir = workdir
        self._journal = journal
        self._calibration = calibration
        self._verify = verify
        self._blobs = Blobs(workdir)
        self._readers: dict[str, Reader] = {}
        self._headers = PackedBytes()
        self._rows: dict[str, RowNumbers] = {}
        self._orphans: dict[int, Identity] = {}
        self._life_numbers: dict[str, int] = {}
        self._seeds, self._parents = Scalars(np.int64), Scalars(np.int64)
        self._gains, self._invariant = Scalars(np.float32), Scalars(np.bool_)
        self._of_life, self._sequences = Scalars(np.int64), Scalars(np.int64)
        self._segments, self._offsets = Scalars(np.int64), Scalars(np.int64)
        self._loads, self._margins, self._vectors = Vectors(), Vectors(), Vectors()
        self._numbering: Numbering | None = None
        self._written = 0
        self.unreadable = 0
        self.lost: dict[int, str] = {}

    @classmethod
    def open(
        cls, workdir: Workdir, life: str | None = None, *, calibration: str = "", verify: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Corpus:  # fmt: skip
        """All entries of all lives, nothing judged or run again. life: the new life that `add` writes; None: read only.

        calibration: what vectors must have been measured under; "" takes those as wide as the first. verify: read
        payloads too and leave out entries whose payload is damaged; else that shows when they are loaded.
        Raises SchemaError, StorageError; what is damaged is in `damaged`.
        """
        journal = None if life is None else Journal(workdir, life, segment_bytes=segment_bytes)
        corpus = cls(workdir, journal, calibration=calibration, verify=verify)
        corpus.tail()
        return corpus

    def __len__(self) -> int:
        return len(self._headers)

    @property
    def seeds(self) -> NDArray[np.int64]:
        """(n,): number of the seed that an entry descends from."""
        return self._seeds.view

    @property
    def parents(self) -> NDArray[np.int64]:
        """(n,): row of the parent, -1 of a seed and where the parent is not here (yet)."""
        return self._parents.view

    @property
    def gains(self) -> NDArray[np.float32]:
        """(n,): coverage gained when it was kept, or measured again."""
        return self._gains.view

    @property
    def invariant(self) -> NDArray[np.bool_]:
        """(n,): whether its label must still be its seed's."""
        return self._invariant.view

    @property
    def loads(self) -> NDArray[np.float32]:
        """(n, width): distance from the seed, in units of the limits."""
        return self._loads.view

    @property
    def margins(self) -> NDArray[np.float32]:
        """(n, oracles), NaN where one did not judge."""
        return self._margins.view

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(n, dimensions): as the criterion embeds; NaN where not measured."""
        return self._vectors.view

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(n,): whether an entry has a vector of this calibration; the others are for `measure`."""
        if not self._vectors.width:
            return np.zeros(len(self), np.bool_)
        return ~np.isnan(self.vectors[:, 0]) if len(self) else np.zeros(0, np.bool_)

    @property
    def lives(self) -> list[str]:
        """The lives entries come from, in the order of their numbers in `identities`."""
        return list(self._life_numbers)

    def identity(self, row: int) -> Identity:
        """(life, sequence) of a row: what it is called on disk."""
        return self.lives[self._of_life.view[row]], int(self._sequences.view[row])

    def identities(self, rows: NDArray[np.int64]) -> bytes:
        """(n, 2) int64 as bytes: number in `lives`, and sequence there."""
        return np.stack([self._of_life.view[rows], self._sequences.view[rows]], 1).tobytes()

    def row(self, identity: Identity) -> int:
        """Row of an identity, -1 where it is not here."""
        life = self._rows.get(identity[0])
        return -1 if life is None else life.get(identity[1])

    def root(self) -> int:
        """Leave out entries whose seed is not here, and number the seeds that are from 0; how many were left out.

        For whoever runs entries, which are judged against their seeds; before anything refers to rows. On disk, and in
        `entry`, a seed keeps its number.
        """
        self._numbering, kept = rooted(self.seeds, self.parents, {*self._orphans, *self._lost_seeds()})
        left_out = len(self) - len(kept)
        self._keep(kept)
        self._seeds.view[:] = [self._numbering.here(number) for number in self.seeds.tolist()]
        return left_out

    def _lost_seeds(self) -> list[int]:
        """Rows of seeds whose input lies in a blob that is damaged: nothing that descends from them can be judged."""
        lost = []
        for row in np.flatnonzero((self.parents < 0) & (self._offsets.view < 0)).tolist():
            try:
                self.payload(row)
            except StorageError as error:
                self.lost[row] = str(error)
                lost.append(row)
        return lost

    def arrange(self, order: Iterable[Identity]) -> int:
        """Put these entries first, in this order; how many are not here: then nothing is moved.

        Before anything refers to rows: what an earlier process has learnt of its rows then fits those of this one.
        """
        rows = [self.row(identity) for identity in order]
        if missing := rows.count(-1):
            return missing
        rest = np.ones(len(self), np.bool_)
        rest[rows] = False
        self._keep(np.concatenate([np.asarray(rows, np.int64), np.flatnonzero(rest)]))
        return 0

    def entry(self, row: int) -> Entry:
        """The record of a row."""
        return records.loads(self._headers[row])

    def chain(self, row: int) -> Chain:
        """What leads from its seed to a row."""
        return self.entry(row).chain

    def payload(self, row: int) -> bytes:
        """What `add` was given. Raises CorruptRecordError, StorageError where it is damaged or gone."""
        if self._offsets.view[row] < 0:
            return self._blobs.get(self.entry(row).blob)
        life = self.lives[self._of_life.view[row]]
        return load_payload(self._workdir, Place(life, int(self._segments.view[row]), int(self._offsets.view[row])))

    def add(self, entry: Entry, vector: NDArray[np.float32], payload: bytes) -> int:
        """Write the entry, then take it in; its row. Killed at any instant, it is there whole or not at all.

        Raises DiskFullError: nothing was taken in. StorageError where the corpus is open for reading only.
        """
        return self.add_many([entry], vector[None], [payload])[0]

    def add_many(self, entries: Sequence[Entry], vectors: NDArray[np.float32], payloads: Sequence[bytes]) -> range:
        """`add` for several in one write, a third of the cost: their rows. Killed, a first part of them is there."""
        journal, numbering = self._writer(), self._numbering
        written: list[Entry] = []
        items: list[Item] = []
        stored = np.ascontiguousarray(vectors, "<f4")
        for number, (entry, payload) in enumerate(zip(entries, payloads, strict=True)):
            large = len(payload) >= BLOB_BYTES
            entry = msgspec.structs.replace(
                entry, life=journal.life, sequence=self._written + number,
                seed=entry.seed if numbering is None else numbering.stored(entry),
                calibration=entry.calibration or self._calibration, blob=self._blobs.put(payload) if large else "",
            )  # fmt: skip
            written.append(entry)
            items.append(Item(records.dumps(entry), stored[number].tobytes(), None if large else payload))
        places = journal.append_many(items)
        self._take_own(written, items, places)
        return range(len(self) - len(written), len(self))

    def measure(self, row: int, vector: NDArray[np.float32], gain: float) -> None:
        """Give an entry the vector it has under this calibration, for good. Raises DiskFullError."""
        life, sequence = self.identity(row)
        record = EntryMeasure(life=life, sequence=sequence, gain=gain, calibration=self._calibration)
        vector = np.ascontiguousarray(vector, "<f4")
        self._writer().append(records.dumps(record), vector=vector.tobytes())
        self._measured(row, vector, gain)

    def forget_vectors(self) -> None:
        """No entry has been measured yet: what they were measured by is gone."""
        self._vectors.view[:] = np.nan

    def judged_by(self, oracles: int) -> bool:
        """Give `margins` so many columns; False where it had them. Rows judged by another number of oracles are NaN."""
        if self._margins.width == oracles:
            return False
        self._margins = Vectors(oracles)
        self._margins.extend([records.loads(header).margins for header in self._headers])
        return True

    def tail(self) -> range:
        """Take in what other lives have written since; the new rows. Raises SchemaError, StorageError."""
        first = len(self)
        own = None if self._journal is None else self._journal.life
        with _uncollected():
            for life in self._workdir.lives():
                if life == own:
                    continue
                reader = self._readers.setdefault(life, Reader(self._workdir, life, verify=self._verify))
                if not reader.ended:
                    fresh = reader.read()
                    while chunk := list(islice(fresh, CHUNK_ROWS)):
                        self._take(chunk)
        self._adopt()
        return range(first, len(self))

    @property
    def damaged(self) -> list[Damage]:
        """Of all journals, since they were opened."""
        return [damage for reader in self._readers.values() for damage in reader.damaged]

    @property
    def pending(self) -> dict[str, int]:
        """Life -> bytes of a last record that is not whole: never acknowledged, or not written yet."""
        return {life: reader.pending for life, reader in self._readers.items() if reader.pending}

    def sync(self) -> None:
        """Make all that was added survive a power cut: blobs first, since the journal names them."""
        self._blobs.sync()
        self._writer().sync()

    def roll(self) -> None:
        """Close the journal's segment, so that it may be shipped elsewhere, and begin the next."""
        self._blobs.sync()
        self._writer().roll()

    def close(self) -> None:
        """End this life's journal; the entries stay readable."""
        if self._journal is not None:
            try:
                self._blobs.sync()
            finally:
                self._journal.close()

    def _writer(self) -> Journal:
        if self._journal is None:
            raise StorageError(f"the corpus of {self._workdir.root} was opened for reading only")
        return self._journal

    def _take(self, read: Sequence[Record]) -> None:
        """Entries in bulk: columns are collected as lists and appended once."""
        rows: list[EntryRow] = []
        headers: list[bytes] = []
        vectors: list[bytes] = []
        places: list[tuple[int, int]] = []
        measures: list[tuple[EntryMeasure, bytes]] = []
        known, life, numbering = RowNumbers(), None, self._numbering
        for record in read:
            try:
                row = records.glance(record.header)
            except msgspec.DecodeError:
                self.unreadable += 1
                continue
            if isinstance(row, EntryMeasure):
                measures.append((row, record.vector or b""))
                continue
            if row.life != life:
                life = row.life
                known = self._rows.setdefault(life, RowNumbers())
            if known.get(row.sequence) >= 0 or (numbering is not None and not numbering.admits(row)):
                continue
            known.put(row.sequence, len(self._headers) + len(rows))
            rows.append(row)
            headers.append(record.header)
            vectors.append(record.vector or b"" if self._fits(row.calibration) else b"")
            places.append((-1, -1) if record.payload is None else (record.payload.segment, record.payload.offset))
        self._append(rows, headers, vectors, places)
        for measure, vector in measures:
            at = self.row((measure.life, measure.sequence))
            if at >= 0 and measure.calibration == self._calibration:
                self._measured(at, np.frombuffer(vector, "<f4"), measure.gain)

    def _take_own(self, entries: Sequence[Entry], items: Sequence[Item], places: Sequence[Place]) -> None:
        self._written += len(entries)
        for number, entry in enumerate(entries, len(self._headers)):
            self._rows.setdefault(entry.life, RowNumbers()).put(entry.sequence, number)
        where = [
            (-1, -1) if entry.blob else (place.segment, place.offset)
            for entry, place in zip(entries, places, strict=True)
        ]
        self._append(entries, [item.header for item in items], [item.vector or b"" for item in items], where)
        self._headers.pack(len(items) + PACKED_AT_ONCE)

    def _append(
        self,
        rows: Sequence[EntryRow | Entry],
        headers: Sequence[bytes],
        vectors: Sequence[bytes],
        places: Sequence[tuple[int, int]],
    ) -> None:
        if not rows:
            return
        first = len(self._headers)
        self._headers.grow(headers)
        here = self._numbering.here if self._numbering else int
        self._seeds.extend([here(row.seed) for row in rows])
        self._gains.extend([row.gain for row in rows])
        self._invariant.extend([row.invariant for row in rows])
        self._of_life.extend([self._life_numbers.setdefault(row.life, len(self._life_numbers)) for row in rows])
        self._sequences.extend([row.sequence for row in rows])
        self._segments.extend([segment for segment, _ in places])
        self._offsets.extend([offset for _, offset in places])
        self._loads.extend([row.loads for row in rows])
        self._margins.extend([row.margins for row in rows])
        self._vectors.extend_bytes(vectors)
        parents = [-1 if row.parent is None else self.row(row.parent) for row in rows]
        self._parents.extend(parents)
        for at, (row, parent) in enumerate(zip(rows, parents, strict=True), first):
            if parent < 0 and row.parent is not None:
                self._orphans[at] = row.parent

    def _adopt(self) -> None:
        """Parents of another life that was read after their children's."""
        for row, parent in list(self._orphans.items()):
            if self.row(parent) >= 0:
                self._parents.view[row] = self.row(parent)
                del self._orphans[row]

    def _keep(self, rows: NDArray[np.int64]) -> None:
        """These rows only, in this order."""
        if np.array_equal(rows, np.arange(len(self))):
            return
        moved = np.full(len(self) + 1, -1, np.int64)  # the last one stands for -1: no parent
        moved[rows] = np.arange(len(rows))
        self._headers.take(rows.tolist())
        for column in (
            self._seeds, self._parents, self._gains, self._invariant, self._of_life, self._sequences, self._segments,
            self._offsets, self._loads, self._margins, self._vectors,
        ):  # fmt: skip
            column.take(rows)
        self._parents.view[:] = moved[self.parents]
        self._rows = {}
        for number, life in enumerate(self._life_numbers):
            here = np.flatnonzero(self._of_life.view == number)
            self._rows[life] = RowNumbers()
            self._rows[life].put_many(self._sequences.view[here], here)
        self._orphans = {int(moved[row]): parent for row, parent in self._orphans.items() if moved[row] >= 0}

    def _measured(self, row: int, vector: NDArray[np.float32], gain: float) -> None:
        if self._vectors.put(row, vector):
            self._gains.view[row] = gain

    def _fits(self, calibration: str) -> bool:
        return not self._calibration or not calibration or calibration == self._calibration


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: of what is read nothing refers to itself, and to look is a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
