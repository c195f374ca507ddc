"""The cache of instrumented code kept small: what nobody has used for a month goes, and the oldest of what is too much.

Several processes may use and prune one cache: a file goes whole or stays, and whoever misses one makes it again. No
torch, no numpy.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 512 << 20
"""Several times what torch takes."""

MOST_DAYS = 30.0
EVERY_DAYS = 1.0
"""A look at the cache; a file's time is that of its last use, to a day (see `instrument`)."""

DAY = 86_400.0
MARK = "pruned"
"""Its time is that of the last look."""

VERSION = re.compile(r"[0-9a-f]{20}")
PART = re.compile(r"[0-9a-f]{2}|proved")
"""Nothing else is touched: the folder may be one that a user has named."""


def prune(cache: Path, *, most_bytes: int = MOST_BYTES, most_days: float = MOST_DAYS) -> int:
    """Remove what is old or too much; how many files. Does nothing within a day of the last time."""
    now = time.time()
    if not _due(cache / MARK, now):
        return 0
    kept: list[tuple[float, int, Path]] = []
    removed = 0
    for path, status in _files(cache):
        if now - status.st_mtime > most_days * DAY:
            removed += _remove(path)
        else:
            kept.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= most_bytes:
            break
        removed += _remove(path)
        total -= size
    _remove_empty(cache)
    return removed


def _due(mark: Path, now: float) -> bool:
    """Whether it is time; the mark is set at once, so that a second process has nothing to do."""
    try:
        last = mark.stat().st_mtime if mark.exists() else 0.0
        if not mark.parent.is_dir() or 0 <= now - last < EVERY_DAYS * DAY:
            return False
        mark.touch()
    except OSError:
        return False
    return True


def _files(cache: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Code of all versions, what a killed process has left half written, and the marks of versions that were proved."""
    for version in _folders(cache):
        for part in _inside(version):
            if PART.fullmatch(part.name):
                for path in _inside(part) if part.is_dir() else (part,):
                    with contextlib.suppress(OSError):
                        yield path, path.stat(follow_symlinks=False)


def _folders(cache: Path) -> list[Path]:
    return [path for path in _inside(cache) if VERSION.fullmatch(path.name) and path.is_dir()]


def _inside(folder: Path) -> list[Path]:
    """Nothing where another process has just removed it."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # another process was faster, or it is not ours to remove
        return False
    return True


def _remove_empty(cache: Path) -> None:
    """Folders that nothing is left in; one that is being written to stays, since it is not empty."""
    for version in _folders(cache):
        for folder in (*(part for part in _inside(version) if part.is_dir()), version):
            with contextlib.suppress(OSError):
                folder.rmdir()
