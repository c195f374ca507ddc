"""Where damaged bytes are copied, with the reason, for whoever wants to look; nothing is ever deleted."""

from __future__ import annotations

from contextlib import suppress

from mlfuzz.errors import StorageError
from mlfuzz.storage.durable import append_line, create_exclusive, make_folder
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
