"""System calls that a sandbox has to do with, and their numbers on each machine. No mlfuzz imports."""

from __future__ import annotations

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

DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
"""Anybody may write to these."""
