"""What a worker's life writes down as it happens: append-only, one writer a life, whole again after any kill.

journal/<life>/000001.mlj, 000002.mlj, ...: a segment is closed by its size or by `roll()` and never touched again; a
restart founds a new life. For reading, see `reader`; for the bytes, `frame`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from mlfuzz.errors import DiskFullError, StorageError
from mlfuzz.storage.durable import make_folder, open_new, remove, resize, sync_directory, sync_file, write_all, writing
from mlfuzz.storage.frame import MAX_BODY_BYTES, Kind, head, salt
from mlfuzz.storage.remedy import write_error
from mlfuzz.storage.workdir import Workdir

SCHEMA = "mlfuzz.journal/1"
SEGMENT_BYTES = 64 << 20

BACK = struct.Struct("<II")
"""How a header's body begins: how many bytes before its own frame those of its payload and vector begin; 0: none."""


class Opening(msgspec.Struct, frozen=True):
    """The body of a segment's first frame."""

    schema: str
    life: str = ""
    segment: int = 0
    mlfuzz: str = ""


class Place(NamedTuple):
    """Where a payload's frame begins."""

    life: str
    segment: int
    offset: int


class Item(NamedTuple):
    """One record to append."""

    header: bytes
    vector: bytes | None = None
    payload: bytes | None = None


class Journal:
    """The writer of one life.

    What `append` has returned from survives a kill -9; what `sync` has returned from survives a power cut. No buffer:
    one os.write an append, about 5 us.
    """

    def __init__(self, workdir: Workdir, life: str, *, segment_bytes: int = SEGMENT_BYTES, version: str = "") -> None:
        """Raises StorageError where the life has written before: a restart takes a new life."""
        self.life = life
        self._workdir = workdir
        self._segment_bytes = segment_bytes
        self._version = version
        make_folder(workdir.life(life), parents=False)
        if workdir.segments(life):
            raise StorageError(f"{workdir.life(life)} was written by an earlier run; a restart takes a new life")
        self.segment = 0
        self.end = 0
        self.closed = False
        self._lost: StorageError | None = None
        self._descriptor = -1
        self._named = False
        self._salt = 0
        self._begin()

    def append(self, header: bytes, *, vector: bytes | None = None, payload: bytes | None = None) -> Place:
        """Write one record, its header last: it is there whole or not at all. Where its payload lies, if it has one.

        Raises DiskFullError; the journal then ends where it ended before. StorageError after `close`.
        """
        return self.append_many([Item(header, vector, payload)])[0]

    def append_many(self, items: Sequence[Item]) -> list[Place]:
        """`append` for several in one write: a kill leaves a first part of them, each whole. Raises as `append`."""
        if self.closed:
            raise StorageError(f"the journal of {self.life} is closed")
        if self.end >= self._segment_bytes:
            self.roll()
        elif self._descriptor < 0:  # the disk was full when this segment should have begun
            self._begin()
        parts: list[bytes] = []
        places: list[Place] = []
        start = self.end
        for item in items:
            places.append(Place(self.life, self.segment, start))
            start += _frames(parts, item, self._salt)
        self._write(b"".join(parts))
        return places

    def sync(self) -> None:
        """Make what was appended survive a power cut (about 4 ms).

        Raises StorageError, and from then on always: the system forgets what it could not write, and would say yes.
        """
        if self._lost is not None:
            raise self._lost
        path = self._workdir.segment(self.life, self.segment)
        try:
            with writing(path):
                if self._descriptor >= 0:
                    sync_file(self._descriptor, data_only=True)
                if not self._named:
                    sync_directory(path.parent)
                    sync_directory(path.parent.parent)
                    self._named = True
        except StorageError as error:
            self._lost = error
            raise

    def roll(self) -> None:
        """Close this segment for good and begin the next one. Raises DiskFullError; it may then be tried again."""
        if self._descriptor >= 0:
            self._finish(b'{"last":false}')
        self._begin()

    def close(self) -> None:
        """End this life: a reader then waits for nothing more. May be called twice. Raises StorageError."""
        if self.closed:
            return
        self.closed = True
        if self._descriptor < 0:
            return
        if self._lost is not None:  # nobody shall take this life for one that ended well
            self._drop()
            return
        try:
            self._finish(b'{"last":true}')
        except DiskFullError:  # the close frame saves readers from waiting; all records are there without it
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        path = self._workdir.segment(self.life, self.segment + 1)
        with writing(path):
            self._descriptor = open_new(path)
        self.segment += 1
        self.end = 0
        self._named = False
        self._salt = salt(self.life, self.segment)
        body = msgspec.json.encode(Opening(SCHEMA, self.life, self.segment, self._version))
        try:
            self._write(head(Kind.OPEN, body, self._salt) + body)
        except StorageError:
            self._drop()
            self.segment -= 1
            with suppress(StorageError):
                remove(path)
            raise

    def _finish(self, body: bytes) -> None:
        self._write(head(Kind.CLOSE, body, self._salt) + body)
        try:
            self.sync()
        finally:
            self._drop()

    def _drop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            # Only bytes that nobody was promised are taken back, so that the next record follows a whole one.
            with suppress(OSError):
                resize(self._descriptor, self.end)
            raise write_error(self._workdir.segment(self.life, self.segment), error) from error
        self.end += len(data)


def segment_of(life: str, number: int, items: Sequence[Item], *, last: bool) -> bytes:
    """A whole segment with these records, closed: for whoever mends one."""
    key, parts = salt(life, number), list[bytes]()
    _frame(parts, Kind.OPEN, msgspec.json.encode(Opening(SCHEMA, life, number)), 0, key)
    for item in items:
        _frames(parts, item, key)
    _frame(parts, Kind.CLOSE, b'{"last":true}' if last else b'{"last":false}', 0, key)
    return b"".join(parts)


def _frames(parts: list[bytes], item: Item, key: int) -> int:
    """Append the frames of one record; their length."""
    header, vector, payload = item
    payload_at = _frame(parts, Kind.PAYLOAD, payload, 0, key)
    vector_at = _frame(parts, Kind.VECTOR, vector, payload_at, key)
    body = BACK.pack(vector_at if payload is not None else 0, vector_at - payload_at) + header
    return _frame(parts, Kind.HEADER, body, vector_at, key)


def _frame(parts: list[bytes], kind: Kind, body: bytes | None, before: int, key: int) -> int:
    if body is None:
        return before
    if len(body) > MAX_BODY_BYTES:
        raise StorageError(f"a record of {len(body)} bytes does not go into a journal; store it as a blob")
    first = head(kind, body, key)
    parts += (first, body)
    return before + len(first) + len(body)
