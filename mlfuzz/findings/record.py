"""A finding's record and the files beside it, in whatever folder they lie."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlfuzz.errors import CorruptRecordError
from mlfuzz.findings.finding import FileRef, Finding, loads
from mlfuzz.storage.durable import read_regular
from mlfuzz.storage.names import DIGEST, ID, MOST_BYTES, is_file_name

RECORD = "finding.json"
SCRIPT = "repro.py"
TRACEBACK = "traceback.txt"
WRITTEN = frozenset({RECORD, SCRIPT, TRACEBACK})
"""Names in a finding's folder that its files cannot have: what is written there is made from the record."""


def read_record(path: Path) -> Finding:
    """The finding in a JSON file. Raises CorruptRecordError, SchemaError.

    Records come from strangers too: whatever of one becomes a path is judged here, and stays in its folder.
    """
    finding = loads(read_regular(path), str(path))
    if problem := _leading_out(finding):
        raise CorruptRecordError(
            f"{path}: {problem}; it was edited or made to do harm: take it from where it was found"
        )
    for ref in files_of(finding):
        file_name(ref.file, path)
    return finding


def _leading_out(finding: Finding) -> str:
    if not ID.fullmatch(finding.id):
        return f"its id {finding.id[:80]!a} is not 8 to 64 of 0-9, a-f"
    for what, name in (("target", finding.target), ("label", finding.label or "")):
        if len(name.encode("utf-8", "replace")) > MOST_BYTES:
            return f"its {what} {name[:40]!a}... is too long to name a folder, {MOST_BYTES} bytes at most"
    for ref in files_of(finding):
        if not DIGEST.fullmatch(ref.sha256):
            return f"{ref.file[:80]!a} has {ref.sha256[:80]!a} for a SHA-256"
        if ref.file in WRITTEN:
            return f"it names {ref.file} as a file of its own"
    return ""


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
    if not is_file_name(name):
        raise CorruptRecordError(f"{origin}: {name[:200]!a} is no plain file name")
    return name


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, as records name it: 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
