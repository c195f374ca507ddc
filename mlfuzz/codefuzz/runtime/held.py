"""What a process holds at this moment of what an input may leave behind."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

PAGE_KIB = os.sysconf("SC_PAGESIZE") / 1024 if hasattr(os, "sysconf") else 4.0

EXHAUSTED = 1 << 20
"""Counted where it cannot be looked at any more, as nothing can be opened."""

WORDS = {"processes": "processes", "threads": "threads", "descriptors": "descriptors", "files": "temporary files"}
"""Kinds of what is counted, and how they are called."""

MEMORY = "memory"

LISTDIR, OPEN, READ, CLOSE = os.listdir, os.open, os.read, os.close


@dataclass(frozen=True, slots=True)
class Held:
    """counts: by kind. resident, reserved: KiB of memory; reserved is address space, which zeros take alone."""

    counts: dict[str, int]
    resident: float
    reserved: float

    def left(self, before: Held) -> dict[str, int]:
        """The same, with KiB of memory."""
        taken = self.resident - before.resident + self.reserved - before.reserved
        return {**self.more(before), MEMORY: int(taken)}

    def more(self, before: Held) -> dict[str, int]:
        """How many more of each kind than before."""
        return {kind: count - before.counts[kind] for kind, count in self.counts.items()}


def held(folder: str) -> Held:
    """Now. folder: of temporary files; "" counts none. Children that have ended and nobody has waited for count too."""
    resident, reserved = _memory()
    return Held(
        {
            "processes": len(_read("/proc/thread-self/children").split()) if _there() else 0,
            "threads": _entries("/proc/self/task"),
            "descriptors": _entries("/proc/self/fd"),
            "files": _entries(folder) if folder else 0,
        },
        resident,
        reserved,
    )


def _there() -> bool:
    return os.path.exists("/proc/thread-self/children")


def _entries(folder: str) -> int:
    try:
        return len(LISTDIR(folder))
    except FileNotFoundError:
        return 0
    except OSError:
        return EXHAUSTED


def _memory() -> tuple[float, float]:
    fields = _read("/proc/self/statm").split()
    return (int(fields[1]) * PAGE_KIB, int(fields[0]) * PAGE_KIB) if len(fields) > 1 else (0.0, 0.0)


def _read(path: str) -> bytes:
    with contextlib.suppress(OSError):
        number = OPEN(path, os.O_RDONLY)
        try:
            return READ(number, 1 << 20)
        finally:
            CLOSE(number)
    return b""
