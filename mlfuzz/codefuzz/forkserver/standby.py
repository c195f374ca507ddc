"""A spare of the worker that fuzzes: a fork that waits, and goes on where a dead worker was.

libFuzzer takes 20 ms to start, and a second to run a corpus again; a fork has all of it. The spare would make the same
mutations once more, so it is told which input to leave out.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from mlfuzz.codefuzz.runtime import messages
from mlfuzz.codefuzz.runtime.flight_recorder import BASE, CLOSED, FAILED, READY, REFUSED, RETURNED, STARTED
from mlfuzz.codefuzz.runtime.target_wrapper import LEAVE, ExceptionFilter

FIRST = 16
"""Runs until the first spare; the distance doubles after each."""

BASE_RUNS = 200
"""Runs after which a worker's memory counts as what it needs."""

MOST_SECONDS = 5.0
SHARE = 0.02
"""Of the time goes into making spares."""

COPYING = 8.0
"""A fork costs several times what the call takes: each page that either writes afterwards is copied."""


class Keeper:
    """Makes spares. One a worker; the spare has its copy.

    resident: mebibytes that the process holds now. What the worker needs is noted in its page by itself: whoever looks
    from outside may come late, and take for it what the inputs have left behind.
    """

    def __init__(
        self, catcher: ExceptionFilter, send: Callable[[dict[str, Any]], None], resume: socket.socket, stacks: int,
        resident: Callable[[], float],
    ) -> None:  # fmt: skip
        self._catcher, self._send, self._resume, self._stacks = catcher, send, resume, stacks
        self._resident = resident
        self._server = os.getppid()
        self._last = self._began = time.monotonic()
        self._runs = self._base = 0
        self._warm = False

    def __call__(self, number: int, poison: frozenset[bytes]) -> tuple[int, int, frozenset[bytes]]:
        """Leave a spare. In the worker: its number of runs, the number at which to come again, its poison.

        In the spare, once it has been told to go on: nought, and the dead worker's last input among the poison.
        """
        began = time.monotonic()
        runs = number - self._runs
        rate = runs / max(1e-6, began - self._last)
        message = self._fork() if _single_threaded() else None
        while message is not None:  # this is the spare, and it goes on
            number = runs = 0
            poison = self._take_over(message, poison)
            began = time.monotonic()
            message = self._fork()
        self._note_base(number)
        self._last, self._runs = time.monotonic(), number
        distance = max(FIRST, runs * 2, int(rate * COPYING * (self._last - began) / SHARE))
        following = number + min(distance, max(FIRST, int(rate * MOST_SECONDS)))
        return number, following if self._warm else min(following, BASE_RUNS), poison

    def _note_base(self, number: int) -> None:
        """What the worker holds after that many runs, until its caches are filled; a spare has it of its worker."""
        if not self._warm:
            self._base = int(self._resident() * 1024)
            self._warm = number >= BASE_RUNS
        self._catcher.flight.head[BASE] = self._base

    def _fork(self) -> dict[str, Any] | None:
        """None in the worker; in the spare, what it is told when its time has come."""
        self._catcher.cloning = True
        reader, writer = os.pipe()
        try:
            between = os.fork()
        except OSError:  # none may be started now: a worker that dies is replaced later, from the server
            self._catcher.cloning = False
            os.close(reader)
            os.close(writer)
            return None
        if between:
            self._catcher.cloning = False
            os.close(writer)
            os.waitpid(between, 0)
            pid = os.read(reader, 16)
            os.close(reader)
            if pid:
                self._send({"spare": int(pid)})
            return None
        # Forked twice, so that the server becomes the parent: the spare must outlive the worker, and be waited for.
        own = os.getpid()
        try:
            if os.fork():
                LEAVE(0)
        except OSError:
            LEAVE(0)
        while os.getppid() == own:
            time.sleep(0.0002)
        if os.getppid() != self._server:
            LEAVE(1)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
        os.setpgid(0, 0)
        self._catcher.cloning = False
        os.write(writer, str(os.getpid()).encode())
        os.close(reader)
        os.close(writer)
        return self._wait()

    def _wait(self) -> dict[str, Any]:
        """What it is told when its time has come.

        All spares hear the same socket: one that nobody knows of, whose worker died before it could tell, must not
        take away what is meant for another.
        """
        mine = os.getpid()
        try:
            self._resume.setblocking(True)
            (meant,) = messages.WHOSE.unpack(
                self._resume.recv(messages.WHOSE.size, socket.MSG_PEEK | socket.MSG_WAITALL)
            )
            if meant != mine:
                LEAVE(0)
            self._resume.recv(messages.WHOSE.size)
            message, payload = messages.receive(self._resume)
        except (EOFError, OSError, ValueError, struct.error):
            LEAVE(0)
        return {**message, "payload": payload}

    def _take_over(self, message: dict[str, Any], poison: frozenset[bytes]) -> frozenset[bytes]:
        head = self._catcher.flight.head
        for word in (STARTED, CLOSED, FAILED, REFUSED, RETURNED):
            head[word] = 0
        head[READY] = 1
        self._catcher.known.update(message["known"])
        os.lseek(self._stacks, 0, os.SEEK_SET)
        os.ftruncate(self._stacks, 0)
        return poison | {message["payload"]}


def _single_threaded() -> bool:
    """A fork has one thread; a target that uses more would wait for the others for ever."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False
