"""Looks at all truth of a campaign: each record of its journals, each finding's files, what is named by its content."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from mlfuzz.corpus import entry as records
from mlfuzz.corpus.entry import EntryRow
from mlfuzz.decoding import json_as
from mlfuzz.errors import CorruptRecordError, SchemaError, StorageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.record import files_of, read_file
from mlfuzz.findings.store import Damaged, FindingStore
from mlfuzz.integrity.losses import Integrity, Loss, What
from mlfuzz.progress import read_stats
from mlfuzz.storage.derived import read_derived
from mlfuzz.storage.durable import read_regular, write_atomic
from mlfuzz.storage.reader import Reader
from mlfuzz.storage.sealed import require_sealed
from mlfuzz.storage.workdir import Workdir

SCHEMA = "mlfuzz.verified/1"

INPUTS = "corpus-"
"""How the folders of harnesses' working corpora begin, below `derived`."""

_SHA1 = re.compile(r"[0-9a-f]{40}")
_BLOB = b'"blob":"'


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was found in one segment. blobs: that its records name."""

    entries: int = 0
    losses: tuple[Loss, ...] = ()
    pending: int = 0
    blobs: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, array_like=True):
    """A file as it was when it was looked at, and what was found."""

    size: int
    changed: int
    found: Segment


class _Verified(msgspec.Struct, frozen=True):
    schema: str
    files: dict[str, _File]


def inspect(workdir: Workdir, *, afresh: bool = False) -> Integrity:
    """All that is damaged, or gone. afresh: read again what has not changed since it was read last.

    What was found is kept in `derived`, by size and time of the files: to ask again costs little.
    """
    look = _Look(workdir, {} if afresh else _known(workdir))
    expected = _expected(workdir)  # before the journals: a running campaign writes these first
    entries, pending, named = 0, {}, dict[str, str]()
    for life in _lives(look):
        for path, segment in look.segments(life):
            entries += segment.entries
            look.losses += segment.losses
            named |= dict.fromkeys(segment.blobs, path)
            if segment.pending:
                pending[path] = segment.pending
    blobs, findings, inputs = _blobs(look, named), _findings(look), _inputs(look)
    _calibrations(look)
    look.file(workdir.config, "configuration", _require_toml)
    look.keep()
    return Integrity(
        campaign=workdir.name, losses=sorted(look.losses, key=lambda loss: (loss.path, loss.offset)),
        gone=max(0, expected - entries), pending=pending, entries=entries, blobs=blobs, findings=findings,
        inputs=inputs,
    )  # fmt: skip


class _Look:
    """Files are read once, until they change."""

    def __init__(self, workdir: Workdir, known: dict[str, _File]) -> None:
        self.workdir, self.losses = workdir, list[Loss]()
        self._known, self._now = known, dict[str, _File]()

    def segments(self, life: str) -> Iterator[tuple[str, Segment]]:
        """Each segment of a life, those that are missing among them."""
        try:
            numbers = self.workdir.segments(life)
        except StorageError as error:
            self.lose("journal", self.workdir.life(life), str(error))
            return
        for number in range(1, max(numbers, default=0) + 1):
            path, last = self.workdir.segment(life, number), number == numbers[-1]
            if number in numbers:
                found = self._once(path, lambda life=life, number=number, last=last: self._segment(life, number, last))  # type: ignore[misc]
            else:
                found = Segment(losses=(Loss("journal", self._name(path), "the segment is missing"),))
            yield self._name(path), found

    def file(self, path: Path, what: What, check: Callable[[Path], object]) -> bool:
        """Whether a file is whole; one that is not there is. check: raises StorageError."""
        if not os.path.lexists(path):
            return True

        def look() -> Segment:
            try:
                check(path)
            except StorageError as error:
                return Segment(losses=(self._loss(what, path, error),))
            return Segment()

        found = self._once(path, look)
        self.losses += found.losses
        return not found.losses

    def lose(self, what: What, path: Path, reason: str) -> None:
        self.losses.append(Loss(what, self._name(path), _short(reason, path)))

    def keep(self) -> None:
        """For the next time; what cannot be written costs time then, and nothing else."""
        if self._now == self._known or not self._now:
            return
        with suppress(StorageError, OSError):
            document = msgspec.json.encode(_Verified(SCHEMA, self._now))
            write_atomic(self.workdir.verified, document, sync=False)

    def _segment(self, life: str, number: int, last: bool) -> Segment:
        reader, path = Reader(self.workdir, life), self.workdir.segment(life, number)
        entries, blobs, strange = 0, list[str](), list[Loss]()
        try:
            for record in reader.read_one(number, complete=not last):
                try:
                    row = records.glance(record.header)
                    if isinstance(row, EntryRow):
                        entries += 1
                        if _BLOB in record.header:
                            blobs += [blob] if (blob := records.loads(record.header).blob) else []
                except msgspec.DecodeError as error:
                    strange.append(Loss("journal", self._name(path), f"a record: {error}", unreadable=True))
        except StorageError as error:
            strange.append(self._loss("journal", path, error))
        damaged = [Loss("journal", self._name(path), one.reason, one.offset, one.length) for one in reader.damaged]
        return Segment(entries, (*damaged, *strange), reader.pending, tuple(dict.fromkeys(blobs)))

    def _once(self, path: Path, look: Callable[[], Segment]) -> Segment:
        name = self._name(path)
        try:
            status = path.lstat()
        except OSError:
            return look()
        known = self._known.get(name)
        if known is None or (known.size, known.changed) != (status.st_size, status.st_mtime_ns ^ status.st_ino):
            known = _File(status.st_size, status.st_mtime_ns ^ status.st_ino, look())
        self._now[name] = known
        return known.found

    def _loss(self, what: What, path: Path, error: StorageError) -> Loss:
        return Loss(what, self._name(path), _short(str(error), path), unreadable=isinstance(error, SchemaError))

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.workdir.root))


def is_input_folder(path: Path) -> bool:
    """Whether it is the working corpus of a harness."""
    return path.name.startswith(INPUTS) and path.is_dir()


def input_folders(workdir: Workdir) -> list[Path]:
    """The working corpora of a campaign of harnesses."""
    try:
        return sorted(path for path in workdir.derived.iterdir() if is_input_folder(path))
    except OSError:
        return []


def require_input(path: Path) -> None:
    """Raises StorageError where a file of a working corpus is not what its name says."""
    data = read_regular(path)
    if hashlib.sha1(data, usedforsecurity=False).hexdigest() != path.name:
        raise CorruptRecordError(f"{path} is damaged: its content is not what its name says")


def _lives(look: _Look) -> list[str]:
    try:
        for path in look.workdir.journal.iterdir():
            if not path.is_dir():
                look.lose("journal", path, "it is no folder of a life")
        return look.workdir.lives()
    except (StorageError, OSError) as error:
        look.lose("journal", look.workdir.journal, str(error))
        return []


def _blobs(look: _Look, named: dict[str, str]) -> int:
    """How many are whole. named: by records, and in which segment."""
    workdir = look.workdir
    stored = {path.name: path for path in workdir.blobs.glob("*/*") if not path.name.startswith(".")}
    whole = sum(look.file(path, "blob", _require_content) for path in stored.values())
    for digest in sorted(named.keys() - stored.keys()):
        look.lose("blob", workdir.blob(digest), f"it is missing; {named[digest]} names it")
    return whole


def _findings(look: _Look) -> int:
    store, whole = FindingStore(look.workdir.findings), 0
    for item in store.list():
        if isinstance(item, Damaged):
            look.lose("finding", item.path, item.reason)
        else:
            whole += _files_are_whole(look, store, item)
    return whole


def _files_are_whole(look: _Look, store: FindingStore, finding: Finding) -> bool:
    folder = store.folder(finding.id)
    whole = True
    for ref in files_of(finding):
        path = folder / ref.file
        if os.path.lexists(path):
            whole &= look.file(path, "finding", lambda _, ref=ref: read_file(folder, ref))  # type: ignore[misc]
        else:
            whole = False
            look.lose("finding", path, "it is missing")
    return whole


def _inputs(look: _Look) -> int:
    return sum(
        look.file(path, "input", require_input)
        for folder in input_folders(look.workdir)
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and (_SHA1.fullmatch(path.name) or path.is_file())
    )


def _calibrations(look: _Look) -> None:
    for path in sorted((look.workdir.root / "calibration").glob("*.npz")):
        look.file(path, "calibration", lambda path: require_sealed(path, read_regular(path)))


def _require_content(path: Path) -> None:
    if hashlib.sha256(read_regular(path)).hexdigest() != path.name:
        raise CorruptRecordError(f"{path} is damaged: its content is not what its name says")


def _require_toml(path: Path) -> None:
    try:
        tomllib.loads(read_regular(path).decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CorruptRecordError(f"{path} is damaged: {error}") from error


def _expected(workdir: Workdir) -> int:
    """Entries of a model's campaign that its figures know of; 0 where they cannot be read, or count inputs."""
    stats = read_derived(workdir.stats, read_stats)
    return stats.entries if stats is not None and stats.target.get("side") != "code" else 0


def _known(workdir: Workdir) -> dict[str, _File]:
    with suppress(StorageError, msgspec.DecodeError):
        verified = json_as(read_regular(workdir.verified), _Verified)
        if verified.schema == SCHEMA:
            return verified.files
    return {}


def _short(reason: str, path: Path) -> str:
    """Without the path, which stands beside it, and without what to do."""
    return reason.removeprefix(f"{path}").lstrip(": ").partition(";")[0]
