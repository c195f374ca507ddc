"""Inputs run again without atheris: a child imports the harness once, and forks for each input.

For `replay`, pytest, `bisect`: nothing is instrumented, so the code runs as its users run it.
"""

from __future__ import annotations

import math
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO, Any

import msgspec

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.runtime.messages import Frames, send
from mlfuzz.errors import ReplayError, TargetLoadError

LOAD_SECONDS = 120.0
ANSWER_SECONDS, ANSWER_LIMITS = 150.0, 20.0
"""Seconds, and times the limit of an input: the child itself ends what hangs, much earlier even where it gives five
times as long because others have the processor."""


class PlainRun:
    """One harness, imported in a process of its own. A context manager.

    lane: where its packages come from. Raises TargetLoadError with the child's own words.
    """

    def __init__(self, harness: Harness, *, lane: Lane | None = None, python: str = sys.executable) -> None:
        self.harness, self.lane = harness, lane or Lane()
        self._python = python
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._log: IO[bytes] | None = None
        self.seconds = 0.0

    def reproduce(self, payload: bytes, *, times: int = 3, kind: str = "") -> list[Outcome]:
        """Run one input, each time in a fork of its own. Raises TargetLoadError, ReplayError.

        kind: what was seen before; a "leak" shows only where a fork runs the input many times.
        """
        return [_outcome(self._ask({"kind": kind}, payload)) for _ in range(times)]

    def consumed(self, payload: bytes) -> list[tuple[str, str]]:
        """What a FuzzedDataProvider made of an input: (call, value) in order; [] where none was used."""
        answer = self._ask({"explain": True}, payload)
        return [(str(name), str(value)) for name, value in answer.get("consumed", [])]

    def start(self) -> None:
        """Import the harness now. Raises TargetLoadError."""
        if self._child is None:
            self._start()

    def close(self) -> None:
        if self._child is None:
            return
        if self._connection is not None:
            self._connection.close()
        self._child.kill()
        self._child.wait()
        if self._log is not None:
            self._log.close()
        self._child = self._connection = self._log = None

    def __enter__(self) -> PlainRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], payload: bytes) -> dict[str, Any]:
        self.start()
        assert self._connection is not None
        try:
            send(self._connection, request, payload)
            answer = self._answer(ANSWER_SECONDS + ANSWER_LIMITS * self.harness.declaration.seconds)
        except (OSError, EOFError) as error:
            said = self._said()
            self.close()
            raise ReplayError(f"harness {self.harness.name}: the process that ran it died; {said}") from error
        return answer

    def _start(self) -> None:
        declaration = self.harness.declaration
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the child
        self._child = subprocess.Popen(
            [self._python, "-m", "mlfuzz.codefuzz.plain_child", str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=self._environment(),
            pass_fds=(theirs.fileno(),), start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._connection = ours
        began = time.monotonic()
        order = {
            "harness": str(self.harness.path.resolve()), "entry": declaration.entry, "name": self.harness.name,
            "project": str(self.harness.project.resolve()), "path": list(self.lane.path),
            "packages": list(declaration.instrument),
            "allowed": [[one.type, one.match] for one in declaration.documented],
            "seconds": declaration.seconds, "mebibytes": declaration.mebibytes,
            "sanitized": bool(self.lane.preload),
        }  # fmt: skip
        try:
            send(ours, order)
            answer = self._answer(LOAD_SECONDS)
        except (OSError, EOFError) as error:
            said = self._said()
            self.close()
            raise TargetLoadError(f"harness {self.harness.name} does not import: its process died; {said}") from error
        if "error" in answer:
            self.close()
            raise TargetLoadError(
                f"harness {self.harness.name} does not import: {answer['error']}{_line(str(answer.get('trace', '')))}"
            )
        self.seconds = time.monotonic() - began

    def _answer(self, seconds: float) -> dict[str, Any]:
        """Raises EOFError where the child is gone, TimeoutError where it says nothing."""
        assert self._connection is not None
        frames, until = Frames(), time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._connection], [], [], left)[0]:
                raise TimeoutError(f"no answer within {seconds:.0f} s")
            piece = self._connection.recv(1 << 16)
            if not piece:
                raise EOFError
            if messages := frames.feed(piece):
                return messages[0][0]

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.lane.variables}
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment.setdefault(name, "1")
        if self.lane.preload:
            environment["LD_PRELOAD"] = " ".join(self.lane.preload)
        return environment

    def _said(self) -> str:
        """The last line that it printed."""
        if self._log is None:
            return "it said nothing"
        self._log.seek(0)
        lines = self._log.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        return f"it said: {lines[-1][:300]!a}" if lines else "it said nothing"


def _outcome(answer: dict[str, Any]) -> Outcome:
    known = {name: value for name, value in answer.items() if name in Outcome.__struct_fields__}
    for name in ("seconds", "mebibytes"):
        known[name] = float(known.get(name, math.nan))
    return msgspec.convert(known, Outcome, strict=False)


def _line(trace: str) -> str:
    """Where in the harness, or in what it imports, it went wrong."""
    places = [line.strip() for line in trace.splitlines() if line.lstrip().startswith('File "')]
    outside = [line for line in places if "/mlfuzz/codefuzz/" not in line and "<frozen" not in line]
    return f" ({outside[-1]})" if outside else ""


def text_of(outcomes: Sequence[Outcome]) -> str:
    """ "ValueError: day is out of range at wave.py:120:read", of the last failure; "ok" or "refused" else."""
    failing = [one for one in outcomes if one.failed]
    last = (failing or list(outcomes))[-1]
    if not last.failed:
        return last.kind if last.kind == "ok" else f"refused: {last.type}"
    where = f" at {last.frames[-1]}" if last.frames else ""
    message = f": {last.message[:120]}" if last.message else ""
    return f"{last.type or last.kind}{message}{where}"
