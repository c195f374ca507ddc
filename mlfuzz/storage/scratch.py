"""Files for a while: a folder for temporary ones, and files without a name, which need no folder at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from mlfuzz.errors import StorageError
from mlfuzz.storage.durable import remove_folder, writing


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A folder that goes with the block. Raises StorageError where there is no place for one."""
    folder = make_scratch_folder(prefix)
    try:
        yield folder
    finally:
        remove_folder(folder)


def make_scratch_folder(prefix: str) -> Path:
    """A new folder for temporary files; the caller removes it. Raises StorageError."""
    parent = temporary_folder()
    with writing(parent):
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


def temporary_folder() -> Path:
    """Where temporary files go. Raises StorageError with what to set where nowhere takes any."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        text = f"{error.strerror or error}; set TMPDIR to a folder that can be written to and has room"
        raise StorageError(text) from error


def nameless_file(name: str) -> BinaryIO:
    """A file to write and to read that no other process sees; in memory where the system can. Raises OSError."""
    if hasattr(os, "memfd_create"):
        return cast(BinaryIO, os.fdopen(os.memfd_create(f"mlfuzz-{name}", os.MFD_CLOEXEC), "w+b"))
    return cast(BinaryIO, tempfile.TemporaryFile())
