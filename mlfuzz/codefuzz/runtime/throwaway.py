"""A throw-away copy of what an input wants to change: namespaces of its own, gone with the process.

Folders get a layer in memory over what is there, shared memory is empty, and the network is a loopback of its own. It
needs no rights where the kernel lets users make namespaces; elsewhere nothing of it is there.
Source: Linux kernel documentation, filesystems/overlayfs; user_namespaces(7), network_namespaces(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Sequence

from mlfuzz.codefuzz.runtime.permissions import SHARED_MEMORY

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_NET = 0x00020000, 0x08000000, 0x10000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

LARGEST = "512m"
"""What all that is written there may take, in memory."""

UNSAYABLE = frozenset(",:\\")
"""In the options of a mount these stand between names."""


def enter(folders: Sequence[str], scratch: str) -> bool:
    """Go there, with a layer over each of these folders; False where this kernel or its rules do not let it.

    scratch: a folder of the process's own. It may have no other thread.
    """
    if sys.platform != "linux" or any(UNSAYABLE & set(folder) for folder in (*folders, scratch)):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    user, group, here = os.getuid(), os.getgid(), os.getcwd()
    if library.unshare(NEW_USER | NEW_MOUNTS | NEW_NET | NEW_IPC):
        return False
    try:
        for name, text in (
            ("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")
        ):  # fmt: skip
            _write(f"/proc/self/{name}", text)
        _mount(library, None, "/", None, MS_REC | MS_PRIVATE)
        _loopback()
        layers = os.path.join(scratch, "layers")
        os.makedirs(layers, exist_ok=True)
        _mount(library, "tmpfs", layers, "tmpfs", 0, f"size={LARGEST}")
        for number, folder in enumerate(folders):
            if folder == SHARED_MEMORY:
                _mount(library, "tmpfs", folder, "tmpfs", 0, f"size={LARGEST}")
                continue
            upper, work = (os.path.join(layers, f"{number}-{name}") for name in ("upper", "work"))
            os.mkdir(upper)
            os.mkdir(work)
            options = f"lowerdir={folder},upperdir={upper},workdir={work}"
            try:
                _mount(library, "overlay", folder, "overlay", 0, f"{options},userxattr")
            except OSError:  # before Linux 5.11 there was no such option
                _mount(library, "overlay", folder, "overlay", 0, options)
        os.chdir(here)  # it may lie under one of them
    except OSError:
        return False
    return True


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _mount(library: ctypes.CDLL, what: str | None, place: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else os.fsencode(text) for text in (what, place, kind)]
    if library.mount(*texts, ctypes.c_ulong(flags), os.fsencode(options) if options else None):
        raise OSError(ctypes.get_errno(), f"mount {place}")


def _loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
        request = struct.pack("16sh", b"lo", IFF_UP)
        fcntl.ioctl(any_one, SIOCSIFFLAGS, request)
