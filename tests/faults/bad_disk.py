"""A disk that fails on request, put in place of `os` at the door of storage."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mlfuzz.storage import durable

WRITES = (
    "open", "write", "fsync", "fdatasync", "replace", "rename", "link", "unlink", "makedirs", "mkdir", "ftruncate",
    "posix_fallocate", "chmod",
)  # fmt: skip
"""What a disk may refuse. An `open` for reading alone counts as none of them."""

SPARING = ("unlink", "ftruncate")
"""What a full disk still does."""


class BadDisk:
    """`os`, but for calls that write: each is counted, and fails where `fails` says so.

    fails: of the call's number (from 1), its name and its arguments: the errno, or 0. seen: the names of all calls.
    """

    def __init__(self, fails: Callable[[int, str, tuple[Any, ...]], int]) -> None:
        self._fails = fails
        self.seen: list[str] = []
        self.failed = 0

    def __getattr__(self, name: str) -> Any:
        genuine = getattr(os, name)
        if name not in WRITES:
            return genuine

        def call(*arguments: Any, **named: Any) -> Any:
            if name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
                return genuine(*arguments, **named)
            self.seen.append(name)
            if number := self._fails(len(self.seen), name, arguments):
                self.failed += 1
                path = arguments[0] if isinstance(arguments[0], str | os.PathLike) else None
                raise OSError(number, os.strerror(number), None if path is None else os.fspath(path))
            return genuine(*arguments, **named)

        return call


@contextmanager
def bad_disk(fails: Callable[[int, str, tuple[Any, ...]], int]) -> Iterator[BadDisk]:
    """Such a disk while the block runs, for all that goes through the door in this process."""
    disk = BadDisk(fails)
    genuine = durable.os
    durable.os = disk  # type: ignore[assignment]
    try:
        yield disk
    finally:
        durable.os = genuine


def once(at: int, number: int) -> Callable[[int, str, tuple[Any, ...]], int]:
    """The call of that number fails; those before and after it do not."""
    return lambda count, _name, _arguments: number if count == at else 0


def from_then_on(at: int, number: int) -> Callable[[int, str, tuple[Any, ...]], int]:
    """That call fails and all after it, but those that a full disk still does."""
    return lambda count, name, _arguments: number if count >= at and name not in SPARING else 0
