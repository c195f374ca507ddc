"""The findings of one campaign: a folder each, created once, changed in one step, durable at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from mlfuzz.errors import CorruptRecordError, DiskFullError, StorageError, UsageError
from mlfuzz.findings.finding import FileRef, Finding, dumps
from mlfuzz.findings.record import RECORD, SCRIPT, TRACEBACK, digest, file_name, files_of, read_file, read_record
from mlfuzz.findings.repro import repro_script
from mlfuzz.storage.durable import (
    make_folder,
    make_new_folder,
    open_shared,
    remove,
    remove_folder,
    rename,
    sync_directory,
    sync_path,
    write_atomic,
    write_new,
    writing,
)
from mlfuzz.storage.names import ID
from mlfuzz.storage.parts import part_name
from mlfuzz.storage.reserve import Reserve

_LOCK = ".lock"

GATHERED = ("paths", "path_keys", "seen", "variants")
"""Facts in a finding's evidence that grow while a campaign runs, whatever its verdict."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A finding that cannot be read, and why."""

    path: Path
    reason: str


Items: TypeAlias = list[Finding | Damaged]
Saved: TypeAlias = Sequence[tuple[Finding, Mapping[str, bytes]]]


class FindingStore:
    """findings/<id>/ with finding.json, the input, the seed, repro.py and, of exceptions, traceback.txt.

    reserve: given up when the disk is full, so that what was found just then is saved all the same.
    """

    def __init__(self, directory: Path, *, reserve: Reserve | None = None) -> None:
        self.directory = directory
        self._reserve = reserve

    def save(self, finding: Finding, files: Mapping[str, bytes]) -> bool:
        """Write a new finding and its files; False where its id is there already. It appears whole, and durable.

        Raises DiskFullError, StorageError where a file that it names is not given or is another.
        """
        return self.save_many([(finding, files)]) == 1

    def save_many(self, found: Saved, *, sync: bool = True) -> int:
        """`save` for several, which the disk may take together; how many were new.

        sync: False for candidates of a running loop (a sync is 5 ms): they survive a kill; see `sync`.
        """
        fresh = {finding.id: (finding, files) for finding, files in reversed(found) if finding.id not in self}
        for finding, files in fresh.values():
            _check(finding, files)
        try:
            return self._write([fresh[finding_id] for finding_id in sorted(fresh)], sync=sync)
        except DiskFullError:
            if self._reserve is None or not self._reserve.release():
                raise
            return self._write([fresh[finding_id] for finding_id in sorted(fresh)], sync=sync)

    def update(self, finding: Finding, files: Mapping[str, bytes] = {}) -> None:
        """Replace a finding's record in one step. files: new ones that it names, under names not used before; those
        that only the old record named are removed afterwards.

        Triage, note and what was gathered stay as they are (`annotate`, `gather`): they may come in between.
        Raises DiskFullError; StorageError where a verdict would go back to candidate or a file is missing.
        """
        with self._alone():
            current = self.load(finding.id)
            if current.verdict != "candidate" and finding.verdict == "candidate":
                raise StorageError(
                    f"finding {finding.id} is {current.verdict} already; load it again before changing it"
                )
            changed = msgspec.structs.replace(finding, triage=current.triage, note=current.note)
            gathered = {name: current.evidence[name] for name in GATHERED if name in current.evidence}
            if gathered:
                evidence = {**changed.evidence, **gathered}
                changed = msgspec.structs.replace(changed, evidence=evidence, blobs=current.blobs)
            self._replace(current, changed, files)

    def annotate(self, finding_id: str, **fields: str) -> Finding:
        """Change single fields (triage, note) of a finding as it stands now; the changed one."""
        with self._alone():
            current = self.load(finding_id)
            changed = msgspec.structs.replace(current, **fields)
            self._replace(current, changed, {})
        return changed

    def gather(self, finding_id: str, evidence: Mapping[str, Any], files: Mapping[FileRef, bytes]) -> None:
        """Put facts of `GATHERED` into a finding's evidence as it stands now, and examples beside it."""
        with self._alone():
            current = self.load(finding_id)
            blobs = tuple(dict.fromkeys((*current.blobs, *files)))
            changed = msgspec.structs.replace(current, evidence={**current.evidence, **evidence}, blobs=blobs)
            self._replace(current, changed, {ref.file: data for ref, data in files.items()})

    def load(self, finding_id: str) -> Finding:
        """Raises CorruptRecordError, SchemaError, UsageError for what is no id."""
        path = self.folder(finding_id) / RECORD
        finding = read_record(path)
        if finding.id != finding_id:
            raise CorruptRecordError(f"{path} is the record of {finding.id}: its folder was renamed, or it was edited")
        return finding

    def bytes_of(self, finding: Finding, ref: FileRef) -> bytes:
        """A file of a finding. Raises CorruptRecordError where it is missing, edited or damaged."""
        return read_file(self.folder(finding.id), ref)

    def folder(self, finding_id: str) -> Path:
        """Where a finding lies or would lie. Raises UsageError for what is no id."""
        if not ID.fullmatch(finding_id):
            raise UsageError(f"{finding_id!a} is no id of a finding: 8 to 64 of 0-9, a-f")
        return self.directory / finding_id

    def __contains__(self, finding_id: str) -> bool:
        return self.folder(finding_id).is_dir()

    def ids(self) -> list[str]:
        """Of all findings, sorted; reads no record. [] where the folder cannot be read: `list` says so."""
        with suppress(OSError):
            return sorted(name for name in os.listdir(self.directory) if ID.fullmatch(name))
        return []

    def list(self) -> Items:
        """All findings by id; one that cannot be read stands there as Damaged and stops nobody."""
        try:
            os.listdir(self.directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            return [Damaged(self.directory, f"{self.directory} cannot be read: {error.strerror}")]
        return [self.item(finding_id) for finding_id in self.ids()]

    def records(self) -> Iterator[Finding]:
        """The findings that can be read, by id; see `list` for those that cannot."""
        return (item for item in self.list() if isinstance(item, Finding))

    def resolve(self, prefix: str) -> str:
        """The one id that begins so. Raises UsageError with those there are."""
        return unique(prefix, self.ids(), str(self.directory))

    def item(self, finding_id: str) -> Finding | Damaged:
        """One finding, as `list` has it."""
        try:
            return self.load(finding_id)
        except StorageError as error:
            return Damaged(self.folder(finding_id) / RECORD, str(error))

    def sync(self, finding_id: str) -> None:
        """Make a finding survive a power cut. Raises StorageError."""
        with writing(self.directory):
            _sync_folder(self.folder(finding_id))
            sync_directory(self.directory)

    def _write(self, found: Saved, *, sync: bool) -> int:
        """All files first, then all syncs, so that the disk may take them together."""
        parts: list[tuple[Path, Path]] = []
        with writing(self.directory):
            try:
                make_folder(self.directory, parents=False)
                for finding, files in found:
                    part = part_name(self.directory / finding.id)
                    parts.append((part, self.directory / finding.id))
                    make_new_folder(part)
                    for name, data in _contents(finding, files).items():
                        write_new(part / name, data, sync=False)
                for part, _ in parts if sync else ():
                    _sync_folder(part)
                saved = sum(_renamed(part, path) for part, path in parts)
                if sync:
                    sync_directory(self.directory)
            finally:
                for part, _ in parts:
                    remove_folder(part)
        return saved

    def _replace(self, current: Finding, changed: Finding, files: Mapping[str, bytes]) -> None:
        folder = self.folder(changed.id)
        _check(changed, files, folder)
        for name, data in files.items():
            write_atomic(folder / file_name(name, folder), data)
        write_atomic(folder / SCRIPT, repro_script(changed).encode(), sync=False)
        write_atomic(folder / RECORD, dumps(changed))
        kept = {ref.file for ref in files_of(changed)}
        for ref in files_of(current):
            if ref.file not in kept:
                remove(folder / ref.file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time: a probe's verdict and a person's triage may come at once."""
        with writing(self.directory):
            descriptor = open_shared(self.directory / _LOCK)
        try:
            with writing(self.directory / _LOCK):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def read(path: Path) -> tuple[Finding, dict[str, bytes]]:
    """A finding and its verified files by name. path: its folder, or its record.

    Raises CorruptRecordError, SchemaError.
    """
    record = path / RECORD if path.is_dir() else path
    finding = read_record(record)
    return finding, {ref.file: read_file(record.parent, ref) for ref in files_of(finding)}


def unique(prefix: str, ids: Sequence[str], where: str) -> str:
    """The one of `ids` that begins with `prefix`. Raises UsageError with the candidates."""
    if prefix in ids:
        return prefix
    found = sorted({one for one in ids if prefix and one.startswith(prefix)})
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{prefix!a} is the beginning of {len(found)} findings: {', '.join(found[:8])}; write more of it"
        )
    raise UsageError(f"no finding {prefix!a} in {where}; mlfuzz findings list shows what there is")


def _contents(finding: Finding, files: Mapping[str, bytes]) -> dict[str, bytes]:
    contents = {RECORD: dumps(finding), SCRIPT: repro_script(finding).encode(), **files}
    trace = finding.evidence.get("traceback")
    if isinstance(trace, str) and trace:
        contents.setdefault(TRACEBACK, trace.encode("utf-8", "backslashreplace"))
    return contents


def _check(finding: Finding, files: Mapping[str, bytes], folder: Path | None = None) -> None:
    for name in files:
        if file_name(name, Path(finding.id)) == RECORD:
            raise StorageError(f"finding {finding.id}: {RECORD} is written by the store")
    for ref in files_of(finding):
        file_name(ref.file, Path(finding.id))
        if ref.file not in files:
            if folder is None or not (folder / ref.file).is_file():
                raise StorageError(f"finding {finding.id} names {ref.file}, which is not there")
        elif digest(files[ref.file]) != ref.sha256:
            raise StorageError(f"finding {finding.id} names another {ref.file} than the one given")


def _sync_folder(folder: Path) -> None:
    for path in folder.iterdir():
        sync_path(path)
    sync_directory(folder)


def _renamed(part: Path, path: Path) -> bool:
    try:
        rename(part, path)
    except OSError:
        if path.is_dir():
            return False
        raise
    return True
