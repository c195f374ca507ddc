"""Puts what is damaged out of the way, into quarantine/: what is whole stays, and nothing is deleted.

A damaged segment is written again with its whole records; the original lies in quarantine/ as it was.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from mlfuzz.corpus import entry as records
from mlfuzz.errors import StorageError
from mlfuzz.integrity.inspect import inspect
from mlfuzz.integrity.losses import Integrity, Loss
from mlfuzz.progress import read_stats
from mlfuzz.storage.derived import Tell, read_derived
from mlfuzz.storage.durable import read_regular, write_atomic
from mlfuzz.storage.journal import Item, segment_of
from mlfuzz.storage.names import ID
from mlfuzz.storage.quarantine import move_aside
from mlfuzz.storage.reader import Reader, load_payload
from mlfuzz.storage.workdir import Workdir


def repair(workdir: Workdir, tell: Tell) -> Integrity:
    """What is left, read afresh. tell: gets a line on each thing that was moved. For whoever holds the campaign.

    May be killed at any instant, and run again. Raises StorageError where quarantine/ cannot be written.
    """
    before = inspect(workdir, afresh=True)
    by_path: dict[str, list[Loss]] = defaultdict(list)
    for loss in before.losses:
        by_path[loss.path].append(loss)
    lost = {Path(path).name for path, losses in by_path.items() if losses[0].what == "blob"}
    for path, losses in by_path.items():
        if losses[0].what not in ("journal", "finding"):
            _set_aside(workdir, workdir.root / path, losses[0].reason, tell)
    for folder in sorted({_folder_of(workdir, loss) for loss in before.losses if loss.what == "finding"}):
        reason = next(loss.reason for loss in before.losses if _folder_of(workdir, loss) == folder)
        _set_aside(workdir, folder, reason, tell)
    segments = {path for path, losses in by_path.items() if losses[0].what == "journal"}
    for path in sorted(segments | (_naming(workdir, lost) if lost else set())):
        _rewrite(workdir, workdir.root / path, lost, tell)
    _forget_gone(workdir, tell)
    return inspect(workdir, afresh=True)


def _rewrite(workdir: Workdir, path: Path, lost: Collection[str], tell: Tell) -> None:
    """A segment with its whole records alone; what is no segment is moved away."""
    life = path.parent.name
    if path.suffix != ".mlj":
        _set_aside(workdir, path, "it is no segment of a journal", tell)
        return
    number, numbers = int(path.stem), workdir.segments(life)
    last = number == max(numbers, default=0)
    items = list(_whole_records(workdir, life, number, lost, last=last)) if number in numbers else []
    data = segment_of(life, number, items, last=last)
    if os.path.lexists(path):
        copy = move_aside(workdir, path, "damaged", copied=path.is_file() and not path.is_symlink())
        tell(f"{_name(workdir, path)}: {_records(len(items))} are whole; as it was: {_name(workdir, copy)}")
    else:
        tell(f"{_name(workdir, path)}: it is missing; an empty one takes its place")
    write_atomic(path, data)


def _whole_records(workdir: Workdir, life: str, number: int, lost: Collection[str], *, last: bool) -> Iterable[Item]:
    reader = Reader(workdir, life)
    with suppress(StorageError):  # of another version, or no file: nothing of it can be kept here
        for record in reader.read_one(number, complete=not last):
            try:
                records.glance(record.header)
                if lost and b'"blob":"' in record.header and records.loads(record.header).blob in lost:
                    continue
            except msgspec.DecodeError:
                continue
            payload = None if record.payload is None else load_payload(workdir, record.payload)
            yield Item(record.header, record.vector, payload)


def _naming(workdir: Workdir, lost: Collection[str]) -> set[str]:
    """Segments whose records name one of these stored inputs."""
    found = set()
    for life in workdir.lives():
        for number in workdir.segments(life):
            path = workdir.segment(life, number)
            with suppress(StorageError):
                data = read_regular(path)
                if any(digest.encode() in data for digest in lost):
                    found.add(_name(workdir, path))
    return found


def _folder_of(workdir: Workdir, loss: Loss) -> Path:
    """A finding's, or what stands in its place."""
    parts = Path(loss.path).parts
    named = len(parts) > 1 and ID.fullmatch(parts[1])
    return workdir.root.joinpath(*parts[: 2 if named else 1])


def _set_aside(workdir: Workdir, path: Path, reason: str, tell: Tell) -> None:
    place = move_aside(workdir, path, reason)
    tell(f"{_name(workdir, path)}: {reason}; it is now {_name(workdir, place)}")


def _forget_gone(workdir: Workdir, tell: Tell) -> None:
    """The figures count what is there: entries that nobody can bring back are told once."""
    gone = inspect(workdir, afresh=True).gone
    stats = read_derived(workdir.stats, read_stats)
    if gone and stats is not None:
        stats.entries -= gone
        stats.warnings.append(f"{gone:,} entries were gone when the campaign was repaired")
        write_atomic(workdir.stats, msgspec.json.format(msgspec.json.encode(stats), indent=1))
        tell(f"{gone:,} entries are gone for good; the figures no longer count them")


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _name(workdir: Workdir, path: Path) -> str:
    return str(path.relative_to(workdir.root))
