"""Space put aside while there is some: given up when the disk is full, so that findings can still be written."""

from __future__ import annotations

import os
from pathlib import Path

from mlfuzz.errors import StorageError
from mlfuzz.storage.durable import occupy, open_shared, remove

RESERVE_BYTES = 16 << 20


class Reserve:
    """A file that only takes up room (16 MiB unless said otherwise).

    A full disk is met by `release()` once; what was being written is then tried again.
    """

    def __init__(self, path: Path, *, size_bytes: int = RESERVE_BYTES) -> None:
        self.path = path
        self.size_bytes = size_bytes

    @property
    def held(self) -> bool:
        """Whether the space is put aside now."""
        return self.path.is_file() and not self.path.is_symlink()

    def hold(self) -> bool:
        """Put the space aside, at start and when the disk has room again; False where there is none."""
        if self.held:
            return True
        try:
            descriptor = open_shared(self.path)
        except OSError:
            return False
        try:
            occupy(descriptor, self.size_bytes)
        except OSError:
            self.release()
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> bool:
        """Give the space up; False where it was not held."""
        if not self.held:
            return False
        try:
            remove(self.path)
        except StorageError:
            return False
        return True
