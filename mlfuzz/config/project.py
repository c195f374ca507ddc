"""The project's file: `[tool.mlfuzz]` of a pyproject.toml, or a mlfuzz.toml with the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlfuzz.decoding import toml_table
from mlfuzz.errors import ConfigError

OWN = "mlfuzz.toml"
SHARED = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """Where the configuration was found, and what it holds, unchecked. Relative paths in it start at its folder."""

    path: Path
    raw: Mapping[str, Any]

    @property
    def root(self) -> Path:
        return self.path.parent


def find(directory: Path) -> ProjectFile | None:
    """The nearest project file at or above `directory`; None where there is none.

    Raises ConfigError for a file that is no TOML, and where one folder holds both.
    """
    start = directory.resolve()
    for folder in (start, *start.parents):
        found = [file for file in (_own(folder / OWN), _shared(folder / SHARED)) if file is not None]
        if len(found) == 2:
            raise ConfigError(f"{folder} holds both {OWN} and [tool.mlfuzz] in {SHARED}; keep one of them")
        if found:
            return found[0]
    return None


def open_file(path: Path) -> ProjectFile:
    """The file given by `--config`. Raises ConfigError where it is not there or holds nothing of mlfuzz."""
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    file = _shared(path) if path.name == SHARED else _own(path)
    if file is None:
        raise ConfigError(f"{path}: has no table [tool.mlfuzz]")
    return ProjectFile(path.resolve(), file.raw)


def _own(path: Path) -> ProjectFile | None:
    return ProjectFile(path, _toml(path)) if path.is_file() else None


def _shared(path: Path) -> ProjectFile | None:
    if not path.is_file():
        return None
    try:
        table = _toml(path).get("tool", {}).get("mlfuzz")
    except AttributeError:
        table = None
    return ProjectFile(path, table) if isinstance(table, dict) else None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return toml_table(path.read_bytes().decode("utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
