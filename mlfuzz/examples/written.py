"""Seeds that are made on this machine, written so that several workers may start at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mlfuzz.storage.durable import make_folder, write_atomic


def write_missing(folder: Path, files: Mapping[str, Callable[[], bytes]]) -> Path:
    """Files below `folder` that are not there yet, each made by its function; -> `folder`.

    None is ever seen half written, and what is there already is left as it is.
    """
    for name, make in files.items():
        file = folder / name
        if not file.exists():
            make_folder(file.parent)
            write_atomic(file, make(), sync=False)
    return folder
