"""The door of storage: all that mlfuzz writes to keep goes through here.

A kill, a power cut or a full disk leaves the old file or the new one, never half of one.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from mlfuzz.errors import CorruptRecordError, StorageError
from mlfuzz.storage.parts import orphans, part_name
from mlfuzz.storage.remedy import read_error, write_error

Ignore: TypeAlias = Callable[[Any, list[str]], set[str]]

ANYBODY, OWNER = 0o666, 0o600
"""Who may read and write a new file: all whom the user's umask lets; the user alone."""


ASIDE = ".aside-"
"""In the names of what stood in place of a file and was none."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError of the block into a StorageError that names `path`; DiskFullError where space has run out."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


def write_atomic(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace `path` by `data` in one step. sync: also survive a power cut (about 8 ms).

    Raises DiskFullError, StorageError; the old file then still stands.
    """
    part = part_name(path)
    with writing(path):
        try:
            write_new(part, data, sync=sync)
            replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
        if sync:
            sync_directory(path.parent)


def create_exclusive(path: Path, data: bytes, *, sync: bool = True, mode: int = ANYBODY) -> bool:
    """Write `path` unless it is there; False where it is. Of several processes exactly one gets True.

    The file appears whole. Raises DiskFullError, StorageError.
    """
    part = part_name(path)
    with writing(path):
        try:
            write_new(part, data, sync=sync, mode=mode)
            os.link(part, path)  # unlike a rename, a link refuses where the name is taken
        except FileExistsError:
            return False
        finally:
            with suppress(OSError):
                os.unlink(part)
        if sync:
            sync_directory(path.parent)
    return True


def write_new(path: Path, data: bytes, *, sync: bool, mode: int = ANYBODY) -> None:
    """Create `path` with `data`. Raises OSError, FileExistsError among them; the caller removes what was begun."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, data)
        if sync:
            sync_file(descriptor)
    finally:
        os.close(descriptor)


def open_new(path: Path) -> int:
    """A descriptor that appends to a file that was not there. Raises OSError, FileExistsError among them."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, ANYBODY)


def open_shared(path: Path) -> int:
    """A descriptor of a file that several processes have open, made where it is not there. Raises OSError.

    What stands there and is no file makes room.
    """
    require_ordinary(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, ANYBODY)


def write_all(descriptor: int, data: bytes) -> None:
    """os.write until all is written: one call may take less than it is given. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def fresh_log(path: Path) -> BinaryIO:
    """A file, emptied, for what a child process prints; nobody reads it but people. Raises StorageError."""
    with writing(path):
        require_ordinary(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        return os.fdopen(os.open(path, flags, ANYBODY), "ab")


def resize(descriptor: int, size_bytes: int) -> None:
    """Cut or lengthen an open file. Raises OSError."""
    os.ftruncate(descriptor, size_bytes)


def occupy(descriptor: int, size_bytes: int) -> None:
    """Take real blocks: a sparse file would hold nothing. Raises OSError."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size_bytes)
    else:
        write_all(descriptor, bytes(size_bytes))


def sync_file(descriptor: int, *, data_only: bool = False) -> None:
    """Make what was written survive a power cut. Raises OSError.

    What one call could not make durable no later call does, though it says so: the pages count as clean from then on.
    """
    (os.fdatasync if data_only and hasattr(os, "fdatasync") else os.fsync)(descriptor)


def sync_path(path: Path) -> None:
    """`sync_file` of a file that was written and closed. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path, *, mode: int = 0o777, parents: bool = True) -> None:
    """Make it, where it is not there. Raises DiskFullError, StorageError.

    parents: those that it lies in too; not below a campaign, which must not begin anew where it was moved away.
    """
    with writing(path):
        if parents:
            os.makedirs(path, mode, exist_ok=True)
        elif not path.is_dir():
            with suppress(FileExistsError):
                os.mkdir(path, mode)


def make_new_folder(path: Path) -> None:
    """Raises OSError, FileExistsError among them."""
    os.mkdir(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which bears its name once the block has ended well. path: new, or an empty folder.

    Raises DiskFullError, StorageError; nothing of it is then there.
    """
    place = Path(os.path.realpath(path))
    part = part_name(place)
    try:
        make_folder(part)
        yield part
        with writing(place):
            os.rename(part, place)
    except StorageError as error:
        raise type(error)(str(error).replace(str(part), str(path))) from error
    finally:
        remove_folder(part)


def copy_file(source: Path, path: Path) -> None:
    """`write_atomic` with what another file holds. Raises DiskFullError, StorageError."""
    try:
        data = source.read_bytes()
    except OSError as error:
        raise read_error(source, error) from error
    write_atomic(path, data, sync=False)


def copy_folder(source: Path, folder: Path, *, ignore: Ignore | None = None) -> None:
    """A copy with all that is in it. ignore: as `shutil.copytree` takes it. Raises OSError."""
    try:
        shutil.copytree(source, folder, ignore=ignore)
    except shutil.Error as error:  # several at once: it says which, and of each why
        raise OSError(errno.EIO, "; ".join(str(one[-1]) for one in error.args[0][:3])) from error


def rename(old: Path, new: Path) -> None:
    """Move within a file system, in one step. Raises OSError."""
    os.rename(old, new)


def remove(path: Path) -> None:
    """Remove a file, where it is there; what is none makes room. Raises StorageError."""
    with writing(path), suppress(FileNotFoundError):
        require_ordinary(path)
        os.unlink(path)


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it, as far as that can be done."""
    shutil.rmtree(path, ignore_errors=True)


def clear_parts(root: Path) -> None:
    """Remove what killed processes have left half written below `root`. For whoever holds the campaign."""
    for path in orphans(root):
        if path.is_dir() and not path.is_symlink():
            remove_folder(path)
        else:
            with suppress(OSError):
                os.unlink(path)


def append_line(path: Path, line: bytes) -> None:
    """Add one line (its newline is added here) in one write: readers see whole lines. Raises DiskFullError.

    A line that a full disk cuts short is taken back, so that the next one does not join it.
    """
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, ANYBODY)
        try:
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":  # torn by a power cut: end it here
                line = b"\n" + line
            try:
                write_all(descriptor, line + b"\n")
            except OSError:
                with suppress(OSError):
                    resize(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def read_regular(path: Path) -> bytes:
    """The bytes of an ordinary file of our own. Raises as `open_regular`."""
    with open_regular(path) as descriptor:
        try:
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read()
        except OSError as error:
            raise read_error(path, error) from error


@contextmanager
def open_regular(path: Path) -> Iterator[int]:
    """A descriptor of an ordinary file of our own: no link is followed, no FIFO waited for.

    Raises CorruptRecordError where it is no ordinary file or is not there, StorageError where it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise CorruptRecordError(f"{path} is missing; restore it, or remove what refers to it") from error
    except OSError as error:
        if path.is_symlink():
            raise CorruptRecordError(f"{path} is a symbolic link; put the file itself in its place") from error
        raise read_error(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CorruptRecordError(f"{path} is not an ordinary file")
        yield descriptor
    finally:
        os.close(descriptor)


def replace(part: Path, path: Path) -> None:
    """os.replace, also where a folder stands in the way. Raises OSError."""
    try:
        os.replace(part, path)
    except IsADirectoryError:
        displace(path)
        os.replace(part, path)


def displace(path: Path) -> None:
    """Leave `path` free: what stands there goes under a name beside it, and nothing is deleted. Raises OSError."""
    with suppress(FileNotFoundError):
        os.rename(path, path.with_name(f"{path.name}{ASIDE}{os.urandom(4).hex()}"))


def require_ordinary(path: Path) -> None:
    """What is there and is no ordinary file (a folder, a link, a FIFO, a device) makes room. Raises OSError."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        displace(path)


def sync_directory(directory: Path) -> None:
    """Make new names in a directory survive a power cut. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
