"""Writing files so that a kill, a power cut or a full disk leaves the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlfuzz.errors import CorruptRecordError, DiskFullError, StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A full disk, a used-up quota, a limit on the size of files (RLIMIT_FSIZE)."""

PART = ".part-"
"""How the names of files begin that are still being written; a kill may leave some, nobody reads them."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError of the block into a StorageError that names `path`; DiskFullError where space has run out."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> StorageError:
    """What to raise for an OSError met while writing `path`."""
    if error.errno in FULL:
        return DiskFullError(
            f"{path}: {error.strerror}; everything written before is kept: make room and run the same command again"
        )
    return StorageError(f"{path} cannot be written: {error.strerror or error}")


def write_atomic(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace `path` by `data` in one step. sync: also survive a power cut (about 8 ms).

    Raises DiskFullError, StorageError; the old file then still stands.
    """
    part = part_name(path)
    with writing(path):
        try:
            write_new(part, data, sync=sync)
            os.replace(part, path)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise
        if sync:
            sync_directory(path.parent)


def create_exclusive(path: Path, data: bytes, *, sync: bool = True) -> bool:
    """Write `path` unless it is there; False where it is. Of several processes exactly one gets True.

    The file appears whole. Raises DiskFullError, StorageError.
    """
    part = part_name(path)
    with writing(path):
        try:
            write_new(part, data, sync=sync)
            os.link(part, path)  # unlike a rename, a link refuses where the name is taken
        except FileExistsError:
            return False
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        if sync:
            sync_directory(path.parent)
    return True


def write_new(path: Path, data: bytes, *, sync: bool) -> None:
    """Create `path` with `data`. Raises OSError, FileExistsError among them; the caller removes what was begun."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        write_all(descriptor, data)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """os.write until all is written: one call may take less than it is given. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def append_line(path: Path, line: bytes) -> None:
    """Add one line (its newline is added here) in one write: readers see whole lines. Raises DiskFullError.

    A line that a full disk cuts short is taken back, so that the next one does not join it.
    """
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":  # torn by a power cut: end it here
                line = b"\n" + line
            try:
                write_all(descriptor, line + b"\n")
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def read_regular(path: Path) -> bytes:
    """The bytes of an ordinary file of our own: no link is followed, no FIFO waited for.

    Raises CorruptRecordError where it is no ordinary file or is not there, StorageError where it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise CorruptRecordError(f"{path} is missing; restore it, or remove what refers to it") from error
    except OSError as error:
        if path.is_symlink():
            raise CorruptRecordError(f"{path} is a symbolic link; put the file itself in its place") from error
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CorruptRecordError(f"{path} is not an ordinary file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make new names in a directory survive a power cut. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def part_name(path: Path) -> Path:
    """A fresh name beside `path` for what is still being written."""
    return path.with_name(f"{PART}{secrets.token_hex(8)}")
