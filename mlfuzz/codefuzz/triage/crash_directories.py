"""Folders that other fuzzers leave: which of their files are inputs that failed. libFuzzer, AFL, ClusterFuzz."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlfuzz.errors import UsageError

Maker = Literal["libFuzzer", "AFL", "ClusterFuzz", "unknown"]

_LIBFUZZER = re.compile(r"(crash|timeout|oom|leak|slow-unit|minimized-from)-[0-9a-f]{8,40}")
_AFL = re.compile(r"id[:_]\d{6},.*")
_CLUSTERFUZZ = re.compile(r"(clusterfuzz-testcase|fuzz-)(-minimized)?-?.*")
_NOTES = re.compile(r"(?i)(readme|license|notice|sources)(\.(txt|md|rst))?$|.*\.(md|json|log|stderr|stdout)$")
_PASSED = frozenset({"queue", ".state", ".synced", "corpus"})
"""AFL's folders of inputs that did not fail."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """An input of somebody else's, and who told so."""

    path: Path
    maker: Maker


def inputs(folder: Path) -> list[Foreign]:
    """The inputs below a folder, or a single file. Where none has a name that a fuzzer gives, all files are taken.

    Raises UsageError where there is nothing.
    """
    if folder.is_file():
        return [Foreign(folder, _maker(folder))]
    if not folder.is_dir():
        raise UsageError(f"{folder} is neither a file nor a folder")
    every = [Foreign(path, _maker(path)) for path in _files(folder)]
    named = [one for one in every if one.maker != "unknown"]
    if not every:
        raise UsageError(f"{folder} holds no inputs")
    return named or every


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        plain = path.is_file() and not path.is_symlink() and not path.name.startswith(".")
        if plain and not _NOTES.match(path.name) and not _PASSED & set(inside[:-1]):
            yield path


def _maker(path: Path) -> Maker:
    if _LIBFUZZER.fullmatch(path.name):
        return "libFuzzer"
    if _AFL.fullmatch(path.name):
        return "AFL"
    return "ClusterFuzz" if _CLUSTERFUZZ.fullmatch(path.name) else "unknown"
