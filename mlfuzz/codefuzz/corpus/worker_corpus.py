"""The worker's own corpus folder, and what of it comes back: the target may delete or litter it. No torch, no numpy."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from mlfuzz.errors import BadInputError
from mlfuzz.storage.durable import create_exclusive, writing

WAIT_FOR_NOTHING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

LARGEST = 16 << 20
"""Bytes of a seed. One that is longer than the harness's length is cut by libFuzzer."""


class WorkCorpus:
    """scratch: the session's own folder; corpus: the campaign's; length: bytes that an input may have."""

    def __init__(self, scratch: Path, corpus: Path, length: int) -> None:
        self._folder, self._list = scratch / "work" / "corpus", scratch / "seeds.list"
        self._corpus, self._length = corpus, length
        self._taken: set[str] = set()
        shutil.rmtree(self._folder, ignore_errors=True)
        with writing(corpus):
            corpus.mkdir(parents=True, exist_ok=True)

    def arguments(self) -> list[str]:
        """libFuzzer's arguments: its own folder, and a list of the campaign's files that are ordinary and fit.

        A list and not the folder: libFuzzer ends at an unreadable file and waits for ever at a FIFO.
        """
        self.collect()
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        files = [str(path.resolve()) for path, size in ordinary(self._corpus) if size <= LARGEST]
        files = [path for path in files if "," not in path and "\n" not in path]
        if not files:
            return [str(self._folder)]
        with writing(self._list):
            self._list.write_text(",".join(files))
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
