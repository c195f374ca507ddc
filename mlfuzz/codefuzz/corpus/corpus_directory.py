"""A harness's working corpus: a folder of inputs, each under the SHA-1 of its bytes, as libFuzzer names them."""

from __future__ import annotations

import hashlib
import os
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.errors import StorageError
from mlfuzz.storage.durable import create_exclusive, writing

_NAME = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a corpus: files, bytes in all, the smallest, the middle and the largest size in bytes."""

    files: int
    bytes: int
    smallest: int
    median: float
    largest: int


@dataclass(frozen=True, slots=True)
class WorkingCorpus:
    """Files may be added by several processes at once: equal inputs have equal names, and appear whole."""

    folder: Path

    def make(self) -> WorkingCorpus:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def add(self, data: bytes) -> bool:
        """Whether it is new. Raises DiskFullError, StorageError."""
        path = self.folder / name_of(data)
        return not path.exists() and create_exclusive(path, data, sync=False)

    def adopt(self, files: Iterable[Path]) -> int:
        """Take in copies of these files; how many were new."""
        return sum(self.add(read_input(path)) for path in files)

    def __contains__(self, data: bytes) -> bool:
        return (self.folder / name_of(data)).exists()

    def files(self) -> list[Path]:
        """By name; also those that somebody put there under another name."""
        try:
            entries = [entry for entry in os.scandir(self.folder) if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        return sorted(Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))

    def __len__(self) -> int:
        return len(self.files())

    def wrong(self) -> list[Path]:
        """Files whose name is not that of their content: damaged, or put there by hand."""
        return [path for path in self.files() if name_of(read_input(path)) != path.name]

    def rename(self) -> int:
        """Give every file the name of its content; how many had another."""
        wrong = self.wrong()
        for path in wrong:
            self.add(read_input(path))
            path.unlink(missing_ok=True)
        return len(wrong)

    def keep_only(self, kept: Iterable[Path]) -> int:
        """Remove all other files; how many. Nothing is removed where `kept` names none that is there."""
        names = {path.name for path in kept}
        files = self.files()
        if files and not names & {path.name for path in files}:
            raise StorageError(f"{self.folder}: none of its files is to be kept; it is left as it is")
        gone = [path for path in files if path.name not in names]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def figures(self) -> Figures:
        sizes = sorted(path.stat().st_size for path in self.files())
        if not sizes:
            return Figures(0, 0, 0, 0.0, 0)
        return Figures(len(sizes), sum(sizes), sizes[0], statistics.median(sizes), sizes[-1])


def name_of(data: bytes) -> str:
    """libFuzzer's own name of an input; no secret hangs on it."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def is_named(path: Path) -> bool:
    """Whether a file is called like an input of a working corpus."""
    return bool(_NAME.fullmatch(path.name))


def read_input(path: Path) -> bytes:
    """Raises StorageError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
