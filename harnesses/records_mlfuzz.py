#!/usr/bin/env python3
"""mlfuzz's own record readers: journals, findings, checkpoints, payloads. The first byte says which.

Documented: StorageError, with CorruptRecordError and SchemaError below it (mlfuzz.storage.reader,
mlfuzz.findings.record, mlfuzz.storage.checkpoint, mlfuzz.modality.raw).
"""

import contextlib
import hashlib
import importlib
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HARNESS = {
    "name": "records_mlfuzz",
    "about": "mlfuzz's own readers of records",
    "instrument": ["mlfuzz.storage", "mlfuzz.findings", "mlfuzz.modality"],
    "preload": [
        "mlfuzz.storage.reader", "mlfuzz.storage.frame", "mlfuzz.storage.checkpoint", "mlfuzz.findings.finding",
        "mlfuzz.findings.record", "mlfuzz.modality.raw",
    ],
    "seeds": "corpus/seeds/code/records_mlfuzz",
    "dictionary": "corpus/seeds/code/records_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.StorageError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 4096,
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

from mlfuzz.errors import StorageError
from mlfuzz.findings import finding, record
from mlfuzz.modality import raw
from mlfuzz.storage import checkpoint, reader
from mlfuzz.storage.frame import HEAD_BYTES, MAGIC, Kind, head, matches, read_head, salt

LIFE = "w0-1-abcdef"


class OneSegment:
    """A campaign's directory as the reader sees it: one life with one segment, which lies in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def segments(self, life: str) -> list[int]:
        return [1]

    def segment(self, life: str, number: int) -> Path:
        return self.path


reader.quarantine = lambda *arguments: None  # it writes files for people; what is under test is the reading


@contextmanager
def in_memory(content: bytes) -> Iterator[Path]:
    descriptor = os.memfd_create("input")
    try:
        os.write(descriptor, content)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def framed(content: bytes) -> bytes:
    """Kind (u8), length (u8), body, again and again -> as frames with right checksums, which no chance finds."""
    key, at, frames = salt(LIFE, 1), 0, b""
    while at + 2 <= len(content):
        kind, end = content[at], at + 2 + content[at + 1]
        body = content[at + 2 : end]
        frames, at = frames + head(kind, body, key) + body, end
    return frames


def journal(content: bytes) -> None:
    """Records are whole ones of these bytes, their checksums right; what is cut off takes only the last ones away."""
    whole, frames = journal_of(content), frames_of(content)
    for header, vector, payload in whole:
        assert header in frames[Kind.HEADER], "a header that no checksum holds"
        assert vector is None or vector in frames[Kind.VECTOR], "a vector that no checksum holds"
        assert payload is None or payload in frames[Kind.PAYLOAD], "a payload that no checksum holds"
    if content:
        cut = content[: zlib.crc32(content) % len(content)]
        assert whole[: len(journal_of(cut))] == journal_of(cut), "cut short, it has other records"


def journal_of(content: bytes) -> list[tuple[bytes, bytes | None, bytes | None]]:
    with in_memory(content) as path:
        workdir = OneSegment(path)
        reading = reader.Reader(workdir, LIFE)
        found = [
            (one.header, one.vector, None if one.payload is None else reader.load_payload(workdir, one.payload))
            for one in reading.read()
        ]
        assert list(reading.read()) == [], "a record that comes twice"
        assert 0 <= reading.pending <= len(content), "more that is pending than there is"
        assert all(0 <= one.length <= len(content) for one in reading.damaged), "more damage than there is"
        return found


def frames_of(content: bytes) -> dict[int, set[bytes]]:
    """Bodies by kind at every place where both checksums are right; of headers without their two lengths."""
    key, at = salt(LIFE, 1), content.find(MAGIC)
    frames: dict[int, set[bytes]] = {kind: set() for kind in Kind}
    while 0 <= at <= len(content) - HEAD_BYTES:
        found = read_head(content, at, key)
        body = b"" if found is None else content[at + HEAD_BYTES : at + HEAD_BYTES + found.length]
        if found is not None and matches(body, found, key) and found.kind in frames:
            frames[found.kind].add(body[8:] if found.kind == Kind.HEADER else body)
        at = content.find(MAGIC, at + 1)
    return frames


def findings(content: bytes) -> None:
    found = finding.loads(content)
    for ref in record.files_of(found):
        record.file_name(ref.file, Path("finding.json"))
    assert finding.loads(finding.dumps(found)) == found, "written and read again, it differs"


def state(content: bytes) -> None:
    """A checkpoint under a right checksum, which no chance finds; bytes, since the reader follows no link."""
    signed = content + b"mlfuzz sha256 " + hashlib.sha256(content).hexdigest().encode()
    checkpoint.read_regular = lambda path: signed
    found = checkpoint.read_checkpoint(Path("state.npz"))
    assert not any(array.dtype.hasobject for array in found.arrays.values()), "an array of objects, unpickled"


READERS = {b"j": journal, b"J": lambda content: journal(framed(content)), b"f": findings, b"c": state, b"p": raw.loads}


def fuzz(data: bytes) -> None:
    if data[:1] in READERS:
        READERS[data[:1]](data[1:])


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(StorageError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
