"""Folders of inputs, each under the SHA-1 of its bytes: a harness's corpus, and the worker's own copy of it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.errors import BadInputError, StorageError
from mlfuzz.storage.durable import create_exclusive, make_folder, remove, remove_folder, write_atomic

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
        make_folder(self.folder, parents=False)
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
            remove(path)
        return len(wrong)

    def keep_only(self, kept: Iterable[Path]) -> int:
        """Remove all other files; how many. Nothing is removed where `kept` names none that is there."""
        names = {path.name for path in kept}
        files = self.files()
        if files and not names & {path.name for path in files}:
            raise StorageError(f"{self.folder}: none of its files is to be kept; it is left as it is")
        gone = [path for path in files if path.name not in names]
        for path in gone:
            remove(path)
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


WAIT_FOR_NOTHING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

LARGEST = 16 << 20
"""Bytes of a seed. One that is longer than the harness's length is cut by libFuzzer."""


class WorkCorpus:
    """scratch: the session's own folder; corpus: the campaign's; length: bytes that an input may have."""

    def __init__(self, scratch: Path, corpus: Path, length: int) -> None:
        self._folder, self._list = scratch / "work" / "corpus", scratch / "seeds.list"
        self._corpus, self._length = corpus, length
        self._taken: set[str] = set()
        remove_folder(self._folder)
        make_folder(corpus, parents=False)

    def arguments(self) -> list[str]:
        """libFuzzer's arguments: its own folder, and a list of the campaign's files that are ordinary and fit.

        A list and not the folder: libFuzzer ends at an unreadable file and waits for ever at a FIFO.
        """
        self.collect()
        make_folder(self._folder)
        files = [str(path.resolve()) for path, size in ordinary(self._corpus) if size <= LARGEST]
        files = [path for path in files if "," not in path and "\n" not in path]
        if not files:
            return [str(self._folder)]
        write_atomic(self._list, os.fsencode(",".join(files)), sync=False)
        return [str(self._folder), f"-seed_inputs=@{self._list}"]

    def latest(self, most: int) -> list[bytes]:
        """The contents of the files that libFuzzer kept last."""
        files = sorted(ordinary(self._folder), key=lambda one: one[0].stat().st_mtime, reverse=True)
        return [read(path, most=LARGEST) for path, _ in files[:most]]

    def collect(self) -> int:
        """Copy what is new to the campaign's corpus, under the hash of its content; how many files that were."""
        copied = 0
        for path, _ in ordinary(self._folder):
            if path.name in self._taken:
                continue
            self._taken.add(path.name)
            try:
                data = read(path, most=self._length)
            except BadInputError:
                continue
            copied += put(self._corpus, data)
        return copied


def put(folder: Path, data: bytes) -> bool:
    """Add an input; False where it is there. The name is libFuzzer's: SHA-1 of the content.

    Raises DiskFullError, StorageError.
    """
    path = folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()
    if path.exists():
        return False
    return create_exclusive(path, data, sync=False)


def ordinary(folder: Path) -> Iterator[tuple[Path, int]]:
    """Regular, readable files of a folder with their sizes, by name; links, FIFOs and dotted names are left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and not entry.name.startswith(".") and os.access(entry.path, os.R_OK):
            yield Path(entry.path), status.st_size


def read(path: Path, *, most: int) -> bytes:
    """A regular file of at most so many bytes. Raises BadInputError with a short reason; waits for nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | WAIT_FOR_NOTHING)
    except OSError as error:
        raise BadInputError(os.strerror(error.errno or 0).lower(), str(path)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadInputError("not a regular file", str(path))
        if status.st_size > most:
            raise BadInputError("too large", f"{path}: {status.st_size} bytes, at most {most}")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(most + 1)[:most]
    except OSError as error:
        raise BadInputError(os.strerror(error.errno or 0).lower(), str(path)) from error
    finally:
        os.close(descriptor)
