"""Inputs too large for the journal: files named by the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from mlfuzz.errors import CorruptRecordError
from mlfuzz.storage.durable import part_name, read_regular, sync_directory, write_new, writing
from mlfuzz.storage.workdir import Workdir

BLOB_BYTES = 64 << 10
"""Inputs of this size and more are blobs; smaller ones stand in the journal (a file costs 4 KiB and a rename)."""


class Blobs:
    """Content-addressed files: writing one twice changes nothing, a reader never sees half of one."""

    def __init__(self, workdir: Workdir) -> None:
        self._workdir = workdir
        self._unsynced: list[Path] = []

    def put(self, data: bytes) -> str:
        """Store `data`; its digest. It is visible when this returns, durable after `sync`. Raises DiskFullError."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._workdir.blob(digest)
        with suppress(FileNotFoundError):
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return digest
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part = part_name(path)
            try:
                write_new(part, data, sync=False)
                os.replace(part, path)
            except OSError:
                with suppress(OSError):
                    part.unlink()
                raise
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
        """Make all blobs written since the last call survive a power cut. Raises StorageError."""
        paths, self._unsynced = self._unsynced, []
        for path in paths:
            with writing(path):
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        for folder in sorted({path.parent for path in paths}):
            with writing(folder):
                sync_directory(folder)
