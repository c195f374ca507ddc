"""What a worker may do to the machine: limits, a folder of its own, no network, no programs, no writes elsewhere.

All of it by ctypes and about 0.2 ms a worker; what the kernel lacks is left out and not claimed.
Source: Linux kernel documentation, userspace-api/seccomp_filter and userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
import tempfile
from collections.abc import Sequence
from typing import cast

from mlfuzz.codefuzz.failure import raised
from mlfuzz.codefuzz.runtime.permissions import LARGE, NETWORK, PROCESSES, SIGNALS, Permissions
from mlfuzz.codefuzz.runtime.syscalls import DEVICES, FILES, LOOKS, MACHINES, NETWORK_CALLS, PROGRAM_CALLS

PR_SET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 21, 22, 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_VERSION = 1
O_PATH = 0o10000000

LARGEST_FILE = 1 << 30
STACK_BYTES = 8 << 20

SECCOMP = {"x86_64": 317, "aarch64": 277}
SET_FILTER, NEW_LISTENER = 1, 1 << 3

WRITES = sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12))
SIGNALS_SINCE = 6
"""Version of Landlock that keeps signals inside the sandbox."""

REFER, TRUNCATE = 1 << 13, 1 << 14
WRITE_FILE = 1 << 1


def layers(level: str) -> tuple[str, ...]:
    """What a sandbox of this level consists of on this machine; recorded with findings."""
    if Permissions.of(level).free:
        return ("none",)
    found = ["rlimits", "tmpdir"]
    if _seccomp_there():
        found.append("seccomp")
    version = _landlock_version()
    if version:
        found.append(f"landlock-{version}")
    return tuple(found)


def lacking(level: str) -> tuple[str, ...]:
    """What of the contract does not hold on this machine, in words; () where all of it does."""
    if Permissions.of(level).free:
        return ()
    held = layers(level)
    lacks = []
    if not any(layer.startswith("landlock") for layer in held):
        lacks.append("writing outside its own folder is not refused (no Landlock: Linux 5.13)")
    if "seccomp" not in held:
        lacks.append("network, programs and signals are not refused (no seccomp: Linux on x86-64 or ARM64)")
    return tuple(lacks)


def set_up(folder: str) -> None:
    """Make `folder` the working directory, the home and the place of temporary files."""
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    os.environ["TMPDIR"] = os.environ["HOME"] = folder
    tempfile.tempdir = None


def confine(permitted: Permissions, scratch: str, *, programs: bool, watched: bool = False) -> int:
    """Give up rights for good. scratch: the folder that stays writable. programs: others may be started also where that
    is not permitted (a symbolizer).

    watched: each call that would be refused waits for an answer; the descriptor at which they are told, or -1 where the
    kernel cannot do that, and refuses.
    """
    if permitted.free:
        return -1
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return -1
    _landlock(library, permitted, [scratch, *permitted.roots])
    listener = _watch(library) if watched and _seccomp_there() else -1
    if listener >= 0:
        return listener
    if _seccomp_there():
        # A spare has another number than the worker that made the filter: leave signals to Landlock where it sees them.
        own = _landlock_version() < SIGNALS_SINCE and SIGNALS not in permitted.granted
        _seccomp(library, os.getpid() if own else 0, permitted, programs=programs)
    return -1


def largest_file(permitted: Permissions) -> int:
    """Bytes of the largest file that may be made; 0: any."""
    return 0 if permitted.free or LARGE in permitted.granted else LARGEST_FILE


def limit(*, address_bytes: int = 0, stack_bytes: int = 0, file_bytes: int = LARGEST_FILE) -> None:
    """Resource limits. address_bytes: of new memory, above what the process has now; file_bytes: of one file. 0 leaves
    it open.

    The stack is the usual one also where the shell allows more: what overflows must not depend on who starts it.
    """
    _lower(resource.RLIMIT_CORE, 0)
    if file_bytes:
        _lower(resource.RLIMIT_FSIZE, file_bytes)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _lower(resource.RLIMIT_STACK, stack_bytes or STACK_BYTES)
    if address_bytes and sys.platform == "linux":
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + address_bytes)


def _lower(name: int, value: int) -> None:
    _, hard = resource.getrlimit(name)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(name, (wanted, hard))


def _seccomp_there() -> bool:
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    return bool(ctypes.CDLL(None).prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)


def _landlock_version() -> int:
    if sys.platform != "linux":
        return 0
    version = ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE, None, 0, LANDLOCK_VERSION)
    return int(max(0, version))


def _landlock(library: ctypes.CDLL, permitted: Permissions, writable: Sequence[str]) -> None:
    version = _landlock_version()
    if not version:
        return
    rights = WRITES | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    # Words of landlock_ruleset_attr: file system, network (TCP bind and connect), scope (abstract sockets, signals).
    tcp = 0 if NETWORK in permitted.granted else 3
    scope = (0 if NETWORK in permitted.granted else 1) | (0 if SIGNALS in permitted.granted else 2)
    words = [rights] + ([tcp] if version >= 4 else []) + ([scope] if version >= SIGNALS_SINCE else [])
    attribute = ctypes.create_string_buffer(struct.pack(f"{len(words)}Q", *words), 8 * len(words))
    ruleset = library.syscall(LANDLOCK_CREATE, attribute, 8 * len(words), 0)
    if ruleset < 0:
        return
    for path in writable:
        _permit(library, ruleset, path, rights)
    for path in DEVICES:
        _permit(library, ruleset, path, WRITE_FILE | (rights & TRUNCATE))
    library.syscall(LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _permit(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):  # a rule of a folder's rights on a file is an error
        rights &= WRITE_FILE | TRUNCATE
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor), 12)
    library.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0)
    os.close(descriptor)


def _watch(library: ctypes.CDLL) -> int:
    code = watch_program(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    text = ctypes.create_string_buffer(header, len(header))
    return int(library.syscall(SECCOMP[platform.machine()], SET_FILTER, NEW_LISTENER, text))


def _seccomp(library: ctypes.CDLL, pid: int, permitted: Permissions, *, programs: bool) -> None:
    granted = permitted.granted
    code = filter_program(
        platform.machine(), pid, programs=programs or PROCESSES in granted, network=NETWORK in granted
    )
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)), 0, 0)


def filter_program(machine: str, pid: int, *, programs: bool, network: bool = False) -> bytes:
    """The BPF program: refused calls return EPERM, calls of another architecture kill the process.

    pid: the only process that may be signalled; 0 leaves signals alone. programs, network: whether those are let past.
    """
    architecture, numbers = MACHINES[machine]
    passed = {"kill"} | (PROGRAM_CALLS if programs else set()) | (NETWORK_CALLS if network else set())
    refused = [number for name, number in numbers.items() if name not in passed]
    load, equal, answer = 0x20, 0x15, 0x06
    allow, error, kill = 0x7FFF0000, 0x00050001, 0x80000000
    lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    if pid:
        to_error = len(refused) + 2
        lines += [(equal, 0, 3, numbers["kill"]), (load, 0, 0, 16), (equal, 0, to_error, pid), (answer, 0, 0, allow)]
    for place, number in enumerate(refused):
        lines.append((equal, len(refused) - place, 0, number))
    lines += [(answer, 0, 0, allow), (answer, 0, 0, error)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def watch_program(machine: str) -> bytes:
    """The BPF program of a watched worker: it asks about what may be refused, and about what is there."""
    architecture, numbers = MACHINES[machine]
    asked = [*numbers.values(), *FILES[machine].values(), *LOOKS[machine].values()]
    load, equal, answer = 0x20, 0x15, 0x06
    allow, ask, kill = 0x7FFF0000, 0x7FC00000, 0x80000000
    lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    lines += [(equal, len(asked) - place, 0, number) for place, number in enumerate(asked)]
    lines += [(answer, 0, 0, allow), (answer, 0, 0, ask)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def doing(error: BaseException, project: str, *, watched: bool) -> list[dict[str, str]]:
    """What of an exception and its causes the sandbox has done without refusing a call: it runs in another folder, and
    files end at a size. watched: somebody else sees the calls it has refused; else what lacks permission is told too.
    """
    deeds = [(one, _deed(one, project, watched=watched)) for one in errors_of_system(error)]
    return [
        {"deed": deed, "what": str(one.filename or (one.strerror if deed == "permission" else ""))}
        for one, deed in deeds
        if deed
    ]


def errors_of_system(error: BaseException) -> list[OSError]:
    """Those among an exception, its causes, what was raised before it, and the members of a group."""
    found: list[OSError] = []
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [raised.cause_of(one), raised.context_of(one), *raised.members_of(one)]
        if issubclass(type(one), OSError):
            found.append(cast(OSError, one))
    return found


def _deed(error: OSError, project: str, *, watched: bool) -> str:
    if error.errno == errno.EFBIG:
        return "size"
    name = error.filename
    if error.errno == errno.ENOENT and isinstance(name, str) and name and not os.path.isabs(name):
        return "read" if os.path.exists(os.path.join(project, name)) else ""
    return "permission" if not watched and error.errno in (errno.EPERM, errno.EACCES) else ""
