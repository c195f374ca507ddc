"""Commands that are started to be ended: how busy the machine is, what they leave running, and what lying about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mlfuzz.storage.parts import PART

MARK = "MLFUZZ_FAULTS_MARK"
"""In the environment of a command and of all that it starts."""

REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PATIENCE = 240.0
"""Seconds after which a command has hung, whatever the machine is at."""


def busy() -> float:
    """How many times longer the machine takes than its processor needs: 1 on an idle one."""
    began, cpu = time.monotonic(), time.process_time()
    while time.process_time() - cpu < 0.05:
        sum(range(1000))
    return max(1.0, (time.monotonic() - began) / (time.process_time() - cpu))


class Command:
    """One in a session of its own; its output goes to files. A context manager: what it has left running is ended.

    held: whether signals before its first instruction are held back, as `mlfuzz` lets them in.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, held: bool = True
    ) -> None:
        self.mark, self.folder = uuid.uuid4().hex, folder
        self.out, self.err = folder / "out", folder / "err"
        more = {"OMP_NUM_THREADS": "1", "XDG_STATE_HOME": str(folder / "state"), MARK: self.mark, **environment}
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=folder, env={**os.environ, **more}, stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=lambda: _heard(held=held),
            )  # fmt: skip

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.running():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def wait_for(self, happened: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Whether it happened before the time was up, or the command over."""
        until = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > until or self.process.poll() is not None:
                return happened()
            time.sleep(0.02)
        return True

    def said(self) -> str:
        """All of it."""
        return self.out.read_text("utf-8", "replace") + self.err.read_text("utf-8", "replace")

    def running(self) -> list[int]:
        """Processes that it has started, itself among them."""
        return [pid for pid, environment in _environments() if f"{MARK}={self.mark}".encode() in environment]

    def left(self, seconds: float) -> list[str]:
        """What still runs after so long, in words."""
        until = time.monotonic() + seconds
        while (pids := self.running()) and time.monotonic() < until:
            time.sleep(0.05)
        return [_words(pid) for pid in pids]


def _heard(*, held: bool) -> None:
    """No hang-up is ignored, whoever runs the tests (nohup)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, REQUESTS if held else ())


def parts(folder: Path) -> list[str]:
    """Files below a folder that were never finished."""
    return [str(path.relative_to(folder)) for path in folder.rglob(f"{PART}*")]


def _environments() -> list[tuple[int, list[bytes]]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((int(entry.name), (entry / "environ").read_bytes().split(b"\0")))
            except OSError:
                continue
    return found


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:120]
    except OSError:
        return ""
