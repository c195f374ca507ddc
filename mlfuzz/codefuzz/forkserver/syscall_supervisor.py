"""Stands between a watched worker and the kernel: whatever the sandbox would refuse it waits here for an answer.

Who calls is the same to it: Python, native code, a thread, a process that was forked.
Source: Linux kernel documentation, userspace-api/seccomp_filter, "Userspace Notification".
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import socket
import struct

from mlfuzz.codefuzz.forkserver.client import ForkServerClient
from mlfuzz.codefuzz.forkserver.syscall_answers import SyscallAnswer, SyscallAnswers, SyscallRequest
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.runtime.permissions import INSIDE
from mlfuzz.codefuzz.runtime.syscalls import FILES, LOOKS, MACHINES

RECEIVE, SEND, ADD_DESCRIPTOR = 0xC0502100, 0xC0182101, 0x40182103
"""ioctls of the listener."""

NOTICE, REPLY, ADDED = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI"), struct.Struct("=QIIII")
"""struct seccomp_notif, seccomp_notif_resp, seccomp_notif_addfd."""

CONTINUE = 1


class SyscallSupervisor:
    """Watches the run of the worker in `slot`. A context manager.

    watches: whether it is asked; the kernel may not let it, and then refuses without a word.
    """

    def __init__(self, link: ForkServerClient, slot: WorkerHandle, answers: SyscallAnswers) -> None:
        self._link, self._slot, self._answers = link, slot, answers
        machine = platform.machine()
        self._architecture = MACHINES[machine][0]
        names = {**MACHINES[machine][1], **FILES[machine], **LOOKS[machine]}
        self._names = {number: name for name, number in names.items()}
        self._listener = -1

    @property
    def watches(self) -> bool:
        return self._listener >= 0

    def __enter__(self) -> SyscallSupervisor:
        self._answers.begin()
        self._link.listen(self._slot.resume, self)
        return self

    def __exit__(self, *_: object) -> None:
        if not self.watches:
            self._arrive()
        if self.watches:
            self._link.forget(self._listener)
            os.close(self._listener)

    def collect(self) -> None:
        """Something has come: the listener itself, or a call that waits."""
        if self.watches:
            self._answer()
        else:
            self._arrive()

    def _arrive(self) -> None:
        """The listener, which the worker sends over its own socket: nobody else has any use for that meanwhile."""
        self._link.forget(self._slot.resume)
        try:
            where, found, _, _ = socket.recv_fds(self._slot.resume, 1, 1, socket.MSG_DONTWAIT)
        except OSError:
            return
        if found:
            self._answers.inside = where == INSIDE
            self._listener = found[0]
            self._link.listen(self._listener, self)

    def _answer(self) -> None:
        import fcntl  # Windows has none

        notice = bytearray(NOTICE.size)
        try:
            fcntl.ioctl(self._listener, RECEIVE, notice)
        except OSError:  # it was killed while it waited
            return
        number, pid, _, call, architecture, _, *arguments = NOTICE.unpack(notice)
        name = self._names.get(call, "") if architecture == self._architecture else ""
        try:
            answer = self._answers.answer(SyscallRequest(self._slot.pid, pid, name, tuple(arguments)))
        except OSError as error:  # nobody may look at it, or it is gone
            self._answers.note("permission", f"{name} ({error.strerror})", pretended=False)
            answer = SyscallAnswer(error=errno.EPERM)
        with contextlib.suppress(OSError):  # it may be gone by now
            self._send(number, answer)

    def _send(self, number: int, answer: SyscallAnswer) -> None:
        import fcntl

        value, error, flags = 0, -answer.error, 0
        if answer.file >= 0:
            try:
                added = bytearray(ADDED.pack(number, 0, answer.file, 0, answer.flags))  # mutable: its own result counts
                value = fcntl.ioctl(self._listener, ADD_DESCRIPTOR, added)
            finally:
                os.close(answer.file)
        elif not error and not answer.done:
            flags = CONTINUE
        fcntl.ioctl(self._listener, SEND, REPLY.pack(number, value, error, flags))
