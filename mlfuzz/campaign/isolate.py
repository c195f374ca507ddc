"""Run something in a forked child that may crash, exit or hang: how it ended becomes data.

Only in a process of one thread whose torch has never run in parallel and never touched a device: others cannot fork.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Literal

from mlfuzz.batch import Rows
from mlfuzz.observation import Crash
from mlfuzz.storage.lock import die_with_parent
from mlfuzz.targets.base import Target

End = Literal["ok", "crash", "exit", "hang"]

RESULT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Ended:
    """how, and its name ("SIGSEGV", "exit 3", "over 1.0 s"); value: what the function gave; trace: where it was."""

    how: End
    name: str
    value: bytes
    trace: str
    seconds: float

    @property
    def crash(self) -> Crash:
        """The end as a crash of the system under test. Raises ValueError where there was none."""
        if self.how == "ok":
            raise ValueError("the run ended well")
        said = {
            "crash": f"the process died of {self.name}",
            "exit": f"the process ended itself with {self.name}",
            "hang": f"no answer within {self.name.removeprefix('over ')}",
        }
        name = "no answer" if self.how == "hang" else self.name
        details = {"limit_s": self.name.split()[1]} if self.how == "hang" else {}
        return Crash(self.how, name, said[self.how], frames_of(self.trace), self.trace, details)


def run_forked(function: Callable[[], bytes], seconds: float) -> Ended:
    """Fork, run, wait up to `seconds`; a child that is late is killed, its Python stack taken first."""
    started = time.monotonic()
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as stack:
        child = os.fork()
        if child == 0:
            _child(function, reading, writing, stack)
        os.close(writing)
        try:
            value, late = _collect(child, reading, started + seconds)
            _, status = os.waitpid(child, 0)
        finally:
            os.close(reading)
        stack.seek(0)
        trace = stack.read(20_000).decode("utf-8", "replace")
    spent = time.monotonic() - started
    if late:
        return Ended("hang", f"over {seconds:.1f} s", b"", trace, spent)
    if os.WIFSIGNALED(status):
        return Ended("crash", signal.Signals(os.WTERMSIG(status)).name, b"", trace, spent)
    if os.WEXITSTATUS(status) or not value.endswith(b"\0ok"):
        return Ended("exit", f"exit {os.WEXITSTATUS(status)}", b"", trace, spent)
    return Ended("ok", "", value[:-3], "", spent)


def run_rows(target: Target, rows: Rows, seconds: float) -> Ended:
    """One forward pass in a child. An exception ends it well: it would not have ended the process."""

    def forward() -> bytes:
        try:
            target.run(rows)
        except Exception:  # noqa: BLE001  only what takes the process down is asked for here
            return b"raised"
        return b"answered"

    return run_forked(forward, seconds)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows by how a child that ran them ended. good: in runs that ended well, ascending. guilty: by themselves.

    skipped: rows of runs that ended badly and were not looked into further, because enough guilty ones were known.
    """

    good: list[int]
    guilty: list[tuple[int, Ended]]
    skipped: int


def sort_rows(run: Callable[[int, int], Ended], count: int, most: int) -> Sorted:
    """Halve until the guilty rows stand alone, `most` of them at most. run(start, stop): rows in a child of its own."""
    good: list[int] = []
    guilty: list[tuple[int, Ended]] = []
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


def _child(function: Callable[[], bytes], reading: int, writing: int, stack: IO[bytes]) -> None:
    """Never returns: the child must not run its parent's clean-up, nor end with its code."""
    try:
        die_with_parent()
        os.close(reading)
        faulthandler.enable(file=stack, all_threads=False)
        faulthandler.register(signal.SIGUSR1, file=stack, all_threads=False)
        value = function()
        os.write(writing, value[:RESULT_BYTES] + b"\0ok")
        os._exit(0)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001  whatever it was, the child ends here
        os._exit(70)


def _collect(child: int, reading: int, deadline: float) -> tuple[bytes, bool]:
    """(what the child wrote, whether it was late). A late one is asked for its stack, then killed."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        ready = select.select([reading], [], [], max(0.0, left))[0] if left > 0 else []
        if not ready:
            os.kill(child, signal.SIGUSR1)
            time.sleep(0.2)  # faulthandler writes from a signal handler; it says nothing when it is done
            os.kill(child, signal.SIGKILL)
            return b"".join(parts), True
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts), False
        parts.append(part)
