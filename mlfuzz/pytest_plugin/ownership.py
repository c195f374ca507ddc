"""Which JSON files in folders named regressions are ours: other people keep tests and data in such folders too."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from mlfuzz.findings.finding import SCHEMA
from mlfuzz.pytest_plugin import FOLDER

HEAD_BYTES = 1 << 16
"""What is read of a file at most. A record has 2 to 20 kB, and says first what it is."""

_KIND = SCHEMA.partition("/")[0] + "/"
_SAID = re.compile(rb'"schema"\s*:\s*"' + re.escape(_KIND.encode()))
_POINTER = b"version https://git-lfs.github.com/spec/"
_ID = re.compile(r"[0-9a-f]{16}")


def ours(path: Path, config: pytest.Config) -> bool:
    """Whether a file is the record of a regression, sound or damaged.

    It is where it names our schema, of whatever version. Where that cannot be read any more it must have an id for its
    name, and either lie in the configured corpus, or say nothing at all and have a file of the same id beside it: what
    says something else, such as JSON lines about a picture of that name, is somebody else's.
    """
    head = _head(path)
    if (says_so := _says_so(head)) or not _ID.fullmatch(path.stem):
        return says_so
    return _configured(path, config) or (_says_nothing(head) and _has_company(path))


def _head(path: Path) -> bytes:
    """Nothing where it cannot be read, or is no file: a FIFO is neither waited for nor emptied."""
    if not path.is_file():
        return b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(descriptor, HEAD_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _says_so(head: bytes) -> bool:
    """Whether it says that it is a finding."""
    try:
        record = json.loads(head)
    except (ValueError, RecursionError):
        return bool(_SAID.search(head))
    return isinstance(record, dict) and str(record.get("schema", "")).startswith(_KIND)


def _says_nothing(head: bytes) -> bool:
    """Emptied, or not fetched: a pointer of Git LFS stands in its place."""
    return (not head.strip(b"\0 \t\r\n") and len(head) < HEAD_BYTES) or head.startswith(_POINTER)


def _configured(path: Path, config: pytest.Config) -> bool:
    """Whether it lies where the project's own file says; a default that nobody chose is nobody's word."""
    from mlfuzz.pytest_plugin.items import found_for

    try:
        found = found_for(config)
    except pytest.Collector.CollectError:
        return True  # the folder's gate tells what is wrong with that file
    return found.file is not None and path.parent.resolve().is_relative_to((found.corpus_dir / FOLDER).resolve())


def _has_company(path: Path) -> bool:
    """Whether its input, or its seed, lies beside it."""
    return any(other.name != path.name for other in path.parent.glob(f"{path.stem}.*"))
