"""Names of files that are still being written: nobody reads them, and the next start clears away what a kill left."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

PART = ".part-"

_NAME = re.compile(rf"{re.escape(PART)}(?:(\d+)-)?[0-9a-f]{{16}}")


def part_name(path: Path) -> Path:
    """A fresh name beside `path` for what is still being written; it says which process writes it."""
    return path.with_name(f"{PART}{os.getpid()}-{secrets.token_hex(8)}")


def orphans(root: Path) -> list[Path]:
    """Parts anywhere below `root` whose process is no more, folders among them."""
    found = []
    for folder, folders, files in os.walk(root):
        names = [name for name in (*folders, *files) if _is_orphan(name)]
        folders[:] = [name for name in folders if not name.startswith(PART)]
        found += [Path(folder, name) for name in names]
    return found


def _is_orphan(name: str) -> bool:
    match = _NAME.fullmatch(name)
    return match is not None and (match[1] is None or not _lives(int(match[1])))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
