"""What a target's call must leave as it was, since all that runs in the process after it hangs on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch


@contextmanager
def steady() -> Iterator[None]:
    """Put back the folder, the umask, and torch's default type and device, where a call changes them."""
    dtype, device, folder = torch.get_default_dtype(), torch.get_default_device(), _folder()
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        if folder and _folder() != folder:
            with suppress(OSError):  # it may have been removed
                os.chdir(folder)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
