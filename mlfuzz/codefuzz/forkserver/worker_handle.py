"""The supervisor's side of one worker: its page, its stacks, its output and the socket to it."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import socket
import tempfile
from collections import deque
from typing import Any

import msgspec

from mlfuzz.codefuzz.forkserver.output_ring import OutputRing, drain
from mlfuzz.codefuzz.runtime import flight_recorder
from mlfuzz.codefuzz.runtime.messages import DAMAGED, DamagedMessage, Frame, MessageBuffer, send

KILL = getattr(signal, "SIGKILL", 9)
"""Windows has none; the module must still be importable there, to say so."""

RESUME_SECONDS = 5.0


class Death(msgspec.Struct, frozen=True):
    """How a worker ended. status: as wait4 gives it; mebibytes: its peak; cpu: seconds of processor time.

    strays: processes that outlived workers of this fork server so far.
    """

    status: int
    mebibytes: float
    cpu: float
    strays: int = 0

    @property
    def signal(self) -> int:
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0

    @property
    def code(self) -> int | None:
        return os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else None


class WorkerHandle:
    """Descriptors that outlive the workers that use them, one worker at a time.

    spare: process number of a fork that waits to go on for the worker; 0 where there is none. damaged: whether what the
    worker has sent is no message; it is ended for that, and nothing more of it is believed. seal: stands in each of its
    messages, so that nothing else is taken for one.
    """

    def __init__(self, name: str) -> None:
        self._flight, self._stacks = flight_recorder.create(name), _scratch(name)
        self.flight = flight_recorder.FlightPage(self._flight)
        self.output, self._output = os.pipe()
        os.set_blocking(self.output, False)
        self.socket, self._socket = socket.socketpair()
        self.socket.setblocking(False)
        self.resume, self._resume = socket.socketpair()
        self.resume.settimeout(RESUME_SECONDS)
        self.spare = 0
        self.seal = os.urandom(8).hex()
        self.ring, self.frames = OutputRing(), MessageBuffer()
        self.inbox: deque[Frame] = deque()
        self.pid = 0
        self.death: Death | None = None
        self.lines = b""
        self.damaged = False

    @property
    def descriptors(self) -> dict[str, int]:
        """The child's ends, by the names it knows them by."""
        return {
            "flight": self._flight, "stacks": self._stacks, "output": self._output, "socket": self._socket.fileno(),
            "resume": self._resume.fileno(),
        }  # fmt: skip

    def begin(self) -> None:
        """Make ready for another worker: nothing that was meant for the one before may reach it."""
        self.collect()
        for one in (self._socket, self._resume):
            with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
                while one.recv(1 << 18, socket.MSG_DONTWAIT):
                    pass
        self.resume.setblocking(False)  # with a time limit it would wait for that long
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
            while self.resume.recv(1 << 18):
                pass
        self.resume.settimeout(RESUME_SECONDS)
        self.damaged = False
        self.frames.clear()
        self.inbox.clear()
        self.ring.clear()
        self.lines = b""
        self.flight.head[flight_recorder.STARTED] = self.flight.head[flight_recorder.CLOSED] = 0
        for word in (
            flight_recorder.REFUSED, flight_recorder.FAILED, flight_recorder.READY, flight_recorder.RETURNED,
            flight_recorder.BASE,
        ):  # fmt: skip
            self.flight.head[word] = 0
        self.flight.clear_words()
        self.pid, self.death = 0, None

    def collect(self) -> None:
        """Take what the worker has printed and sent so far."""
        piece = drain(self.output)
        if piece:
            self.ring.add(piece)
            self.lines += piece
            if len(self.lines) > flight_recorder.BODY << 4:
                self.lines = self.lines[-flight_recorder.BODY :]
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
            while part := self.socket.recv(1 << 18):
                self._take(part)

    def _take(self, part: bytes) -> None:
        if self.damaged:
            return
        try:
            for message, payload in self.frames.feed(part):
                if message.pop("seal", "") != self.seal:
                    raise DamagedMessage(DAMAGED)
                self.inbox.append((message, payload))
        except DamagedMessage:
            self.damaged = True
            self.signal()

    def answer(self, message: dict[str, object], payload: bytes = b"") -> None:
        """Send to the worker; what it sends meanwhile waits in its socket."""
        self.socket.setblocking(True)
        try:
            self.socket.settimeout(5.0)
            with contextlib.suppress(OSError):
                send(self.socket, dict(message), payload)
        finally:
            self.socket.setblocking(False)

    def last_words(self) -> dict[str, Any]:
        """What it has left in its page where it could send nothing any more; {} where that is no message."""
        with contextlib.suppress(ValueError, RecursionError):
            words = json.loads(self.flight.words)
            if isinstance(words, dict) and {"kind", "bucket"} <= words.keys():
                return words
        return {}

    def stacks(self) -> str:
        """What the worker's fault handler has written."""
        size = os.fstat(self._stacks).st_size
        return os.pread(self._stacks, min(size, 1 << 20), 0).decode("utf-8", "backslashreplace")

    def resident(self) -> float:
        """Mebibytes that the worker holds now; 0 where that cannot be seen."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * mmap.PAGESIZE / (1 << 20)
        except (OSError, IndexError):
            return 0.0

    def signal(self, number: int = KILL) -> None:
        if self.pid and self.death is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def close(self) -> None:
        self.flight.close()
        for descriptor in (self._flight, self._stacks, self.output, self._output):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        for one in (self.socket, self._socket, self.resume, self._resume):
            one.close()


def _scratch(name: str) -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create(f"mlfuzz-stacks-{name}", os.MFD_CLOEXEC)
    descriptor, path = tempfile.mkstemp(prefix="mlfuzz-stacks-")  # macOS
    os.unlink(path)
    return descriptor
