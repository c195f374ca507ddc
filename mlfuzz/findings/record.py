"""A finding's record and the files beside it, in whatever folder they lie."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from mlfuzz.errors import CorruptRecordError
from mlfuzz.findings.finding import FileRef, Finding, loads
from mlfuzz.storage.durable import read_regular

RECORD = "finding.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def read_record(path: Path) -> Finding:
    """The finding in a JSON file. Raises CorruptRecordError, SchemaError."""
    finding = loads(read_regular(path), str(path))
    for ref in files_of(finding):
        file_name(ref.file, path)
    return finding


def files_of(finding: Finding) -> tuple[FileRef, ...]:
    """The files a finding names: its input, its seed and its trimmed input where it has one, what its chain puts in."""
    seed = () if finding.seed is None else (finding.seed,)
    return (finding.input, *seed, *finding.blobs, *(() if finding.trimmed is None else (finding.trimmed.file,)))


def read_file(folder: Path, ref: FileRef) -> bytes:
    """The bytes of a file beside a record, exactly those the record was written for. Raises CorruptRecordError."""
    path = folder / file_name(ref.file, folder)
    data = read_regular(path)
    if digest(data) != ref.sha256:
        raise CorruptRecordError(
            f"{path} was edited or is damaged: its content is not what the record names; restore it, or save it anew"
        )
    return data


def file_name(name: str, origin: Path) -> str:
    """A name that stays in its folder. Raises CorruptRecordError: records are read from strangers too."""
    if not _NAME.fullmatch(name):
        raise CorruptRecordError(f"{origin}: {name!a} is no plain file name")
    return name


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, as records name it: 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
