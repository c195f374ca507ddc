"""What a file system refused, as one of our errors: which file, why, and what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from mlfuzz.errors import DiskFullError, StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A full disk, a used-up quota, a limit on the size of files (RLIMIT_FSIZE)."""

_KEPT = "everything written before is kept: "
_AGAIN = " and run the same command again"

REMEDIES = {
    errno.ENOSPC: f"{_KEPT}make room{_AGAIN}",
    errno.EDQUOT: f"{_KEPT}make room within the quota{_AGAIN}",
    errno.EFBIG: f"{_KEPT}raise the limit on the size of files (ulimit -f), or make room for larger ones,{_AGAIN}",
    errno.EROFS: "the file system takes no writes: mount it writable, or choose a folder elsewhere",
    errno.EACCES: "give this user the right to write there, or choose a folder elsewhere",
    errno.EPERM: "give this user the right to write there, or choose a folder elsewhere",
    errno.EMFILE: f"raise the limit on open files (ulimit -n){_AGAIN}",
    errno.ENFILE: f"this machine has no file handles left: end other programs{_AGAIN}",
    errno.EIO: "the disk fails (the system's log says more): copy the folder to another one, and go on there",
    errno.ESTALE: f"the network file system has lost it: mount it anew{_AGAIN}",
    errno.ENOENT: f"the folder it lies in is not there: make it, or put it back if it was moved,{_AGAIN}",
    errno.EEXIST: "something else stands there: move it away, or choose a folder elsewhere",
    errno.ENOTDIR: "a file stands where a folder should be: move it away, or choose a folder elsewhere",
    errno.EISDIR: "a folder stands where a file should be: move it away, or choose a folder elsewhere",
    errno.ENAMETOOLONG: "choose a folder with a shorter path, or a shorter name",
    errno.ELOOP: "links there lead in a circle: put a folder in their place",
    errno.ENOLCK: "its file system knows no locks: keep campaigns on a local disk",
    errno.ENOSYS: "its file system cannot do that: keep campaigns on a local disk",
    errno.ENOTSUP: "its file system cannot do that: keep campaigns on a local disk",
    errno.ENXIO: "the device it lies on is gone: bring it back, or choose a folder elsewhere",
    errno.ENODEV: "the device it lies on is gone: bring it back, or choose a folder elsewhere",
    errno.ENOTCONN: f"the network file system is not connected: mount it anew{_AGAIN}",
    errno.ETIMEDOUT: f"the network file system does not answer: mount it anew{_AGAIN}",
    errno.EBUSY: f"another program holds it: end that{_AGAIN}",
    errno.ETXTBSY: f"another program holds it: end that{_AGAIN}",
}
"""What to do, by errno. None of them is a fault of mlfuzz or of what is fuzzed."""


def write_error(path: Path, error: OSError) -> StorageError:
    """What to raise for an OSError met while writing `path`."""
    if error.errno in FULL:
        return DiskFullError(f"{path}: {_said(error)}{_remedy(error)}")
    return StorageError(f"{path} cannot be written: {_said(error)}{_remedy(error)}")


def read_error(path: Path, error: OSError) -> StorageError:
    """What to raise for an OSError met while reading `path`."""
    right = "; give this user the right to read it" if error.errno in (errno.EACCES, errno.EPERM) else _remedy(error)
    return StorageError(f"{path} cannot be read: {_said(error)}{right}")


def surroundings_error(error: OSError) -> StorageError | None:
    """What to say at the top of a process of an OSError that nothing below has answered; None where it is no trouble
    of files."""
    if error.errno not in REMEDIES:
        return None
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    named = f"{' -> '.join(names)}: " if names else ""
    kind = DiskFullError if error.errno in FULL else StorageError
    return kind(f"{named}{_said(error)}{_remedy(error)}")


def _said(error: OSError) -> str:
    return error.strerror or str(error)


def _remedy(error: OSError) -> str:
    remedy = REMEDIES.get(error.errno or 0)
    return f"; {remedy}" if remedy else ""
