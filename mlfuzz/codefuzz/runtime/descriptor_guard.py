"""A worker's descriptors: out of the way of code that closes what is not its own, and looked after.

The worker's own go to high numbers. In the low ones, where they were, lies an empty file that nobody has business with:
where it is gone, or something was written to it, somebody has used a number that was not theirs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import tempfile

HIGHEST = 1 << 14
"""Of the worker's own: the kernel copies a table of so many at each fork."""

ROOM = 64
"""Numbers that a worker may use there."""

CLOSED = ("closed", "it closed descriptors that are not its own")
WRITTEN = ("written", "it wrote to a descriptor that is not its own")

Deed = tuple[str, str]
"""A short name for keys, and what was done in words."""

FSTAT, DUP2, TRUNCATE = os.fstat, os.dup2, os.ftruncate
"""The genuine ones: an input may put others in their places."""

LOST = OSError


def lift(number: int) -> int:
    """The same file under a high number, which is returned; the low one stays open."""
    with contextlib.suppress(OSError, ValueError):
        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _floor())
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)


def _floor() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = HIGHEST if soft == resource.RLIM_INFINITY else min(soft, HIGHEST)
    return max(3, most - ROOM)


class DescriptorGuard:
    """own: numbers that the worker cannot do without. low: where they were. output: what stands for 1 and 2."""

    def __init__(self, own: tuple[int, ...], low: tuple[int, ...], output: int) -> None:
        self._output = output
        self._own = tuple((number, _identity(number)) for number in own)
        self._bait = lift(_empty())
        self._low, self._empty = low, _identity(self._bait)
        for number in low:
            DUP2(self._bait, number, inheritable=False)
        self._prints = _identity(output)
        self._null = lift(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
        self._nothing = _identity(self._null)

    def lost(self) -> bool:
        """Whether the worker can no longer be heard."""
        return any(_identity(number) != file for number, file in self._own)

    def mend(self) -> Deed | None:
        """What was done to the low ones; they are put back."""
        deed = None
        for number in self._low:
            try:
                seen = FSTAT(number)
            except LOST:
                deed = CLOSED
            else:
                if (seen.st_dev, seen.st_ino) != self._empty:
                    deed = CLOSED
                elif seen.st_size:
                    deed = deed or WRITTEN
                    TRUNCATE(self._bait, 0)
                    continue
                else:
                    continue
            self._put(self._bait, number)
        return deed

    def print_to(self, number: int) -> None:
        """1 and 2 belong there from now on."""
        self._output, self._prints = number, _identity(number)
        self.mend_streams()

    def mend_streams(self) -> bool:
        """Whether 0, 1 or 2 were closed or led elsewhere; they are put back."""
        changed = False
        for number, file, where in (
            (0, self._nothing, self._null), (1, self._prints, self._output), (2, self._prints, self._output),
        ):  # fmt: skip
            if _identity(number) != file:
                self._put(where, number)
                changed = True
        return changed

    def _put(self, source: int, number: int) -> None:
        try:
            DUP2(source, number, inheritable=number < 3)
        except LOST:
            return


GONE = (-1, -1)


def _identity(number: int) -> tuple[int, int]:
    try:
        seen = FSTAT(number)
    except LOST:
        return GONE
    return seen.st_dev, seen.st_ino


def _empty() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("mlfuzz-empty", os.MFD_CLOEXEC)
    descriptor, path = tempfile.mkstemp(prefix="mlfuzz-empty-")  # macOS
    os.unlink(path)
    return descriptor
