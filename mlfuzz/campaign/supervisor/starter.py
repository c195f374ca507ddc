"""The process in which a campaign's worker and triage worker begin: it has torch loaded, so each takes milliseconds.

It runs no target, no thread and no operator of torch: what is forked from it is as good as new. Where that cannot be
(more threads than one, a system without what it needs) it says so, and `child.py` starts them plainly instead.
One JSON line a message on the socket of descriptor 3. `python -P -m mlfuzz.campaign.supervisor.starter PID ROOM`.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import select
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Literal, NoReturn

import msgspec

from mlfuzz.storage.lock import die_with_parent

SOCKET = 3

MESSAGE_BYTES = 1 << 16
"""A message is one packet: an order with two paths of 4,096 bytes, which JSON may write six times as long."""

FDS = 3
"""Descriptors that come with a request: the log, and a pipe or two."""

OUT_OF_THE_WAY = 10
"""Above the numbers that the triage worker expects."""

ROOM = 1 << 14
"""Bytes of its own command line, which those that are forked write theirs over, so that `ps` tells them apart."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Start one. role: whose `main` it runs. argument: as that takes it. number: what it is called in messages.

    With it come descriptors: the log, then what the role reads and writes.
    """

    number: int
    role: Literal["worker", "triage"]
    argument: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """That one can be forgotten: its status was read."""

    number: int


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Of one process: its pid once it is started, its status once it has ended. refused: why none can be started."""

    number: int = 0
    pid: int = 0
    status: int | None = None
    refused: str = ""


class Starter:
    """Of one supervisor. poll: the socket, and one descriptor for each process that was started."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._poll = select.poll()
        self._poll.register(ours, select.POLLIN)
        self._started: dict[int, tuple[int, int]] = {}  # a process's descriptor -> its number and pid
        self._pids: dict[int, int] = {}  # number -> pid of what is not forgotten

    def serve(self) -> None:
        """Until the other end closes."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor != self._socket.fileno():
                    self._ended(descriptor)
                elif not self._heard():
                    return

    def _heard(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._socket, MESSAGE_BYTES, FDS)
        if not data:
            return False
        if not descriptors:
            os.waitpid(self._pids.pop(msgspec.json.decode(data, type=Seen).number), 0)
            return True
        request = msgspec.json.decode(data, type=Request)
        pid = os.fork()
        if pid == 0:
            self._socket.close()
            for other in self._started:
                os.close(other)
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._pids[request.number] = pid
        watched = os.pidfd_open(pid)
        self._started[watched] = (request.number, pid)
        self._poll.register(watched, select.POLLIN)
        self._say(News(number=request.number, pid=pid))
        return True

    def _ended(self, descriptor: int) -> None:
        """It is not reaped before its end is heard of: until then its number is nobody else's."""
        number, pid = self._started.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        self._say(News(number=number, pid=pid, status=status))

    def _say(self, news: News) -> None:
        self._socket.send(msgspec.json.encode(news))


def main(parent: int) -> int:
    die_with_parent(parent)
    _call_oneself("mlfuzz.campaign.supervisor.starter", str(parent))
    with socket.socket(fileno=SOCKET) as ours:
        if refused := _prepared():
            ours.send(msgspec.json.encode(News(refused=refused)))
            return 0
        Starter(ours).serve()
    return 0


def _prepared() -> str:
    """Load what each of them needs; why none can be started from here, "" where they can."""
    import torch

    import mlfuzz.campaign.minimize.pipeline
    import mlfuzz.campaign.supervisor.crash_isolation
    import mlfuzz.campaign.supervisor.triage_worker
    import mlfuzz.campaign.worker.campaign
    import mlfuzz.targets.load  # noqa: F401

    if not hasattr(os, "pidfd_open"):
        return "processes have no descriptors here"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return f"processes have no descriptors here: {error}"
    if len(os.listdir("/proc/self/task")) > 1:
        return "a library has started a thread of its own"
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return "the device is in use already"
    gc.freeze()  # what all of them have stays shared
    return ""


def _become(request: Request, descriptors: list[int]) -> NoReturn:
    """Never returns. What a process of its own would have is made so: session, descriptors, chance, command line."""
    code = 1
    try:
        parent = os.getppid()
        os.setsid()
        die_with_parent(parent)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        log, *others = descriptors
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        _reseed()
        code = _ROLES[request.role](request.argument, parent, others)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  as of a process of its own: the log has it, and the status says so
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _reseed() -> None:
    """numpy's global chance is drawn at import: several workers of one user's code would draw the same."""
    import numpy

    numpy.random.seed()


def _work(argument: str, parent: int, descriptors: list[int]) -> int:
    from mlfuzz.campaign.worker.__main__ import main as work
    from mlfuzz.campaign.worker.orders import Order

    order = msgspec.json.decode(argument, type=Order)
    pipe = descriptors[0] if descriptors else -1
    order = msgspec.structs.replace(order, parent=parent, pipe=pipe)
    argument = msgspec.json.encode(order).decode()
    _call_oneself("mlfuzz.campaign.worker", argument)
    return work(argument)


def _triage(argument: str, parent: int, descriptors: list[int]) -> int:
    from mlfuzz.campaign.supervisor import triage_worker

    spare = [fcntl.fcntl(one, fcntl.F_DUPFD, OUT_OF_THE_WAY) for one in descriptors]
    for one in descriptors:
        os.close(one)
    for one, number in zip(spare, (triage_worker.REQUESTS, triage_worker.REPLIES), strict=True):
        os.dup2(one, number)
        os.close(one)
    _call_oneself("mlfuzz.campaign.supervisor.triage_worker", str(parent))
    return triage_worker.main([str(parent)])


_ROLES: dict[str, Callable[[str, int, list[int]], int]] = {"worker": _work, "triage": _triage}


def _call_oneself(module: str, argument: str) -> None:
    """Its arguments, as of a process of its own; `ps`, `top` and /proc show them too, or stay with the starter's."""
    words = [sys.executable, "-P", "-m", module, argument]
    sys.argv, sys.orig_argv = [module, argument], words
    try:
        with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, the 48th and 49th: man 5 proc
    except (OSError, ValueError, IndexError):
        return
    line = b"\0".join(word.encode("utf-8", "surrogateescape") for word in words) + b"\0"
    if start and len(line) <= end - start:
        ctypes.memmove(start, line + b"\0" * (end - start - len(line)), end - start)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
