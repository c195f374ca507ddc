"""How long a run may take, by its own time: what it waits for a processor is not counted.

A busy machine then makes a run longer, and never another verdict.
"""

from __future__ import annotations

import contextlib
import os
import time

import msgspec

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Task(msgspec.Struct, frozen=True):
    """A thread: seconds that it has run, and that it has waited to run; None where the kernel does not say."""

    ran: float = 0.0
    waited: float | None = 0.0


class RunDeadline:
    """So many seconds for the process `pid`, for its threads and for the programs that it has started.

    Begins when it is made. To be asked often. waited: seconds in which any of its threads has waited for a processor.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid, self._seconds, self.waited = pid, seconds, 0.0
        self._began = self._asked = time.monotonic()
        self._tasks = tasks(pid)
        self._ran: dict[str, float] = {}
        self._waits: list[tuple[float, float]] = []

    @property
    def spent(self) -> float:
        """The run's own seconds, as far as the last look."""
        return self._asked - self._began - self.waited

    def over(self) -> bool:
        """Whether the run has had its time."""
        now, seen = time.monotonic(), tasks(self._pid)
        stuck = []
        for path, one in seen.items():
            before = self._tasks.get(path, Task())
            ran = one.ran - before.ran
            waited = _wait(path, before, one, now - self._asked)
            if ran > 0:
                self._ran[path] = self._ran.get(path, 0.0) + ran
            else:
                stuck.append(path)
            if waited > 0:
                self._note(max(self._began, now - waited), now)
        self._asked, self._tasks = now, seen
        if sum(self._ran.values()) > self._seconds * max(1, len(self._ran)):
            return True  # its own threads have waited for each other
        # Of a wait that still goes on the system tells at its end.
        return self.spent > self._seconds and not any(map(runnable, stuck))

    def _note(self, start: float, end: float) -> None:
        """Somebody has waited from then to then; where another has at the same time, it counts once."""
        while self._waits and self._waits[-1][1] >= start:
            first, last = self._waits.pop()
            self.waited -= last - first
            start = min(start, first)
        self._waits.append((start, end))
        self.waited += end - start


def tasks(pid: int) -> dict[str, Task]:
    """The threads of a process and of the programs that it has started, by their folders in /proc; none elsewhere."""
    found: dict[str, Task] = {}
    waiting = [str(pid)]
    while waiting:
        folder = f"/proc/{waiting.pop()}/task"
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                path = f"{folder}/{name}"
                with contextlib.suppress(OSError):
                    found[path] = _task(path)
                    waiting += _read(f"{path}/children").decode().split()
    return found


def runnable(path: str) -> bool:
    """Whether a thread runs or wants to."""
    try:
        return _fields(path)[0] == b"R"
    except OSError:
        return False


def _wait(path: str, before: Task, now: Task, gap: float) -> float:
    """Seconds of `gap` that a thread has waited."""
    if now.waited is not None:
        return now.waited - (before.waited or 0.0)
    return gap - (now.ran - before.ran) if runnable(path) else 0.0


def _task(path: str) -> Task:
    try:
        ran, waited = _read(f"{path}/schedstat").split()[:2]
    except (OSError, ValueError):
        fields = _fields(path)
        return Task((int(fields[11]) + int(fields[12])) / TICKS, None)
    return Task(int(ran) / 1e9, int(waited) / 1e9)


def _fields(path: str) -> list[bytes]:
    return _read(f"{path}/stat").rpartition(b")")[2].split()


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
