"""A finding kept in git: <id>.json beside <id>.png (or .flac, .txt, .bin, .npy), and <id>.seed.png where it has one.

What a search found and the chain puts in place lies beside them too: <id>.blob-<digest>.png. So does the input with the
least difference from its seed: <id>.trimmed.png.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlfuzz.errors import StorageError
from mlfuzz.findings.finding import FileRef, Finding, dumps
from mlfuzz.findings.record import file_name, files_of, read_file, read_record
from mlfuzz.storage.durable import make_folder, write_atomic


def read_regression(path: Path) -> tuple[Finding, dict[str, bytes]]:
    """A regression's record, and its verified files by name. path: its .json.

    Raises CorruptRecordError, SchemaError: which file, and how to go on.
    """
    finding = read_record(path)
    return finding, {ref.file: read_file(path.parent, ref) for ref in files_of(finding)}


def write_regression(folder: Path, finding: Finding, files: Mapping[str, bytes]) -> Path:
    """Write a finding in its flat form, its record last; the record's path. What stands there is replaced.

    files: by the names that the finding uses. Raises StorageError where one is not given, DiskFullError.
    """
    named = {ref.file: _flat(finding, ref) for ref in files_of(finding)}
    if missing := [name for name in named if name not in files]:
        raise StorageError(f"finding {finding.id} names {', '.join(missing)}, which is not there")
    trimmed = finding.trimmed
    if trimmed is not None:
        trimmed = msgspec.structs.replace(trimmed, file=FileRef(named[trimmed.file.file], trimmed.file.sha256))
    flat = msgspec.structs.replace(
        finding,
        trimmed=trimmed,
        input=FileRef(named[finding.input.file], finding.input.sha256),
        seed=None if finding.seed is None else FileRef(named[finding.seed.file], finding.seed.sha256),
        blobs=tuple(FileRef(named[ref.file], ref.sha256) for ref in finding.blobs),
    )
    make_folder(folder)
    for name, flat_name in named.items():
        write_atomic(folder / flat_name, files[name])
    record = folder / f"{finding.id}.json"
    write_atomic(record, dumps(flat))
    return record


def _flat(finding: Finding, ref: FileRef) -> str:
    suffix = Path(file_name(ref.file, Path(finding.id))).suffix or ".bin"
    name = f"{finding.id}{_part(finding, ref)}{suffix}"
    return name if suffix != ".json" else f"{name}.txt"


def _part(finding: Finding, ref: FileRef) -> str:
    if ref in finding.blobs:
        return f".blob-{ref.sha256[:8]}"
    if finding.trimmed is not None and ref == finding.trimmed.file:
        return ".trimmed"
    return ".seed" if ref == finding.seed else ""
