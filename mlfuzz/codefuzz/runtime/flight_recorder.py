"""The flight recorder: a shared page with the input that is running, so that none is lost however the worker dies.

The page is a memory file that worker and supervisor both map. Layout: 64-bit words, the last of them the number and the
length of the input, then, from BODY on, the input: one call writes all three.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import struct
import tempfile
from collections.abc import Callable
from typing import Any

BODY = 4096
CLOSED, REFUSED, FAILED, READY, RETURNED, BASE = range(6)
STARTED, LENGTH = BODY // 8 - 2, BODY // 8 - 1
"""Words: number of the run that began, bytes of its input, number of the run that ended, how many runs raised what is
documented, how many failed, 1 once the first input is about to run, number of the run whose function has returned where
something is still to be done after it, KiB of memory that the worker held when its first inputs had run."""

WORDS, LONGEST_WORDS = 1024, 3000
"""Bytes: where a worker that can send nothing any more leaves its last message, and how long that may be."""

BROKEN_WORDS = b"broken"
"""Left by a worker whose own code has failed: its status alone may be an input's."""

CAPACITY = 64 << 20
"""Largest input in bytes. The file is sparse: only pages that were written take memory."""


def create(name: str) -> int:
    """A descriptor of a new page; inheritable nowhere unless passed on."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(f"mlfuzz-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:  # macOS
        descriptor, path = tempfile.mkstemp(prefix=f"mlfuzz-{name}-")
        os.unlink(path)
    os.ftruncate(descriptor, BODY + CAPACITY)
    # Code under test may write to, or cut, every file that is open: at the end of one of fixed size that does nothing.
    os.lseek(descriptor, 0, os.SEEK_END)
    with contextlib.suppress(ImportError, OSError, AttributeError):  # Windows has none of it, macOS no seals
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return descriptor


class FlightPage:
    """One mapping of the page. map: all of it; head: its words (64-bit); body: the bytes of the input."""

    def __init__(self, descriptor: int) -> None:
        self.map = mmap.mmap(descriptor, BODY + CAPACITY)
        view = memoryview(self.map)
        self.head = view[:BODY].cast("Q")
        self.body = view[BODY:]

    def load(self, payload: bytes) -> None:
        """Put an input where the worker will look for it."""
        self.body[: len(payload)] = payload
        self.head[LENGTH] = len(payload)

    @property
    def payload(self) -> bytes:
        """The input that ran last."""
        return bytes(self.body[: min(self.head[LENGTH], CAPACITY)])

    def leave(self, words: bytes, payload: bytes) -> None:
        """The last message of a worker that has no other way to send one."""
        size = min(len(payload), CAPACITY)
        self.body[:size] = payload[:size]
        self.head[LENGTH] = size
        words = words[:LONGEST_WORDS].ljust(LONGEST_WORDS, b"\0")
        self.map[WORDS : WORDS + LONGEST_WORDS] = words

    @property
    def words(self) -> bytes:
        """What `leave` was given; b"" where nothing was. They may be damaged."""
        return self.map[WORDS : WORDS + LONGEST_WORDS].rstrip(b"\0")

    def clear_words(self) -> None:
        self.map[WORDS : WORDS + LONGEST_WORDS] = bytes(LONGEST_WORDS)

    @property
    def runs(self) -> int:
        """How many have begun. A worker that is writing the next one's number has nought there for a moment."""
        return max(self.head[STARTED], self.head[CLOSED])

    @property
    def running(self) -> bool:
        """Whether an input has begun and not ended."""
        return self.head[STARTED] != self.head[CLOSED]

    @property
    def returned(self) -> bool:
        """Whether the function has returned, and only what it has left behind is waited for."""
        return self.head[RETURNED] == self.head[STARTED] != 0

    @property
    def phase(self) -> tuple[int, bool]:
        """Number of the run, and whether its function has returned: each has a time of its own."""
        return self.head[STARTED], self.returned

    def close(self) -> None:
        self.head.release()
        self.body.release()
        with contextlib.suppress(BufferError):  # a view handed out is still alive: the mapping goes with it
            self.map.close()


FIRST = STARTED * 8
SMALL = 512
"""Inputs of at most so many bytes are written by one call."""

Beginning = Callable[[Any, int, int, int, bytes], None]


@functools.cache
def beginnings() -> list[Beginning]:
    """By size of the input: what writes number, size and input at FIRST. The fork server makes them for all workers.

    A call from Python takes 20 ns whatever it does: this one does in 60 what three do in 100.
    """
    return [struct.Struct(f"QQ{size}s").pack_into for size in range(SMALL + 1)]
