"""What an input makes native code print, when its words are needed: it is run once more for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

MOST = 1 << 18
"""Bytes of the end of what it prints."""


def printed_by(entry: Callable[[bytes], Any], data: bytes) -> str:
    """What running it writes to stderr; "" where that cannot be caught."""
    try:
        file, before = os.memfd_create("mlfuzz-printed", os.MFD_CLOEXEC), os.dup(2)
    except (OSError, AttributeError):  # the target has closed it, or the system has no such files
        return ""
    try:
        os.dup2(file, 2)
        try:
            entry(data)
        except BaseException:  # noqa: BLE001 - it was told already; what is wanted is what it prints
            pass
        finally:
            os.dup2(before, 2)
        size = os.fstat(file).st_size
        return os.pread(file, min(size, MOST), max(0, size - MOST)).decode("utf-8", "backslashreplace")
    finally:
        os.close(before)
        os.close(file)
