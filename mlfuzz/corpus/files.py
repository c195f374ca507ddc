"""Which files of a folder may be seeds, and what labels their places give them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlfuzz.errors import BadInputError, SeedError
from mlfuzz.modality.base import LINKED, read_guarded

LABELS = "labels.csv"
MISSING = f"named in {LABELS} but not there"
Refuse = Callable[[str, str, str], None]
"""Told the reason, which is counted, the name of the file, and what to do about it, if anything."""
Warn = Callable[[str], None]

EXAMPLES = 3
"""Names that are told of many."""

RENAME = "rename what is a seed"


@dataclass(frozen=True, slots=True)
class SeedFile:
    """name: relative, with "/", printable. label: None where it has none."""

    path: Path
    name: str
    label: str | None


def seed_files(folder: Path, *, labels: Sequence[str], refuse: Refuse, warn: Warn) -> list[SeedFile]:
    """All ordinary names below a folder, in the order of their names; no link to a folder is followed.

    What stands there besides is refused, what is hidden too: a hidden folder as one.

    A label is what labels.csv says, else the name of the innermost folder that the target has as a label, else that of
    the topmost one. Raises SeedError where labels.csv cannot be understood.
    """
    given = _given_labels(folder, warn)
    found, unnamed = [], []
    for path in _walk(folder, refuse):
        name = printable(path.relative_to(folder))
        if given is not None and name not in given:
            unnamed.append(name)
        label = given.pop(name, None) if given is not None else _folder_label(name, labels)
        found.append(SeedFile(path, name, label))
    for name in given or ():
        refuse(MISSING, name, 'write it as it lies below the folder, with "/"')
    if unnamed:
        count = listed(len(unnamed), "file is", "files are")
        warn(f"{count} not named in {LABELS}, so without a label: {some(unnamed)}")
    return found


def some(names: Sequence[str]) -> str:
    """ "a.png, b.png, c.png, ...": in ASCII."""
    shown = ", ".join(plain(name) for name in names[:EXAMPLES])
    return shown + (", ..." if len(names) > EXAMPLES else "")


def plain(text: str) -> str:
    """A text in printable ASCII."""
    return ascii(text)[1:-1]


def listed(count: int, one: str, several: str) -> str:
    """ "1 file is", "2 files are"."""
    return f"{count} {one if count == 1 else several}"


def printable(path: Path | PurePosixPath) -> str:
    """A path as text: bytes that are no UTF-8 are shown as \\xff."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _walk(folder: Path, refuse: Refuse) -> list[Path]:
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        refuse("folder that cannot be opened", printable(Path(error.filename).relative_to(folder)), "")

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        at = Path(parent)
        for name in list(folders):
            reason, remedy = ("hidden folder", RENAME) if name.startswith(".") else ("symbolic link", LINKED)
            if name.startswith(".") or (at / name).is_symlink():
                folders.remove(name)
                refuse(reason, printable((at / name).relative_to(folder)), remedy)
        for name in names:
            if name.startswith("."):
                refuse("hidden file", printable((at / name).relative_to(folder)), RENAME)
            elif (at, name) != (folder, LABELS):
                found.append(at / name)
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _folder_label(name: str, labels: Sequence[str]) -> str | None:
    folders = PurePosixPath(name).parts[:-1]
    if not folders:
        return None
    return next((part for part in reversed(folders) if part in labels), folders[0])


def _given_labels(folder: Path, warn: Warn) -> dict[str, str | None] | None:
    """Label by name; None where there is no table. Raises SeedError."""
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
        return _labels_of(rows, warn)
    except csv.Error as error:
        raise SeedError(f"{path}, line {rows.line_num}: {error}") from error


def _labels_of(rows: Iterator[list[str]], warn: Warn) -> dict[str, str | None]:
    given: dict[str, str | None] = {}
    short, twice = [], []
    for number, row in enumerate(rows, start=2):
        if len(row) < 2:
            short += [str(number)] if any(row) else []
            continue
        name, label = printable(PurePosixPath(row[0])), row[1].strip() or None
        if name in given and given[name] != label:
            twice.append(name)
        given[name] = label
    if short:
        warn(f"{LABELS} has no label in line {some(short)}")
    if twice:
        warn(f"{LABELS} gives {some(twice)} two labels; the last one counts")
    return given
