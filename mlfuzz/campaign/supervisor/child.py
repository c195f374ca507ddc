"""A process that a supervisor holds, however it was begun: from the starter, or plainly."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from mlfuzz.campaign.isolation.process_setup import child_environment
from mlfuzz.campaign.supervisor.starter import MESSAGE_BYTES, ROOM, SOCKET, News, Request, Seen

LOOK_SECONDS = 0.01
"""Between two looks whether one has ended that is waited for."""

ORPHAN_SECONDS = 5.0
"""So long the system is given to end those whose starter has died."""


class Child(Protocol):
    """As much of `subprocess.Popen` as is needed. pid: of one that has not begun yet, of who is beginning it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None:
        """Its exit status once it has ended, negative for a signal."""
        ...

    def wait(self) -> int:
        """Its exit status, waited for."""
        ...

    def kill(self) -> None: ...
    def send_signal(self, number: int) -> None: ...


Plainly = Callable[[Sequence[int]], "subprocess.Popen[bytes]"]


class Children:
    """Begins processes from a starter that it keeps, until `close`; plainly where that does not go."""

    def __init__(self) -> None:
        self._starter: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._refused = not sys.platform.startswith("linux")
        self._asked: dict[int, _Forked] = {}
        self._number = 0

    def start(
        self, role: Literal["worker", "triage"], argument: str, descriptors: Sequence[int], plainly: Plainly
    ) -> Child:
        """Begin one. descriptors: its log, then what its role reads and writes; they stay the caller's.

        plainly: begins it as a process of its own, with the descriptors that it is given; asked where there is no
        starter.
        """
        if self._refused or not self._begun():
            return plainly(descriptors)
        self._number += 1
        child = _Forked(self, self._number, plainly, [os.dup(one) for one in descriptors])
        self._asked[child.number] = child
        request = Request(number=child.number, role=role, argument=argument)
        try:
            assert self._socket is not None
            socket.send_fds(self._socket, [msgspec.json.encode(request)], list(descriptors))
        except OSError:  # it has died since, or the order is too long for a packet
            self._lose()
        return child

    def close(self) -> None:
        """End the starter, and with it whatever it has started that still runs."""
        for child in self._end_starter():
            child.lost(begun_anew=False)

    def hear(self) -> None:
        """Take what the starter says, without waiting."""
        while self._socket is not None:
            try:
                data = self._socket.recv(MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            news = msgspec.json.decode(data, type=News) if data else News(refused="it has died")
            if news.refused:
                self._refused = self._refused or bool(data)
                self._lose()
            elif (child := self._asked.get(news.number)) is not None:
                self._took(child, news)

    def starter_pid(self) -> int:
        """Of the starter; ours, where it does not run."""
        return os.getpid() if self._starter is None else self._starter.pid

    def _took(self, child: _Forked, news: News) -> None:
        if news.status is None:
            child.began(news.pid)
            return
        del self._asked[child.number]
        child.ended(news.status)
        with contextlib.suppress(OSError):
            assert self._socket is not None
            self._socket.send(msgspec.json.encode(Seen(number=child.number)))

    def _begun(self) -> bool:
        if self._starter is not None and self._socket is not None:
            return True
        self._lose()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            try:
                self._starter = subprocess.Popen(
                    [sys.executable, "-P", "-c", _ENTRY, str(theirs.fileno()), str(os.getpid()), "." * ROOM],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    env=child_environment(), pass_fds=(theirs.fileno(),), start_new_session=True,
                )  # fmt: skip
            except OSError:
                ours.close()
                self._refused = True
                return False
        self._socket = ours
        return True

    def _lose(self) -> None:
        """The starter is gone, or of no use: what it had started has ended with it, the rest is begun plainly."""
        for child in self._end_starter():
            child.lost(begun_anew=True)

    def _end_starter(self) -> list[_Forked]:
        """Those that had not ended."""
        if self._socket is not None:
            self._socket.close()
        if self._starter is not None:
            self._starter.kill()
            self._starter.wait()
        self._starter = self._socket = None
        asked, self._asked = self._asked, {}
        return list(asked.values())


class _Forked:
    """One that the starter was asked for."""

    def __init__(self, children: Children, number: int, plainly: Plainly, kept: list[int]) -> None:
        self.number = number
        self._children, self._plainly, self._kept = children, plainly, kept
        self._pid = 0
        self._status: int | None = None
        self._plain: subprocess.Popen[bytes] | None = None
        self._signals: list[int] = []  # sent to it before it began

    @property
    def pid(self) -> int:
        """Of who is beginning it, while it has not begun."""
        self._children.hear()
        if self._plain is not None:
            return self._plain.pid
        return self._pid or self._children.starter_pid()

    def poll(self) -> int | None:
        self._children.hear()
        return self._plain.poll() if self._plain is not None else self._status

    def wait(self) -> int:
        while (status := self.poll()) is None:
            time.sleep(LOOK_SECONDS)
        return status

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self.poll() is not None:
            return
        if self._plain is not None:
            self._plain.send_signal(number)
        elif self._pid:
            os.kill(self._pid, number)  # its number is nobody else's before its end is heard of
        else:
            self._signals.append(number)
            if number == signal.SIGKILL:
                self._status = -number  # nothing of it runs, and nothing will

    def began(self, pid: int) -> None:
        """The starter has started it."""
        self._pid = pid
        for number in self._signals:
            os.kill(pid, number)
        self._release()

    def ended(self, status: int) -> None:
        """It has, and the starter has said how."""
        self._status = status if self._status is None else self._status
        self._release()

    def lost(self, *, begun_anew: bool) -> None:
        """There is no starter any more. begun_anew: plainly, where it had not begun."""
        if self._status is None and self._pid:
            _wait_for(self._pid)
        if self._status is None and not self._pid and begun_anew:
            self._plain = self._plainly(self._kept)
        elif self._status is None:
            self._status = -signal.SIGKILL
        self._release()

    def _release(self) -> None:
        for one in self._kept:
            os.close(one)
        self._kept = []


def _wait_for(pid: int) -> None:
    """Until a process is gone that the system ends because its parent has died."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    select.select([descriptor], [], [], ORPHAN_SECONDS)
    os.close(descriptor)


_ENTRY = f"""
import os, sys
theirs, parent = map(int, sys.argv[1:3])
if theirs != {SOCKET}:
    os.dup2(theirs, {SOCKET}); os.close(theirs)
from mlfuzz.campaign.supervisor.starter import main
sys.exit(main(parent))
"""
"""The socket gets the number that the starter expects; pass_fds keeps the one it happens to have."""
