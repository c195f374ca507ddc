"""Where damaged bytes are copied, with the reason, for whoever wants to look; nothing is ever deleted."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mlfuzz.errors import StorageError
from mlfuzz.storage.durable import (
    append_line,
    create_exclusive,
    make_folder,
    read_regular,
    rename,
    sync_directory,
    writing,
)
from mlfuzz.storage.names import plain
from mlfuzz.storage.workdir import Workdir

REASONS = "reasons.txt"


def quarantine(workdir: Workdir, name: str, data: bytes, reason: str) -> None:
    """Keep `data` as quarantine/<name>, once however often it is met, and add a line to reasons.txt."""
    # A copy for people: the original stays where it is, so a full or read-only disk takes nothing away.
    with suppress(StorageError, OSError):
        make_folder(workdir.quarantine, parents=False)
        if create_exclusive(workdir.quarantined(plain(name)), data, sync=False):
            append_line(workdir.quarantined(REASONS), f"{name}\t{reason!a}\t{len(data)} bytes".encode())


def move_aside(workdir: Workdir, path: Path, reason: str, *, copied: bool = False) -> Path:
    """Move whatever stands at `path` to quarantine/, under a name not used before, with the reason; where it is then.

    copied: it stays until it is replaced. Raises StorageError.
    """
    with writing(workdir.quarantine):
        make_folder(workdir.quarantine, parents=False)
        place = _free(workdir.quarantine, str(path.relative_to(workdir.root)).replace(os.sep, "-").lstrip("."))
        if copied:
            create_exclusive(place, read_regular(path))
        elif os.path.lexists(path):
            rename(path, place)
            sync_directory(path.parent)
        sync_directory(workdir.quarantine)
    with suppress(StorageError):
        append_line(workdir.quarantined(REASONS), f"{place.name}\t{reason!a}".encode())
    return place


def _free(folder: Path, name: str) -> Path:
    place, number = folder / name, 1
    while os.path.lexists(place):
        number += 1
        place = folder / f"{name}-{number}"
    return place
