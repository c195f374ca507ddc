"""Seeds that are made on this machine, written so that several workers may start at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path


def write_missing(folder: Path, files: Mapping[str, Callable[[], bytes]]) -> Path:
    """Files below `folder` that are not there yet, each made by its function; -> `folder`.

    None is ever seen half written, and what is there already is left as it is.
    """
    for name, make in files.items():
        file = folder / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.{os.getpid()}")
            part.write_bytes(make())
            part.replace(file)
    return folder
