"""Files of a campaign that are made again: what cannot be read of them stops nobody, and is never silent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from mlfuzz.errors import StorageError
from mlfuzz.progress import Progress, Stats, read_progress, read_stats
from mlfuzz.storage.durable import read_regular, write_atomic
from mlfuzz.storage.quarantine import move_aside
from mlfuzz.storage.workdir import Workdir

T = TypeVar("T")
Tell: TypeAlias = Callable[[str], object]


def silent(_: str) -> None:
    """Takes a line that is told elsewhere."""


def read_derived(path: Path, read: Callable[[bytes, str], T], tell: Tell = silent) -> T | None:
    """What a file says; None where it is not there or cannot be read: `tell` then gets a line.

    read: from bytes and what to call them; raises SchemaError.
    """
    if not os.path.lexists(path):
        return None
    try:
        return read(read_regular(path), str(path))
    except StorageError as error:
        tell(f"{error}; what it said is left out")
        return None


def stored_stats(workdir: Workdir, tell: Tell = silent) -> Stats | None:
    """The campaign's figures, else what its last progress record says of them; None where there is neither."""
    stats = read_derived(workdir.stats, read_stats, tell)
    if stats is None and (records := stored_progress(workdir)):
        last = records[-1]
        stats = Stats(
            campaign=workdir.name, started="", seconds=last.seconds, inputs=last.inputs, batches=last.batches,
            entries=last.entries, failing=last.failing, coverage=last.coverage,
        )  # fmt: skip
    return stats


def earlier_stats(workdir: Workdir) -> Stats:
    """What earlier lives left. A killed one got further than its last stats: its last progress record counts.

    What of it cannot be read is told where the campaign is taken up (`spec.set_aside_unreadable`).
    """
    stats = read_derived(workdir.stats, read_stats) or fresh_stats(workdir)
    records = stored_progress(workdir)
    last = records[-1] if records else None
    if last and (last.inputs > stats.inputs or last.seconds > stats.seconds):
        for name in ("seconds", "inputs", "batches", "failing", "entries"):
            setattr(stats, name, max(getattr(stats, name), getattr(last, name)))
    return stats


def fresh_stats(workdir: Workdir) -> Stats:
    """Of a campaign that has counted nothing."""
    return Stats(campaign=workdir.name, started=datetime.now(UTC).isoformat(timespec="seconds"))


def stored_progress(workdir: Workdir, tell: Tell = silent) -> list[Progress]:
    """The progress records that can be read, in order."""
    return read_derived(workdir.progress, lambda data, origin: read_progress(data, origin, tell), tell) or []


def set_aside(workdir: Workdir, readers: Mapping[Path, Callable[[bytes, str], object]], tell: Tell) -> None:
    """Move each file that its reader refuses to quarantine/. For whoever holds the campaign.

    readers: file -> from bytes and what to call them; raises SchemaError.
    """
    for path, read in readers.items():
        try:
            if os.path.lexists(path):
                read(read_regular(path), str(path))
        except StorageError as error:
            tell(f"{error}; it is set aside and made again")
            with suppress(StorageError):
                move_aside(workdir, path, str(error))


def mend_progress(workdir: Workdir, tell: Tell) -> None:
    """Leave in progress.jsonl the lines that can be read, and a copy of all in quarantine/ where some cannot.

    For whoever holds the campaign.
    """
    problems: list[str] = []
    records = stored_progress(workdir, problems.append)
    for text in problems:
        tell(text)
        with suppress(StorageError):
            move_aside(workdir, workdir.progress, text)
            lines = (msgspec.json.encode(record) + b"\n" for record in records)
            write_atomic(workdir.progress, b"".join(lines), sync=False)
