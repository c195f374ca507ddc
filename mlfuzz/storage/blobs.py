"""Inputs too large for the journal: files named by the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from mlfuzz.errors import CorruptRecordError, StorageError
from mlfuzz.storage.durable import make_folder, read_regular, sync_directory, sync_path, write_atomic, writing
from mlfuzz.storage.workdir import Workdir

BLOB_BYTES = 64 << 10
"""Inputs of this size and more are blobs; smaller ones stand in the journal (a file costs 4 KiB and a rename)."""


class Blobs:
    """Content-addressed files: writing one twice changes nothing, a reader never sees half of one."""

    def __init__(self, workdir: Workdir) -> None:
        self._workdir = workdir
        self._unsynced: list[Path] = []
        self._lost: StorageError | None = None

    def put(self, data: bytes) -> str:
        """Store `data`; its digest. It is visible when this returns, durable after `sync`. Raises DiskFullError."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._workdir.blob(digest)
        with suppress(OSError):
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return digest
        make_folder(path.parent, parents=False)
        write_atomic(path, data, sync=False)
        self._unsynced.append(path)
        return digest

    def get(self, digest: str) -> bytes:
        """Raises CorruptRecordError where the blob is missing or not what its name says."""
        path = self._workdir.blob(digest)
        data = read_regular(path)
        if hashlib.sha256(data).hexdigest() != digest:
            raise CorruptRecordError(f"{path} is damaged: its content is not what its name says")
        return data

    def find(self, digest: str) -> bytes | None:
        """`get`, or None where it is missing: a source of `storage.contents`. Raises CorruptRecordError."""
        return self.get(digest) if digest in self else None

    def __contains__(self, digest: str) -> bool:
        return self._workdir.blob(digest).is_file()

    def sync(self) -> None:
        """Make all blobs written since the last call survive a power cut. Raises StorageError, from then on always."""
        if self._lost is not None:
            raise self._lost
        paths, self._unsynced = self._unsynced, []
        try:
            for path in paths:
                with writing(path):
                    sync_path(path)
            for folder in sorted({path.parent for path in paths}):
                with writing(folder):
                    sync_directory(folder)
        except StorageError as error:
            self._lost = error
            raise
