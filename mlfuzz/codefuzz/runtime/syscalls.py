"""System calls that a sandbox has to do with, and their numbers on each machine."""

from __future__ import annotations

import os

MACHINES = {
    "x86_64": (0xC000003E, {
        "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "io_uring_setup": 425,
        "mount": 165, "umount2": 166, "pivot_root": 155, "reboot": 169, "unshare": 272, "setns": 308,
        "init_module": 175, "finit_module": 313, "kexec_load": 246, "perf_event_open": 298, "keyctl": 250,
        "execve": 59, "execveat": 322, "kill": 62,
    }),
    "aarch64": (0xC00000B7, {
        "socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242,
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "io_uring_setup": 425,
        "mount": 40, "umount2": 39, "pivot_root": 41, "reboot": 142, "unshare": 97, "setns": 268,
        "init_module": 105, "finit_module": 273, "kexec_load": 104, "perf_event_open": 241, "keyctl": 219,
        "execve": 221, "execveat": 281, "kill": 129,
    }),
}  # fmt: skip
"""Audit architecture and numbers of the calls that are refused with EPERM; kill is allowed on oneself."""

NETWORK_CALLS = frozenset({"socket", "connect", "accept", "accept4", "bind", "listen"})
PROGRAM_CALLS = frozenset({"execve", "execveat"})

FILES = {
    "x86_64": {
        "open": 2, "openat": 257, "openat2": 437, "creat": 85, "mkdir": 83, "mkdirat": 258, "unlink": 87,
        "unlinkat": 263, "rmdir": 84, "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265,
        "symlink": 88, "symlinkat": 266, "mknod": 133, "mknodat": 259, "truncate": 76,
    },
    "aarch64": {
        "openat": 56, "openat2": 437, "mkdirat": 34, "unlinkat": 35, "renameat": 38, "renameat2": 276, "linkat": 37,
        "symlinkat": 36, "mknodat": 33, "truncate": 45,
    },
}  # fmt: skip
"""Calls by which files are changed; Landlock judges them, and a watched worker asks first."""

LOOKS = {
    "x86_64": {
        "stat": 4, "lstat": 6, "access": 21, "chdir": 80, "readlink": 89, "chmod": 90, "chown": 92, "lchown": 94,
        "fchownat": 260, "newfstatat": 262, "readlinkat": 267, "fchmodat": 268, "faccessat": 269, "utimensat": 280,
        "statx": 332, "faccessat2": 439, "fchmodat2": 452,
    },
    "aarch64": {
        "faccessat": 48, "chdir": 49, "fchmodat": 53, "fchownat": 54, "readlinkat": 78, "newfstatat": 79,
        "utimensat": 88, "statx": 291, "faccessat2": 439, "fchmodat2": 452,
    },
}  # fmt: skip
"""Calls that find out whether a file is there; none is refused."""

CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
"""Flags of opening that change something."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
"""Anybody may write to these."""
