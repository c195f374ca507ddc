"""Finished rows of the table in a folder, a file each: a second call takes them up and runs the rest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from effectiveness_parts.presets import guidance_code
from mlfuzz.storage.durable import write_atomic

MEASURING = ("tasks", "effectiveness_parts")
NOT_MEASURING = ("table.py", "comparison.py", "rows.py", "work.py")
"""What only shows figures, or keeps them, changes none."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a row is of; rows that differ in any of it are never mixed.

    budget: "evaluations", "seconds" or "passes"; allowed: how many. code: hash of the code that guides; bench: of the
    code of tasks and judges.
    """

    task: str
    preset: str
    repeat: int
    budget: str
    allowed: float
    code: str = field(default_factory=guidance_code)
    bench: str = field(default_factory=lambda: bench_code())

    @property
    def file(self) -> str:
        """Readable, and of this key alone."""
        shown = re.sub(r"[^\w.+-]+", "_", f"{self.task}-{self.preset}-{self.repeat}-{self.allowed:g}-{self.budget}")
        return f"{shown}-{_digest(_canonical(self.entries()))[:12]}.json"

    def entries(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "allowed": float(self.allowed)}


@dataclass(frozen=True, slots=True)
class Found:
    """taken: rows that are there already. damaged: a line for each file that is not what it should be.

    other: files of other code, budgets, tasks or presets, which are left alone.
    """

    taken: Mapping[Key, dict[str, Any]]
    damaged: tuple[str, ...]
    other: int


class Rows:
    """A folder of rows; made where it is not there. Raises StorageError where it cannot be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, key: Key, record: Mapping[str, Any]) -> None:
        """In one step: a row is there whole or not at all. Raises StorageError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        row = {"key": key.entries(), "record": dict(record)}
        write_atomic(self.folder / key.file, _canonical({**row, "sha256": _digest(_canonical(row))}) + b"\n")

    def find(self, wanted: Iterable[Key]) -> Found:
        """Those of `wanted` that are there."""
        taken, damaged, files = {}, [], set()
        for key in wanted:
            path = self.folder / key.file
            files.add(path.name)
            try:
                taken[key] = _read(path, key)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                damaged.append(f"{path} is damaged ({error}): that row is run again")
        other = sum(path.name not in files for path in self.folder.glob("*.json"))
        return Found(taken, tuple(damaged), other)


def _read(path: Path, key: Key) -> dict[str, Any]:
    """Raises FileNotFoundError, OSError, and ValueError where the file is not what was written."""
    try:
        row = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are both
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(row, dict) or set(row) != {"key", "record", "sha256"} or not isinstance(row["record"], dict):
        raise ValueError("not a row")
    if row["sha256"] != _digest(_canonical({name: row[name] for name in ("key", "record")})):
        raise ValueError("its hash is another")
    if row["key"] != key.entries():
        raise ValueError(f"it is of {row['key']}")
    record: dict[str, Any] = row["record"]
    return record


@cache
def bench_code() -> str:
    """8 hex digits over the code of tasks, judges and counting."""
    root, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for folder in MEASURING:
        for file in sorted((root / folder).glob("*.py")):
            if file.name not in NOT_MEASURING:
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:8]


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
