"""Which files of a folder may be seeds, and what labels their places give them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlfuzz.errors import BadInputError, SeedError
from mlfuzz.modality.base import read_guarded

LABELS = "labels.csv"
Refuse = Callable[[str, str], None]
"""Told the reason, which is counted, and the name of the file."""


@dataclass(frozen=True, slots=True)
class SeedFile:
    """name: relative, with "/", printable. label: None where it has none."""

    path: Path
    name: str
    label: str | None


def seed_files(folder: Path, *, labels: Sequence[str], refuse: Refuse) -> list[SeedFile]:
    """All ordinary names below a folder, in the order of their names; no link to a folder is followed.

    A label is what labels.csv says, else the name of the innermost folder that the target has as a label, else that of
    the topmost one. Raises SeedError where labels.csv cannot be understood.
    """
    given = _given_labels(folder)
    found = []
    for path in _walk(folder, refuse):
        name = printable(path.relative_to(folder))
        label = given.pop(name, None) if given is not None else _folder_label(name, labels)
        found.append(SeedFile(path, name, label))
    for name in given or ():
        refuse(f"named in {LABELS} but not there", name)
    return found


def printable(path: Path | PurePosixPath) -> str:
    """A path as text: bytes that are no UTF-8 are shown as \\xff."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _walk(folder: Path, refuse: Refuse) -> list[Path]:
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        refuse("folder that cannot be opened", printable(Path(error.filename).relative_to(folder)))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        at = Path(parent)
        for name in list(folders):
            if name.startswith("."):
                folders.remove(name)
            elif (at / name).is_symlink():
                folders.remove(name)
                refuse("symbolic link", printable((at / name).relative_to(folder)))
        found += [at / name for name in names if not name.startswith(".") and not (at == folder and name == LABELS)]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _folder_label(name: str, labels: Sequence[str]) -> str | None:
    folders = PurePosixPath(name).parts[:-1]
    if not folders:
        return None
    return next((part for part in reversed(folders) if part in labels), folders[0])


def _given_labels(folder: Path) -> dict[str, str | None] | None:
    path = folder / LABELS
    if not os.path.lexists(path):
        return None
    try:
        text = read_guarded(path).decode("utf-8-sig")
    except (BadInputError, UnicodeDecodeError) as error:
        raise SeedError(f"{path} cannot be read: {error}") from error
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        head = [cell.strip().lower() for cell in next(rows, [])]
        if head[:2] != ["file", "label"]:
            raise SeedError(f"{path} begins with {','.join(head)!a}; its first line must be: file,label")
        return {printable(PurePosixPath(row[0])): row[1].strip() or None for row in rows if len(row) >= 2}
    except csv.Error as error:
        raise SeedError(f"{path}, line {rows.line_num}: {error}") from error
