"""Findings handed to somebody else: a folder each with its files and its script, or all of them in one zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlfuzz.errors import UsageError
from mlfuzz.findings.finding import dumps
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.findings.record import RECORD, SCRIPT, TRACEBACK
from mlfuzz.findings.repro import repro_script
from mlfuzz.storage.durable import make_folder, new_folder, write_atomic

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip can hold: the same findings then give the same bytes."""


def write_folder(found: Sequence[LocatedFinding], folder: Path) -> list[Path]:
    """A folder <id> for each finding in a new or empty folder; their paths.

    `mlfuzz replay FOLDER` runs them. Raises UsageError where the folder holds something, CorruptRecordError.
    """
    require_empty(folder)
    with new_folder(folder) as part:
        for name, data in _files(found):
            make_folder((part / name).parent)
            write_atomic(part / name, data, sync=False)
    return [folder / one.finding.id for one in found]


def write_zip(found: Sequence[LocatedFinding], path: Path) -> Path:
    """The same in one file. Raises CorruptRecordError, StorageError."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _files(found):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    make_folder(path.parent)
    write_atomic(path, content.getvalue())
    return path


def require_empty(folder: Path) -> None:
    """Raises UsageError: what is exported never mixes with what lies there."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not an empty folder; name another: --output")


def _files(found: Sequence[LocatedFinding]) -> Iterator[tuple[str, bytes]]:
    for one in found:
        finding = one.finding
        contents = {RECORD: dumps(finding), SCRIPT: repro_script(finding).encode(), **one.files()}
        trace = finding.evidence.get("traceback")
        if isinstance(trace, str) and trace:
            contents.setdefault(TRACEBACK, trace.encode("utf-8", "backslashreplace"))
        for name, data in contents.items():
            yield f"{finding.id}/{name}", data
