"""The folder of one session: private, and cleared away also after a supervisor that was killed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mlfuzz.codefuzz.forkserver.left_behind import PREFIX
from mlfuzz.codefuzz.runtime.permissions import Permissions
from mlfuzz.storage.durable import create_exclusive, make_folder, remove_folder
from mlfuzz.storage.scratch import make_scratch_folder, temporary_folder


def create() -> Path:
    """A new folder for this process, with a part that workers may write to. Folders of dead processes go.

    Raises StorageError.
    """
    sweep(temporary_folder())
    folder = make_scratch_folder(f"{PREFIX}{os.getpid()}-")
    make_folder(folder / "work" / "tmp")
    return folder


def make_writable(permitted: Permissions) -> None:
    """Make what may be written and is not there yet: a right is given to a file or a folder that is.

    Raises StorageError.
    """
    for path in permitted.writable:
        if not os.path.lexists(path.rstrip(os.sep)):
            make_folder(Path(path) if path.endswith(os.sep) else Path(path).parent)
            if not path.endswith(os.sep):
                create_exclusive(Path(path), b"", sync=False)


def sweep(parent: Path) -> int:
    """Remove the folders of this user's processes that are no more; how many those were."""
    gone = 0
    with contextlib.suppress(OSError):
        for path in parent.glob(f"{PREFIX}*-*"):
            number = path.name.removeprefix(PREFIX).partition("-")[0]
            with contextlib.suppress(OSError):
                mine = not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
                if number.isdecimal() and mine and not path.is_symlink() and not _alive(int(number)):
                    remove_folder(path)
                    gone += 1
    return gone


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
