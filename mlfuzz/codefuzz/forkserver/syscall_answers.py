"""What a watched worker is answered when it wants what the sandbox refuses: as far as that harms nobody, it has worked.

A file opened to be written outside is a file without a name, a folder is said to be made, a program runs in the same
sandbox: nothing outside is changed. The network, signals to others and calls of the system cannot be pretended and are
refused; nor does a pretence hold where what was made is looked for. What would not work without a sandbox either is
left to the kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import socket
import stat
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from mlfuzz.codefuzz.failure.sandbox_refusal import SHARED, Deed, Refusal
from mlfuzz.codefuzz.runtime.permissions import NETWORK, PROCESSES, SHARED_MEMORY, SIGNALS, STANDARD, Permissions
from mlfuzz.codefuzz.runtime.syscalls import CHANGES, DEVICES, LOOKS, NETWORK_CALLS, PROGRAM_CALLS
from mlfuzz.storage.scratch import nameless_file

PATHS: dict[str, tuple[tuple[int, int], ...]] = {
    "open": ((-1, 0),), "openat": ((0, 1),), "openat2": ((0, 1),), "creat": ((-1, 0),), "mkdir": ((-1, 0),),
    "mkdirat": ((0, 1),), "unlink": ((-1, 0),), "unlinkat": ((0, 1),), "rmdir": ((-1, 0),),
    "rename": ((-1, 0), (-1, 1)), "renameat": ((0, 1), (2, 3)), "renameat2": ((0, 1), (2, 3)),
    "link": ((-1, 0), (-1, 1)), "linkat": ((0, 1), (2, 3)), "symlink": ((-1, 1),), "symlinkat": ((1, 2),),
    "mknod": ((-1, 0),), "mknodat": ((0, 1),), "truncate": ((-1, 0),), "execve": ((-1, 0),), "execveat": ((0, 1),),
    "stat": ((-1, 0),), "lstat": ((-1, 0),), "access": ((-1, 0),), "chdir": ((-1, 0),), "readlink": ((-1, 0),),
    "chmod": ((-1, 0),), "chown": ((-1, 0),), "lchown": ((-1, 0),), "fchownat": ((0, 1),), "newfstatat": ((0, 1),),
    "readlinkat": ((0, 1),), "fchmodat": ((0, 1),), "faccessat": ((0, 1),), "utimensat": ((0, 1),),
    "statx": ((0, 1),), "faccessat2": ((0, 1),), "fchmodat2": ((0, 1),),
}  # fmt: skip
"""Which arguments name a file: (descriptor of the folder it starts from, or -1; text)."""

LOOKING = frozenset(LOOKS["x86_64"]) | frozenset(LOOKS["aarch64"])
OPENING = frozenset({"open", "openat", "openat2", "creat"})
FOLLOWING = OPENING | {"truncate", "execve", "execveat"}
MAKING = frozenset({"mkdir", "mkdirat"})
REMOVING, MOVING = frozenset({"unlink", "unlinkat", "rmdir"}), frozenset({"rename", "renameat", "renameat2"})
STREAMS = re.compile(r"/dev/(std(in|out|err)$|fd/)|/proc/[^/]+/(task/\d+/)?fd/")
"""Names of what is open already; the sandbox has nothing against those."""

AT_FDCWD, REMOVE_FOLDER = -100, 0x200
LONGEST_PATH, PAGE = 4096, 4096
LONGEST_ADDRESS = 128
"""Of a socket's address, struct sockaddr_storage."""

OTHERS = "others"
LOCAL_6 = (bytes(15) + b"\x01", bytes(16), bytes(10) + b"\xff\xff\x7f\0\0\x01")
"""IPv6 addresses of this machine: ::1, ::, ::ffff:127.0.0.1."""

LARGEST_COPY = 16 << 20
"""Of a file that is opened to be changed: a larger one is found empty."""


@dataclass(frozen=True, slots=True)
class SyscallAnswer:
    """error: the call's errno; file: a descriptor that it gives; done: it returns 0. None of them: it is made."""

    error: int = 0
    file: int = -1
    done: bool = False
    flags: int = 0


PROCEED, DONE = SyscallAnswer(), SyscallAnswer(done=True)


@dataclass(frozen=True, slots=True)
class SyscallRequest:
    """A call that waits. worker: the process that is watched; pid: the one that calls, itself or a child."""

    worker: int
    pid: int
    name: str
    arguments: tuple[int, ...]

    def number(self, place: int) -> int:
        """An argument as the C int that it is."""
        return ctypes.c_int(self.arguments[place] & 0xFFFFFFFF).value

    def paths(self) -> list[str]:
        """Absolute, links resolved (the last one only where the call follows it); "" for no name. Raises OSError."""
        return [self._path(folder, text) for folder, text in PATHS[self.name]]

    def open_flags(self) -> int:
        if self.name == "openat2":
            return int(struct.unpack("=Q", self._memory(self.arguments[2], 8))[0])
        if self.name == "creat":
            return os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        return self.number(1 if self.name == "open" else 2)

    def whom(self) -> str:
        """Of a connect: the path of a socket; OTHERS for what is on another machine; "" for what is not."""
        address = self._memory(self.arguments[1], min(self.arguments[2], LONGEST_ADDRESS))
        family = int.from_bytes(address[:2], sys.byteorder)
        if family == socket.AF_UNIX:
            path = address[2:].partition(b"\0")[0]
            return os.path.join(os.readlink(f"/proc/{self.pid}/cwd"), os.fsdecode(path)) if path else ""
        if family == socket.AF_INET:
            return "" if address[4:5] in (b"\x7f", b"\0") else OTHERS
        if family == socket.AF_INET6:
            return "" if address[8:24] in LOCAL_6 else OTHERS
        return ""

    def _path(self, folder: int, text: int) -> str:
        path = os.fsdecode(self._text(self.arguments[text])) if self.arguments[text] else ""
        if not path:
            return ""
        at = "cwd" if folder < 0 or self.number(folder) == AT_FDCWD else f"fd/{self.number(folder)}"
        base = "/" if path.startswith("/") else os.readlink(f"/proc/{self.pid}/{at}")
        whole = os.path.join(base, path)
        head, tail = os.path.split(whole.rstrip("/"))
        if STREAMS.match(whole):
            return whole
        if self.name in FOLLOWING or tail in ("", ".", ".."):
            return os.path.realpath(whole)
        return os.path.join(os.path.realpath(head), tail)

    def _text(self, address: int) -> bytes:
        """Read page by page: the one after the text's may not be there."""
        found = b""
        while len(found) < LONGEST_PATH and b"\0" not in found:
            piece = self._memory(address + len(found), PAGE - (address + len(found)) % PAGE)
            if not piece:
                raise OSError(errno.EFAULT, "no text there")
            found += piece
        return found.partition(b"\0")[0]

    def _memory(self, address: int, size: int) -> bytes:
        memory = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY)
        try:
            return os.pread(memory, size, address)
        finally:
            os.close(memory)


class SyscallAnswers:
    """Answers the calls of one input. writable: the folder it may write to. files: whether its sandbox minds files at
    all; programs: others may be started there. permitted: what else it may. copies: folders of which it has a
    throw-away copy, where it is inside. notes: what it wanted and the sandbox refuses.
    """

    def __init__(
        self,
        writable: str,
        *,
        files: bool,
        programs: bool,
        permitted: Permissions = STANDARD,
        copies: Sequence[str] = (),
    ) -> None:
        self.inside, self._copies = False, tuple(copies)
        self._files, self._granted = files, permitted.granted
        self._programs = programs or PROCESSES in permitted.granted
        self._writable = (os.path.realpath(writable), *permitted.roots)
        self._made: set[str] = set()
        self._touched: dict[str, Refusal] = {}
        self.notes: dict[Refusal, None] = {}

    def begin(self) -> None:
        """Another run: nothing has been made yet."""
        self._made.clear()
        self._touched.clear()

    def answer(self, wish: SyscallRequest) -> SyscallAnswer:
        """Raises OSError where the process cannot be looked at."""
        if wish.name == "kill":
            return PROCEED if SIGNALS in self._granted else self._signal(wish)
        if wish.name in PROGRAM_CALLS:
            return self._program(wish)
        if wish.name in NETWORK_CALLS:
            return PROCEED if NETWORK in self._granted else self._network(wish)
        if wish.name not in PATHS:
            return self._refuse("call", wish.name)
        if not self._files:
            return PROCEED
        paths = wish.paths()
        if wish.name in LOOKING or (wish.name in OPENING and not wish.open_flags() & CHANGES):
            return self._look(paths[0], listed=wish.name in OPENING)
        if all(self._allowed(path) for path in paths):
            return PROCEED
        if self.inside and all(self._allowed(path) or self._copied(path) for path in paths):
            return self._really(wish, paths)
        if wish.name in OPENING:
            return self._open(paths[0], wish.open_flags())
        if wish.name in REMOVING:
            folder = wish.name == "rmdir" or (wish.name == "unlinkat" and bool(wish.number(2) & REMOVE_FOLDER))
            return self._remove(paths[0], folder=folder)
        if wish.name == "truncate":
            free = os.access(paths[0], os.W_OK) and os.path.isfile(paths[0])
            return self._pretend(paths[0], "write") if free else PROCEED
        if wish.name in MOVING:
            return self._move(*paths)
        return self._make(paths, folder=wish.name in MAKING)

    def note(self, deed: Deed, what: str, *, pretended: bool) -> None:
        self.notes[Refusal(deed, what, pretended)] = None

    def _refuse(self, deed: Deed, what: str) -> SyscallAnswer:
        self.note(deed, what, pretended=False)
        return SyscallAnswer(error=errno.EPERM)

    def _pretend(self, path: str, deed: Deed = "change") -> SyscallAnswer:
        self._writes(path, deed)
        return DONE

    def _writes(self, path: str, deed: Deed = "write") -> None:
        """The names of shared memory are drawn anew each time."""
        shared = path.startswith(os.path.join(SHARED_MEMORY, ""))
        refusal = Refusal("write", SHARED, True) if shared else Refusal(deed, path, True)
        self.note(refusal.deed, refusal.what, pretended=True)
        self._touched[path.rstrip(os.sep)] = refusal

    def _look(self, path: str, *, listed: bool) -> SyscallAnswer:
        """What was pretended of a file is not there: whoever looks for it sees through that."""
        for touched, refusal in self._touched.items():
            if touched == path or (listed and os.path.dirname(touched) == path):
                self.notes.pop(refusal, None)
                self.note(refusal.deed, refusal.what, pretended=False)
        return PROCEED

    def _really(self, wish: SyscallRequest, paths: Sequence[str]) -> SyscallAnswer:
        """It is done, in the copy."""
        deed: Deed = "write" if wish.name in OPENING or wish.name in MAKING or wish.name == "truncate" else "change"
        for path in paths:
            if not self._allowed(path):
                shared = path.startswith(os.path.join(SHARED_MEMORY, ""))
                folder = wish.name in MAKING
                what = SHARED if shared else os.path.join(path, "") if folder else path
                self.note("write" if shared else deed, what, pretended=True)
        return PROCEED

    def _network(self, wish: SyscallRequest) -> SyscallAnswer:
        """In the copy there is a loopback, and what listens there; what else there may be cannot be had."""
        if not self.inside:
            return self._refuse("network", wish.name)
        whom = wish.whom() if wish.name == "connect" else ""
        if whom.startswith(os.sep) and not (self._allowed(whom) or self._copied(whom)):
            return self._refuse("network", wish.name)
        self.note("network", wish.name, pretended=whom != OTHERS)
        return PROCEED

    def _copied(self, path: str) -> bool:
        return any(path == root or path.startswith(root + os.sep) for root in self._copies)

    def _signal(self, wish: SyscallRequest) -> SyscallAnswer:
        """To itself and its children it may be sent; to a process that is not there, it cannot."""
        whom = wish.number(0)
        if whom == 0 or (whom > 0 and _descends(whom, wish.worker)):
            return PROCEED
        if whom < -1 and _group(wish.worker) == -whom:
            return PROCEED
        return self._refuse("signal", f"process {whom}" if whom > 0 else "other processes")

    def _program(self, wish: SyscallRequest) -> SyscallAnswer:
        """It may run where its writes are held as the target's own are."""
        path = wish.paths()[0]
        there = not path or (os.path.isfile(path) and os.access(path, os.X_OK))
        if not there or self._programs:
            return PROCEED
        if not self._files:
            return self._refuse("program", path or "a program")
        self.note("program", path or "a program", pretended=True)
        return PROCEED

    def _open(self, path: str, flags: int) -> SyscallAnswer:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            return self._nameless(path, flags) if os.access(path, os.W_OK) else PROCEED
        if os.path.isdir(path):
            return PROCEED
        if path in self._made:
            return SyscallAnswer(error=errno.EEXIST) if flags & os.O_EXCL else self._nameless(path, flags)
        if os.path.lexists(path):
            free = not flags & os.O_EXCL and os.access(path, os.W_OK)
            return self._nameless(path, flags, copied=not flags & os.O_TRUNC) if free else PROCEED
        if flags & os.O_CREAT and self._holds(os.path.dirname(path)):
            self._made.add(path)
            return self._nameless(path, flags)
        return PROCEED

    def _nameless(self, path: str, flags: int, *, copied: bool = False) -> SyscallAnswer:
        """A file of its own for what was to be written to `path`, with what is there now."""
        import fcntl  # Windows has none

        self._writes(path)
        with nameless_file("answer") as file:
            size = os.path.getsize(path) if copied and stat.S_ISREG(os.stat(path).st_mode) else 0
            if 0 < size <= LARGEST_COPY:  # some of /proc say they are empty, and never end
                with open(path, "rb") as there:
                    file.write(there.read(size))
                file.flush()
                os.lseek(file.fileno(), 0, os.SEEK_SET)
            if flags & os.O_APPEND:
                fcntl.fcntl(file.fileno(), fcntl.F_SETFL, os.O_APPEND)
            return SyscallAnswer(file=os.dup(file.fileno()), flags=flags & os.O_CLOEXEC)

    def _make(self, paths: Sequence[str], *, folder: bool) -> SyscallAnswer:
        path = paths[-1]
        if path in self._made:
            return SyscallAnswer(error=errno.EEXIST)
        if os.path.lexists(path) or not self._holds(os.path.dirname(path)):
            return PROCEED
        self._made.add(path)
        for source in paths[:-1]:  # a second name for it is a right of its folder too
            self._writes(source, "change")
        return self._pretend(os.path.join(path, ""), "write") if folder else self._pretend(path)

    def _remove(self, path: str, *, folder: bool) -> SyscallAnswer:
        if path in self._made:
            self._made.discard(path)
            return self._pretend(path)
        if not os.path.lexists(path) or not os.access(os.path.dirname(path), os.W_OK):
            return PROCEED
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if folder != is_folder:
            return SyscallAnswer(error=errno.ENOTDIR if folder else errno.EISDIR)
        if folder and os.access(path, os.R_OK) and os.listdir(path):
            return SyscallAnswer(error=errno.ENOTEMPTY)
        return self._pretend(path)

    def _move(self, source: str, target: str) -> SyscallAnswer:
        if not (source in self._made or os.path.lexists(source)) or not self._holds(os.path.dirname(target)):
            return PROCEED
        self._made.discard(source)
        self._made.add(target)
        return self._pretend(source if self._allowed(target) else target)

    def _allowed(self, path: str) -> bool:
        inside = any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in self._writable)
        return not path or inside or path in DEVICES or STREAMS.match(path) is not None

    def _holds(self, folder: str) -> bool:
        """Whether something new may be made in it."""
        return folder in self._made or self._allowed(folder) or (os.path.isdir(folder) and os.access(folder, os.W_OK))


def _descends(pid: int, ancestor: int) -> bool:
    """Whether a process is that one, or of its children's children; also where it is not there at all."""
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            return True
    return False


def _group(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return -1
