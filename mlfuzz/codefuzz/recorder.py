"""The flight recorder: a shared page with the input that is running, so that none is lost however the worker dies.

The page is a memory file that worker and supervisor both map. Layout: 64-bit words, then, from BODY on, the input.
No mlfuzz imports.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile

STARTED, LENGTH, CLOSED, REFUSED, FAILED, READY = range(6)
"""Words: number of the run that began, bytes of its input, number of the run that ended, how many runs raised what is
documented, how many failed, 1 once the first input is about to run."""

BODY = 4096
CAPACITY = 64 << 20
"""Largest input in bytes. The file is sparse: only pages that were written take memory."""


def create(name: str) -> int:
    """A descriptor of a new page; inheritable nowhere unless passed on."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(f"mlfuzz-{name}", os.MFD_CLOEXEC)
    else:  # macOS
        descriptor, path = tempfile.mkstemp(prefix=f"mlfuzz-{name}-")
        os.unlink(path)
    os.ftruncate(descriptor, BODY + CAPACITY)
    return descriptor


class Flight:
    """One mapping of the page. head: its words (64-bit); body: the bytes of the input."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, BODY + CAPACITY)
        view = memoryview(self._map)
        self.head = view[:BODY].cast("Q")
        self.body = view[BODY:]

    def reset(self) -> None:
        for word in range(8):
            self.head[word] = 0

    def load(self, payload: bytes) -> None:
        """Put an input where the worker will look for it."""
        self.body[: len(payload)] = payload
        self.head[LENGTH] = len(payload)

    @property
    def payload(self) -> bytes:
        """The input that ran last."""
        return bytes(self.body[: min(self.head[LENGTH], CAPACITY)])

    @property
    def running(self) -> bool:
        """Whether an input has begun and not ended."""
        return self.head[STARTED] != self.head[CLOSED]

    def close(self) -> None:
        self.head.release()
        self.body.release()
        with contextlib.suppress(BufferError):  # a view handed out is still alive: the mapping goes with it
            self._map.close()
