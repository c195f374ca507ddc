"""Arrays and facts in one file, replaced in one step: calibrations (truth) and checkpoints (derived).

An ordinary .npz, readable by numpy, with the SHA-256 of everything before it as the archive's comment. No pickle.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mlfuzz.decoding import json_as
from mlfuzz.errors import CorruptRecordError, StorageError
from mlfuzz.storage.durable import create_exclusive, make_folder, read_regular, write_atomic
from mlfuzz.storage.sealed import require_sealed, sealed

FACTS = "__facts__"

AGAIN = "it is ignored and built up again"
"""What becomes of a checkpoint that cannot be used."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """arrays: by name, none of objects. facts: what JSON can hold."""

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint, *, sync: bool = True) -> None:
    """Replace the file in one step. Raises DiskFullError, StorageError; TypeError for an array of objects."""
    data = _pack(checkpoint)
    make_folder(path.parent, parents=False)
    write_atomic(path, data, sync=sync)


def create_checkpoint(path: Path, checkpoint: Checkpoint) -> bool:
    """Write it unless it is there: what is truth is written once. False where it was there. Raises DiskFullError."""
    data = _pack(checkpoint)
    make_folder(path.parent, parents=False)
    return create_exclusive(path, data)


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises CorruptRecordError where it is damaged or missing."""
    data = read_regular(path)
    require_sealed(path, data)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            _require_stored(stored.zip.infolist())
            arrays = {name: stored[name] for name in stored.files}
        return Checkpoint(arrays, json_as(arrays.pop(FACTS).tobytes(), dict[str, Any]))
    except Exception as error:  # numpy and zipfile raise a dozen types for files that are made up
        raise CorruptRecordError(f"{path} is no checkpoint: {error}") from error


def _require_stored(members: list[zipfile.ZipInfo]) -> None:
    """We pack nothing, so that none takes more memory than its file has bytes. Raises ValueError."""
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise ValueError(f"{member.filename[:80]!a} is packed")


def latest_checkpoint(path: Path, report: Callable[[str], object]) -> Checkpoint | None:
    """The checkpoint to go on from, None where there is none or it is damaged: `report` is then told so.

    For derived state only: what it held is built up again from the journals.
    """
    if not os.path.lexists(path):
        return None
    try:
        return read_checkpoint(path)
    except StorageError as error:
        report(f"{error}; {AGAIN}")
        return None


def _pack(checkpoint: Checkpoint) -> bytes:
    for name, array in checkpoint.arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"checkpoint: {name} is an array of objects, which only pickle could store")
    facts = np.frombuffer(msgspec.json.encode(dict(checkpoint.facts)), np.uint8)
    file = io.BytesIO()
    named: dict[str, Any] = {**checkpoint.arrays, FACTS: facts}
    np.savez(file, **named)
    return sealed(file.getvalue())
