"""One process a campaign: a lock that names its holder and ends with it; children that end with their parent."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from mlfuzz.decoding import json_as
from mlfuzz.errors import CampaignBusyError, StorageError
from mlfuzz.storage.durable import open_shared, read_regular, resize, write_all, writing

_PR_SET_PDEATHSIG = 1
_TRIES = 3
_PAUSE_S = 0.02


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock. started: seconds since 1970."""

    pid: int = 0
    host: str = "?"
    started: float = 0.0


class Lock:
    """An flock on a file that says who holds it; the system takes it back when the process ends, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor
        _HELD.add(self)

    @classmethod
    def acquire(cls, path: Path) -> Self:
        """Take the lock. Raises CampaignBusyError with the holder's pid and host, StorageError."""
        with writing(path):
            descriptor = open_shared(path)
        try:
            _take(path, descriptor)
            with writing(path):
                resize(descriptor, 0)
                write_all(descriptor, msgspec.json.encode(Holder(os.getpid(), socket.gethostname(), time.time())))
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would let two processes lock two files."""
        if self._descriptor is None:
            return
        with suppress(OSError):  # a file system that has gone away takes the lock with it
            resize(self._descriptor, 0)
        self._drop()

    def require_in_place(self) -> None:
        """Raises StorageError where its folder is not the one that was locked: what is written would go astray."""
        if self._descriptor is None:
            return
        own = os.fstat(self._descriptor)
        try:
            there = os.stat(self.path)
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino):
            raise StorageError(
                f"{self.path.parent} was moved, removed or replaced while it was in use; what was written before lies"
                " in the folder that was: put it back and run the same command again"
            )

    def _drop(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path) -> Holder | None:
    """Who holds the lock now, or None. For `status`: it may have changed by the time one looks at the answer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def die_with_parent(parent: int | None = None) -> None:
    """Have the system kill this process when its parent dies, so that no orphan goes on working (Linux; else nothing).

    parent: the parent's pid as the parent knew it; where it is gone already this process ends at once.
    The signal comes when the *thread* dies that started this process: start children from a thread that lasts.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _take(path: Path, descriptor: int) -> None:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)  # `holder` takes the lock for an instant to see whether it is free
        except OSError as error:
            reason = "its file system knows no locks" if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP) else error
            raise StorageError(f"{path} cannot be locked: {reason}; keep campaigns on a local disk") from error
    other = _read(path)
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(other.started)) if other.started else "some time"
    raise CampaignBusyError(
        f"{path.parent} is in use by process {other.pid} on {other.host} since {since};"
        " stop it (mlfuzz stop), or give this campaign another --name"
    )


def _read(path: Path) -> Holder:
    try:
        return json_as(read_regular(path), Holder)
    except (StorageError, msgspec.DecodeError):  # taken this instant and not yet signed
        return Holder()


_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()
"""Locks of this process: a forked child shares their descriptors, and would keep them locked after its parent."""


def _forget() -> None:
    for lock in list(_HELD):
        lock._drop()


os.register_at_fork(after_in_child=_forget)
