"""Reading journals, one's own of before and others' as they grow: whole records only, damage never silent."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from mlfuzz.decoding import json_as
from mlfuzz.errors import CorruptRecordError, SchemaError, StorageError
from mlfuzz.storage.durable import open_regular
from mlfuzz.storage.frame import CHECKED_BYTES, HEAD, HEAD_BYTES, MAGIC, Kind, matches, next_head, read_head, salt
from mlfuzz.storage.journal import BACK, SCHEMA, Opening, Place
from mlfuzz.storage.quarantine import quarantine
from mlfuzz.storage.workdir import Workdir

CHUNK_BYTES = 1 << 20
_PAYLOAD, _VECTOR, _HEADER = int(Kind.PAYLOAD), int(Kind.VECTOR), int(Kind.HEADER)


class Record(NamedTuple):
    """One record, verified. vector: None where it has none, or where it is damaged (then `Reader.damaged` has it).
    payload: where to load it from, None where it has none."""

    life: str
    header: bytes
    vector: bytes | None
    payload: Place | None


class Damage(NamedTuple):
    """Bytes of a segment that are no whole frame though one follows."""

    path: Path
    offset: int
    length: int
    reason: str


class Reader:
    """Reads the records of one life, again and again as it grows.

    verify: also read and verify the payloads, else they are skipped and verified when they are loaded.
    pending: bytes of a last frame that is not whole: not yet written by a life that goes on, never acknowledged by one
    that was killed. ended: the life has closed its journal. damaged: all that was met so far.
    """

    def __init__(self, workdir: Workdir, life: str, *, verify: bool = True) -> None:
        self.life = life
        self.damaged: list[Damage] = []
        self.pending = 0
        self.ended = False
        self._workdir = workdir
        self._verify = verify
        self._segment = 0
        self._position = 0
        self._salt = 0
        self._closed = True
        self._payload_at = -1
        self._vector_at = -1
        self._vector = b""

    def read(self) -> Iterator[Record]:
        """All records since the last call. Raises SchemaError; StorageError where the life's folder cannot be read.

        A record with a damaged payload or header is left out; the bytes are copied to quarantine/ with the reason.
        """
        following = self._following()
        yield from self._read_segment(complete=following is not None)
        while following is not None:
            self._begin(following)
            # Asked before reading: where there is a later segment, this one is known to be complete.
            following = self._following()
            yield from self._read_segment(complete=following is not None)

    def _following(self) -> int | None:
        return min((number for number in self._workdir.segments(self.life) if number > self._segment), default=None)

    def _begin(self, number: int) -> None:
        for missing in range(self._segment + 1, number):
            self.damaged.append(Damage(self._workdir.segment(self.life, missing), 0, 0, "the segment is missing"))
        self._segment, self._position, self._closed = number, 0, False
        self._salt = salt(self.life, number)
        self._payload_at = self._vector_at = -1

    def read_one(self, number: int, *, complete: bool) -> Iterator[Record]:
        """The records of one segment, by whoever looks after segments. complete: a later one follows it."""
        self._segment = number - 1
        self._begin(number)
        yield from self._read_segment(complete=complete)

    def _read_segment(self, *, complete: bool) -> Iterator[Record]:
        if self._closed:
            return
        path = self._workdir.segment(self.life, self._segment)
        try:
            with open_regular(path) as descriptor:
                yield from self._records(descriptor, complete)
        except SchemaError:
            raise
        except OSError as error:
            self._unreadable(Damage(path, self._position, 0, f"cannot be read: {error.strerror}"))
        except StorageError as error:
            reason = str(error).removeprefix(f"{path} ").partition(";")[0]
            self._unreadable(Damage(path, self._position, 0, reason))

    def _unreadable(self, damage: Damage) -> None:
        """One segment that cannot be read stops none of the others; it is tried again with the next call."""
        if damage not in self.damaged[-1:]:
            self.damaged.append(damage)

    def _records(self, descriptor: int, complete: bool) -> Iterator[Record]:
        """One pass to the end of the file as it is now. Written flat: this loop runs for every frame there is.

        `self._position` only moves past whole records: a writer that runs out of disk takes back the payload of one
        that it could not finish, and writes another in its place.
        """
        size = os.fstat(descriptor).st_size
        position = base = self._position
        chunk = b""
        key, skipped, crc32, unpack = self._salt, -1 if self._verify else _PAYLOAD, zlib.crc32, HEAD.unpack_from
        while position < size:
            at = position - base
            if at + HEAD_BYTES > len(chunk):
                chunk, base, at = os.pread(descriptor, CHUNK_BYTES, position), position, 0
            whole = False
            if at + HEAD_BYTES <= len(chunk):
                magic, kind, length, crc, check = unpack(chunk, at)
                if magic == MAGIC and crc32(chunk[at : at + CHECKED_BYTES], key) == check:
                    end = position + HEAD_BYTES + length
                    whole = end <= size
                    if whole and kind != skipped:
                        if end - base > len(chunk):
                            chunk, base, at = (
                                os.pread(descriptor, max(CHUNK_BYTES, end - position), position),
                                position,
                                0,
                            )
                        body = chunk[at + HEAD_BYTES : at + HEAD_BYTES + length]
                        whole = crc32(body, key) == crc and len(body) == length
            if not whole:
                found = self._next_whole(descriptor, position, size, complete)
                if found < 0:
                    return
                self._position = position = found
                continue
            start, position = position, end
            if kind == _PAYLOAD:
                self._payload_at = start
            elif kind == _VECTOR:
                self._vector_at, self._vector = start, body
            elif kind == _HEADER:
                self._position = end
                record = self._record(body, start)
                if record is not None:
                    yield record
            elif kind == Kind.CLOSE:
                self._position = end
                self._closed, self.ended, self.pending = True, b"true" in body, 0
                return
            else:
                self._position = end
                if kind == Kind.OPEN:
                    self._opened(body)
        self.pending = size - self._position
        if complete:
            self._lost(position, 0, "the segment ends without its close")

    def _record(self, body: bytes, start: int) -> Record | None:
        if len(body) < BACK.size:
            self._lost(start, HEAD_BYTES + len(body), "a header that is too short", body)
            return None
        to_payload, to_vector = BACK.unpack_from(body)
        if to_payload and self._payload_at != start - to_payload:
            return None  # its payload was skipped as damaged
        vector = self._vector if to_vector and self._vector_at == start - to_vector else None
        payload = Place(self.life, self._segment, self._payload_at) if to_payload else None
        return Record(self.life, body[BACK.size :], vector, payload)

    def _next_whole(self, descriptor: int, position: int, size: int, complete: bool) -> int:
        """Where the next undamaged frame begins; -1 where none follows.

        What is passed over is damage, except at the end of a life's last segment: that may be a frame not yet whole.
        """
        rest = os.pread(descriptor, size - position, position)
        found = next_head(rest, 1, self._salt)
        if found < 0 and not complete:
            self.pending = size - self._position
            return -1
        length = found if found >= 0 else len(rest)
        self._lost(position, length, "a damaged frame", rest[:length])
        return position + found if found >= 0 else -1

    def _lost(self, offset: int, length: int, reason: str, data: bytes = b"") -> None:
        damage = Damage(self._workdir.segment(self.life, self._segment), offset, length, reason)
        self.damaged.append(damage)
        quarantine(self._workdir, f"{self.life}-{self._segment:06d}-{offset}", data, f"{damage.path}: {reason}")

    def _opened(self, body: bytes) -> None:
        path = self._workdir.segment(self.life, self._segment)
        try:
            schema = json_as(body, Opening).schema
        except msgspec.DecodeError as error:
            raise SchemaError(f"{path}: {error}") from error
        if schema != SCHEMA:
            raise SchemaError(
                f"{path} has schema {schema!r}, this mlfuzz reads {SCHEMA!r}; use the mlfuzz that wrote it"
            )


def is_begun(workdir: Workdir) -> bool:
    """Whether a campaign has kept anything yet: a record, even a damaged one, or a finding.

    One that has not owes nothing to what it was started with: its target may not even have loaded.
    Raises SchemaError, StorageError.
    """
    if not workdir.is_campaign:
        return False
    if workdir.findings.is_dir() and any(workdir.findings.iterdir()):
        return True
    readers = [Reader(workdir, life, verify=False) for life in workdir.lives()]
    return any(next(reader.read(), None) is not None or reader.damaged for reader in readers)


def load_payload(workdir: Workdir, place: Place) -> bytes:
    """The payload that a record names. Raises CorruptRecordError with file and offset."""
    path = workdir.segment(place.life, place.segment)
    try:
        with open_regular(path) as descriptor:
            start = os.pread(descriptor, 4096, place.offset)
            key = salt(place.life, place.segment)
            head = read_head(start, 0, key) if len(start) >= HEAD_BYTES else None
            if head is not None and head.kind == Kind.PAYLOAD:
                body = start[HEAD_BYTES : HEAD_BYTES + head.length]
                if len(body) < head.length:
                    body += os.pread(descriptor, head.length - len(body), place.offset + HEAD_BYTES + len(body))
                if matches(body, head, key):
                    return body
    except OSError as error:
        raise CorruptRecordError(f"{path} cannot be read at {place.offset}: {error.strerror}") from error
    except StorageError as error:
        raise CorruptRecordError(f"{path} cannot be read at {place.offset}: {error}") from error
    raise CorruptRecordError(
        f"{path}: the record at {place.offset} is damaged; mlfuzz campaign verify {workdir.name} counts all such"
    )
