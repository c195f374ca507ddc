"""The flight recorder: a shared page that says what a worker does, for its supervisor and, after a death, the probe.

Written before each batch in about 15 us; it survives whatever kills the worker, since the page belongs to the file.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlfuzz.campaign.isolation.call_deadline import LEAST_DEADLINE, CallDeadline, Shape, start_seconds
from mlfuzz.errors import StorageError
from mlfuzz.run_deadline import RunDeadline
from mlfuzz.storage.durable import make_folder, occupy, open_regular, open_shared, resize, writing

Phase = Literal["start", "load", "seeds", "calibrate", "mutate", "execute", "judge", "store", "ended"]
PHASES: tuple[Phase, ...] = ("start", "load", "seeds", "calibrate", "mutate", "execute", "judge", "store", "ended")

HEADER = struct.Struct("<8sQQddQQQQ")
MAGIC = b"MLFZFLT2"
IDENTITY_BYTES = 16
"""Of a parent: two int64."""

PAGE_BYTES = 4 << 20
"""A batch of 2,048 rows with a dozen columns of 8 bytes takes 0.2 MiB; text sites may take more."""

STEP_BYTES = 64 << 10
"""By so much the page takes up more of the disk where a record needs it."""


class Pulse(msgspec.Struct, frozen=True):
    """What the supervisor sees: phase, when it began (monotonic seconds), batch number, inputs, candidates.

    limit: seconds that the call which runs may take. calls: that have come back.
    """

    phase: Phase
    since: float
    limit: float
    calls: int
    batch: int
    inputs: int
    candidates: int


class StepRecord(msgspec.Struct, frozen=True):
    """One slice of the recorded batch: columns as (dtype, bytes), or lists as they are."""

    name: str
    version: int
    start: int
    stop: int
    columns: dict[str, Any]


def records_of(steps: Iterable[Any]) -> list[StepRecord]:
    """The steps of a batch, their columns as bytes."""
    return [
        StepRecord(step.name, step.version, step.start, step.stop, {
            name: column if isinstance(column, list) else (column.dtype.str, column.tobytes())
            for name, column in step.columns.items()
        })
        for step in steps
    ]  # fmt: skip


class FlightRecord(msgspec.Struct, frozen=True):
    """Enough to make the batch again: parents by identity, and the steps.

    parents: (n, 2) int64 as bytes: index into `lives`, and the entry's sequence there; before the corpus holds the
    seeds, -1 and the number of the seed.
    """

    batch: int
    phase: str
    lives: list[str]
    parents: bytes
    steps: list[StepRecord]


class Recorder:
    """The worker's side. One a life. deadline: seconds a batch may take, where the user has said so; else 0.

    least: seconds a batch may take at least where he has not. answered: when the first call came back (monotonic).
    """

    def __init__(self, path: Path, *, deadline: float = 0.0, least: float = LEAST_DEADLINE) -> None:
        make_folder(path.parent, parents=False)
        with writing(path):
            self._descriptor = open_shared(path)
            try:
                resize(self._descriptor, PAGE_BYTES)
                self._held = 0
                self._hold(HEADER.size)
                self._page = mmap.mmap(self._descriptor, PAGE_BYTES)
            except OSError:
                os.close(self._descriptor)
                raise
        self._batch = self._inputs = self._candidates = self._size = 0
        self.patience = CallDeadline(deadline, least)
        self.answered = time.monotonic()
        self._shape: Shape = (0,)
        self._phase: Phase = "start"
        self._since = time.monotonic()
        self.phase("start")

    def phase(self, phase: Phase) -> None:
        """Say what begins now; the time since is what a deadline is held against."""
        now = time.monotonic()
        if self._phase == "execute" and phase != "execute":
            if not self.patience.calls:
                self.answered = now
            self.patience.note(self._shape, now - self._since)
        self._phase, self._since = phase, now
        self._stamp()

    @property
    def inputs(self) -> int:
        """As last counted."""
        return self._inputs

    def count(self, *, inputs: int, candidates: int) -> None:
        """Of this campaign so far; written with the next stamp."""
        self._inputs, self._candidates = inputs, candidates

    def suspend(self) -> None:
        """What was recorded runs in another process first: until "execute" is said, nothing is timed here."""
        self._phase = "judge"
        self.phase("judge")

    def record(self, flight: FlightRecord, shape: Shape) -> None:
        """What is about to run, as a batch of this shape.

        A record larger than the page, or than the disk has room for, is left out: the batch cannot then be rebuilt.
        """
        if self._phase == "execute":
            self.phase("judge")
        self._shape = shape
        body = msgspec.msgpack.encode(flight)
        self._batch = flight.batch
        self._size = 0
        self._stamp()
        if len(body) <= PAGE_BYTES - HEADER.size and self._has_room(HEADER.size + len(body)):
            self._page[HEADER.size : HEADER.size + len(body)] = body
            self._size = len(body)
        self.phase("execute")

    def close(self) -> None:
        self.phase("ended")
        self._page.close()
        os.close(self._descriptor)

    def _has_room(self, size: int) -> bool:
        try:
            self._hold(size)
        except OSError:
            return False
        return True

    def _hold(self, size: int) -> None:
        """Have the disk put blocks aside: a write to a page without any ends the process (SIGBUS). Raises OSError."""
        if size > self._held:
            wanted = min(PAGE_BYTES, -(-size // STEP_BYTES) * STEP_BYTES)
            occupy(self._descriptor, wanted)
            self._held = wanted

    def _stamp(self) -> None:
        HEADER.pack_into(
            self._page, 0, MAGIC, PHASES.index(self._phase), self._batch, self._since,
            self.patience.limit(self._shape), self.patience.calls,
            self._inputs, self._candidates, self._size,
        )  # fmt: skip


def read_pulse(path: Path) -> Pulse | None:
    """What the worker says now; None where it has not begun."""
    try:
        with open_regular(path) as descriptor:
            head = os.pread(descriptor, HEADER.size, 0)
    except (StorageError, OSError):
        return None
    if len(head) < HEADER.size:
        return None
    magic, phase, batch, since, limit, calls, inputs, candidates, _ = HEADER.unpack(head)
    if magic != MAGIC or phase >= len(PHASES) or since <= 0:  # read while the first stamp was being written
        return None
    return Pulse(PHASES[phase], since, limit, calls, batch, inputs, candidates)


def read_flight(path: Path) -> FlightRecord | None:
    """The last recorded batch; None where there is none, or it is damaged: a process has died while it was written."""
    try:
        with open_regular(path) as descriptor:
            head = os.pread(descriptor, HEADER.size, 0)
            if len(head) < HEADER.size:
                return None
            magic, *_, size = HEADER.unpack(head)
            body = os.pread(descriptor, min(size, PAGE_BYTES), HEADER.size)
    except (StorageError, OSError):
        return None
    if magic != MAGIC or not size or len(body) < size:
        return None
    try:
        record = msgspec.msgpack.decode(body, type=FlightRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if len(record.parents) % IDENTITY_BYTES == 0 else None


def doing(pulse: Pulse | None) -> str:
    """What a worker is at before its first batch, in words."""
    if pulse is None or pulse.phase in ("start", "load"):
        return "loading the target"
    if not pulse.calls:
        return "waiting for the target's first answer"
    if pulse.phase == "calibrate":
        return "measuring the target"
    return f"running seeds and their mutants, {pulse.inputs} so far"


class Watch:
    """Of one worker: how long it has been at what it does, by its own time.

    deadline: seconds a batch may take, where the user has said so; else 0.
    """

    def __init__(self, deadline: float) -> None:
        self._given = deadline
        self._pulse: Pulse | None = None
        self._own: RunDeadline | None = None

    def overdue(self, pid: int, pulse: Pulse | None) -> str:
        """Why the worker with this pulse is given up, in words; "" while it is in time, or has ended.

        To be asked often: what the worker waits for a processor is not held against it.
        """
        if pulse is None or pulse.phase == "ended":
            return ""
        limit = pulse.limit if pulse.phase == "execute" else start_seconds(self._given)
        if self._own is None or self._pulse is None or self._pulse.since != pulse.since:
            spent = time.monotonic() - pulse.since
            self._pulse, self._own = pulse, RunDeadline(pid, max(0.0, limit - spent))
            return ""
        return f"no answer for {limit:.1f} s" if self._own.over() else ""
