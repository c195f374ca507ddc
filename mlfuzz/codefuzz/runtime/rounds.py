"""When a worker that runs many inputs looks at what they have done to its process.

A look costs more than a short input does. So it comes after many of them, the last of which are kept until then.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from mlfuzz.codefuzz.runtime.held import MEMORY, Held, held

SHARE = 0.005
"""Of the time goes into looking."""

RECENT = 64
"""Inputs that are kept for it. Where it was none of them, the next worker looks after each."""

LARGE = 8 << 20
"""Bytes of larger inputs between two looks."""

MOST_SECONDS = 0.25
SLOW_SECONDS = 0.5
"""Between two looks at what is changed rarely."""

ROOM = 32
"""So many of what is counted may be left behind before it is looked for who leaves it."""

SIZE = struct.Struct(">I")
CLOCK = time.monotonic


class Guard(Protocol):
    """What looks after the process: see `ProcessGuard`."""

    spent: bool

    def begin(self) -> None: ...
    def mend_builtins(self) -> None: ...
    def mend_slowly(self) -> None: ...


class Process(Protocol):
    """The worker's, as its inputs leave it. recent: inputs since the last look."""

    @property
    def guard(self) -> Guard | None: ...
    @property
    def recent(self) -> deque[bytes]: ...

    def damaged(self) -> bool: ...


class Rounds:
    """spent: ends a worker whose process is not as it was, and cannot be again. grown: tells that inputs have left more
    than `room` of a kind behind, see `held`. folder: of temporary files; "" where it is not the worker's own.
    memory: KiB that count as much as `ROOM` of a kind; 0 counts none. each: it looks after each run."""

    def __init__(
        self, process: Process, spent: Callable[[], object], *, grown: Callable[[str], object] = lambda _: None,
        room: int = ROOM, folder: str = "", memory: float = 0.0,
        each: bool = False,
    ) -> None:  # fmt: skip
        self._process, self._spent, self._grown = process, spent, grown
        self._room, self._folder, self._memory = room, folder, memory
        self._each = each
        self._first: Held | None = None
        self._last, self._slow = CLOCK(), 0.0
        self._number, self._cost = 0, 0.0

    def look(self) -> None:
        """At the process, as the inputs since the last time have left it."""
        guard = self._process.guard
        assert guard is not None
        guard.mend_builtins()
        began = CLOCK()
        self._process.damaged()
        if began - self._slow > SLOW_SECONDS:
            guard.mend_slowly()
            self._count()
            self._slow = CLOCK()
        if guard.spent:
            self._spent()
        self._process.recent.clear()
        guard.begin()
        self._cost = CLOCK() - began

    def _count(self) -> None:
        now = held(self._folder)
        self._first = self._first or now
        more = now.more(self._first)
        if self._memory:
            more[MEMORY] = int((now.resident - self._first.resident) / self._memory * ROOM)
        for kind, count in more.items():
            if count > self._room:
                self._room *= 2  # nobody has ended this worker for it: no more of that before it is much more
                self._grown(kind)
                return

    def following(self, number: int) -> int:
        """Runs until the next look. number: of runs so far."""
        now = CLOCK()
        runs = number - self._number if number > self._number else 1
        each = max(1e-9, now - self._last - self._cost) / runs
        self._last, self._number = now, number
        wanted = min(MOST_SECONDS, max(self._cost / SHARE, 0.001))
        return 1 if self._each else max(1, min(2 * runs, int(wanted / each)))


def packed(inputs: Sequence[bytes]) -> bytes:
    """Many inputs as one payload, the last one first: it is the likeliest."""
    return b"".join(part for one in reversed(inputs) for part in (SIZE.pack(len(one)), one))


def unpacked(payload: bytes) -> list[bytes]:
    """What `packed` was given, the last one first. What is cut off or damaged is left out."""
    found, place = [], 0
    while place + SIZE.size <= len(payload):
        (size,) = SIZE.unpack_from(payload, place)
        place += SIZE.size
        if place + size > len(payload):
            break
        found.append(payload[place : place + size])
        place += size
    return found
