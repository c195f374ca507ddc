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
from mlfuzz.storage import reader
from mlfuzz.storage.checkpoint import read_checkpoint
from mlfuzz.storage.frame import head, salt

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
    with in_memory(content) as path:
        reading = reader.Reader(OneSegment(path), LIFE)
        for one in reading.read():
            assert one.life == LIFE, "a record of another life"
        assert all(damage.length >= 0 for damage in reading.damaged), "damage of negative length"


def findings(content: bytes) -> None:
    found = finding.loads(content)
    for ref in record.files_of(found):
        record.file_name(ref.file, Path("finding.json"))
    assert finding.loads(finding.dumps(found)) == found, "written and read again, it differs"


def checkpoint(content: bytes) -> None:
    with in_memory(content + b"mlfuzz sha256 " + hashlib.sha256(content).hexdigest().encode()) as path:
        read_checkpoint(path)


READERS = {
    b"j": journal,
    b"J": lambda content: journal(framed(content)),
    b"f": findings,
    b"c": checkpoint,
    b"p": raw.loads,
}


def fuzz(data: bytes) -> None:
    if data[:1] in READERS:
        READERS[data[:1]](data[1:])


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(StorageError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
