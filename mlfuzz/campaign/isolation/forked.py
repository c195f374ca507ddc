"""Run something in a forked child that may crash, exit or hang: how it ended becomes data.

Only in a process of one thread whose torch has never run in parallel and never touched a device: others cannot fork.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Literal

import numpy as np

from mlfuzz.batch import Rows
from mlfuzz.campaign.isolation.call_deadline import START_SECONDS
from mlfuzz.errors import ReplayError
from mlfuzz.observation import Crash
from mlfuzz.run_deadline import RunDeadline
from mlfuzz.storage.lock import die_with_parent
from mlfuzz.storage.scratch import nameless_file
from mlfuzz.targets.base import Target

End = Literal["ok", "crash", "exit", "hang"]

RESULT_BYTES = 1 << 20

LOOK_SECONDS = 0.02
"""So often a child that has not answered is looked at."""

USUAL_FACTOR = 10.0
"""A child may take so many times what a like call has just taken in it."""

LIMIT_GIVEN = "limit_given"
"""In the evidence of a hang: its limit is the user's, and is kept to wherever it is run again."""

MEASURED = struct.Struct("<d")
"""What a child says before it runs what it is asked to: how long the same call took on what is known to answer."""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """how, and its name ("SIGSEGV", "exit 3", "over 1.0 s"); value: what the function gave; trace: where it was.

    given: whether the user said how long it may take.
    """

    how: End
    name: str
    value: bytes
    trace: str
    seconds: float
    given: bool = False

    @property
    def crash(self) -> Crash:
        """The end as a crash of the system under test. Raises ValueError where there was none."""
        if self.how == "ok":
            raise ValueError("the run ended well")
        messages = {
            "crash": f"the process died of {self.name}",
            "exit": f"the process ended itself with {self.name}",
            "hang": f"no answer within {self.name.removeprefix('over ')}",
        }
        name = "no answer" if self.how == "hang" else self.name
        details = {"limit_s": self.name.split()[1]} if self.how == "hang" else {}
        if self.how == "hang" and self.given:
            details[LIMIT_GIVEN] = "yes"
        return Crash(self.how, name, messages[self.how], frames_of(self.trace), self.trace, details)


def run_forked(function: Callable[[], bytes], seconds: float, *, warm: Callable[[], object] | None = None) -> ChildEnd:
    """Fork, run, wait up to `seconds`; a child that is late is killed, its Python stack taken first.

    warm: a like call that is known to come back: the child makes it twice before anything is timed, once to get over
    its first and once to measure what is usual here and now; 10 times that is waited for at least.
    Raises ReplayError where that call does not come back here.
    """
    started = time.monotonic()
    reading, writing = os.pipe()
    with nameless_file("stack") as stack:
        try:
            child = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            raise ReplayError(
                f"no process can be forked here ({error.strerror}), which what may crash is run in"
            ) from error
        if child == 0:
            _child(function, warm, reading, writing, stack)
        os.close(writing)
        try:
            usual, cold = (b"", False) if warm is None else _collect(child, reading, START_SECONDS, MEASURED.size)
            if len(usual) == MEASURED.size:
                seconds = max(seconds, USUAL_FACTOR * MEASURED.unpack(usual)[0])
            value, late = (b"", False) if cold else _collect(child, reading, seconds)
            _, status = os.waitpid(child, 0)
        finally:
            os.close(reading)
        stack.seek(0)
        trace = stack.read(20_000).decode("utf-8", "replace")
    spent = time.monotonic() - started
    if warm is not None and len(usual) < MEASURED.size and not cold:
        return run_forked(function, seconds)  # what is known to answer ended it: that says nothing of the rest
    if cold:
        raise ReplayError(f"a forked child gave no answer in {START_SECONDS:.0f} s to an input that is known to answer")
    if late:
        return ChildEnd("hang", f"over {seconds:.1f} s", b"", trace, spent)
    if os.WIFSIGNALED(status):
        return ChildEnd("crash", signal.Signals(os.WTERMSIG(status)).name, b"", trace, spent)
    if os.WEXITSTATUS(status) or not value.endswith(b"\0ok"):
        return ChildEnd("exit", f"exit {os.WEXITSTATUS(status)}", b"", trace, spent)
    return ChildEnd("ok", "", value[:-3], "", spent)


def run_rows(target: Target, rows: Rows, seconds: float, *, known: Rows | None = None, given: bool = False) -> ChildEnd:
    """One forward pass in a child. An exception ends it well: it would not have ended the process.

    known: a row that answers; where it is given the limit is 10 times what as many of it take in that child, if that
    is more than `seconds`, and the child's first call is not judged. given: the limit is the user's, and is kept to.
    """

    def forward() -> bytes:
        try:
            target.run(rows)
        except Exception:  # noqa: BLE001  only what takes the process down is asked for here
            return b"raised"
        return b"answered"

    if known is None or given:
        return replace(run_forked(forward, seconds), given=given)
    alike = known.take(np.zeros(len(rows), np.int64))
    return run_forked(forward, seconds, warm=lambda: target.run(alike))


def warm_up(target: Target, known: Rows) -> bool:
    """Make the target's first call in this process, so that no child need make it; whether that is done.

    known: a row that should answer. A child tries it first, as what ends a process must not end this one.
    Raises ReplayError where it gives no answer: then no other input can be blamed for giving none.
    """
    tried = run_rows(target, known, START_SECONDS)
    if tried.how == "hang":
        raise ReplayError(f"target {target.name} gave no answer in {START_SECONDS:.0f} s to an unmutated seed")
    if tried.how != "ok":
        return False
    with suppress(Exception):
        target.run(known)
    return True


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows by how a child that ran them ended. good: in runs that ended well, ascending. guilty: by themselves.

    skipped: rows of runs that ended badly and were not looked into further, because enough guilty ones were known.
    """

    good: list[int]
    guilty: list[tuple[int, ChildEnd]]
    skipped: int


def sort_rows(run: Callable[[int, int], ChildEnd], count: int, most: int) -> Sorted:
    """Halve until the guilty rows stand alone, `most` of them at most. run(start, stop): rows in a child of its own."""
    good: list[int] = []
    guilty: list[tuple[int, ChildEnd]] = []
    skipped = 0
    pending = [(0, count)]
    while pending:
        start, stop = pending.pop()
        if len(guilty) >= most and stop - start < count:
            skipped += stop - start
            continue
        ended = run(start, stop)
        if ended.how == "ok":
            good += range(start, stop)
        elif stop - start == 1:
            guilty.append((start, ended))
        else:
            middle = (start + stop) // 2
            pending += [(middle, stop), (start, middle)]
    return Sorted(sorted(good), guilty, skipped)


def frames_of(trace: str) -> tuple[str, ...]:
    """ "file:function" of faulthandler's lines, outermost first, without mlfuzz's own and torch's frames."""
    frames = []
    for line in trace.splitlines():
        if line.strip().startswith("File ") and " in " in line:
            path = line.split('"')[1].rpartition("site-packages/")[2]
            own = "/mlfuzz/" in path and "/testing/" not in path and "/examples/" not in path
            if not own and not path.startswith("torch/"):
                frames.append(f"{os.path.basename(path) if path.startswith('/') else path}:{line.rsplit(' in ', 1)[1]}")
    return tuple(reversed(frames))


def _child(
    function: Callable[[], bytes], warm: Callable[[], object] | None, reading: int, writing: int, stack: IO[bytes]
) -> None:
    """Never returns: the child must not run its parent's clean-up, nor end with its code."""
    try:
        die_with_parent()
        os.close(reading)
        faulthandler.enable(file=stack, all_threads=False)
        faulthandler.register(signal.SIGUSR1, file=stack, all_threads=False)
        if warm is not None:
            os.write(writing, MEASURED.pack(_usual(warm)))
        value = function()
        os.write(writing, value[:RESULT_BYTES] + b"\0ok")
        os._exit(0)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001  whatever it was, the child ends here
        os._exit(70)


def _usual(call: Callable[[], object]) -> float:
    """Seconds of a second call; what it raises is not asked for."""
    for _ in range(2):
        started = time.monotonic()
        with suppress(Exception):
            call()
    return time.monotonic() - started


def _collect(child: int, reading: int, seconds: float, size: int = 0) -> tuple[bytes, bool]:
    """(what the child wrote, whether it was late). A late one is asked for its stack, then killed.

    seconds: of its own: what it waits for a processor is not counted. size: bytes that are enough; 0: all until its
    end.
    """
    parts: list[bytes] = []
    own = RunDeadline(child, seconds)
    while True:
        if not select.select([reading], [], [], LOOK_SECONDS)[0]:
            if not own.over():
                continue
            os.kill(child, signal.SIGUSR1)
            time.sleep(0.2)  # faulthandler writes from a signal handler; it says nothing when it is done
            os.kill(child, signal.SIGKILL)
            return b"".join(parts), True
        part = os.read(reading, size or 1 << 16)
        if not part:
            return b"".join(parts), False
        parts.append(part)
        if size:  # so short a write comes whole
            return part, False
