"""Which files below a folder may be seeds: ordinary ones, and those that links lead to."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from mlfuzz.corpus.places import Place, Refuse, Warn
from mlfuzz.modality.base import read_guarded

LABELS = "labels.csv"
MISSING = f"named in {LABELS} but not there"

EXAMPLES = 3
"""Names that are told of many."""

RENAME = "rename what is a seed"
NOWHERE = "link to nothing"
KNOWN = "link to a folder that is read already"
ROUND = "link to a folder that it stands in"


def folder_places(folder: Path, *, refuse: Refuse, warn: Warn) -> list[Place]:
    """All ordinary names below a folder, in the order of their names; links are followed, each folder is read once.

    What stands there besides is refused, what is hidden too: a hidden folder as one.
    """
    walk = _Walk(folder, refuse)
    walk.all()
    if walk.outside:
        walk.outside.sort()
        count = listed(len(walk.outside), "link leads", "links lead")
        warn(f"{count} out of the folder, and are followed: {some(walk.outside)}")
    found = sorted(walk.found, key=lambda one: one[0].relative_to(folder).parts)
    return [Place(printable(shown.relative_to(folder)), shown, _reader(real)) for shown, real in found]


def _reader(path: Path) -> Callable[[int], bytes]:
    return lambda most: read_guarded(path, max_bytes=most)


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


class _Walk:
    """found: of each file where it stands and where it lies. outside: names of links that lead out of the folder."""

    def __init__(self, folder: Path, refuse: Refuse) -> None:
        self.folder, self.refuse = folder, refuse
        self.top = Path(os.path.realpath(folder))
        self.found: list[tuple[Path, Path]] = []
        self.outside: list[str] = []
        self._seen: set[tuple[int, int]] = set()

    def all(self) -> None:
        """Folders before links to folders, so that what is read twice is read where it stands."""
        waiting = [self.folder]
        while waiting:
            waiting = [link for start in waiting for link in self._below(start)]

    def _below(self, start: Path) -> list[Path]:
        links: list[Path] = []
        if start != self.folder and (why := self._not_followed(start)):
            self.refuse(why, self._name(start), "")
            return links
        self._first(start)
        for parent, folders, names in os.walk(start, onerror=self._unreadable):
            at = Path(parent)
            for name in sorted(folders):
                hidden, linked = name.startswith("."), (at / name).is_symlink()
                if hidden:
                    self.refuse("hidden folder", self._name(at / name), RENAME)
                elif linked:
                    links.append(at / name)
                else:
                    self._first(at / name)
                if hidden or linked:
                    folders.remove(name)
            for name in names:
                self._file(at / name)
        return links

    def _file(self, path: Path) -> None:
        if path.name.startswith("."):
            self.refuse("hidden file", self._name(path), RENAME)
            return
        real = path
        if path.is_symlink():
            real = Path(os.path.realpath(path))
            if not real.exists():
                self.refuse(NOWHERE, self._name(path), "")
                return
            if real.is_file():
                self._say_where(path, real)
        self.found.append((path, real))

    def _not_followed(self, link: Path) -> str:
        """Why a link to a folder is not: "" where it is."""
        real = Path(os.path.realpath(link))
        if not real.is_dir():
            return NOWHERE
        if real == self.top or real in self.top.parents:
            return ROUND
        if not self._first(link):
            return KNOWN
        self._say_where(link, real)
        return ""

    def _first(self, folder: Path) -> bool:
        """Whether a folder had not been come to before."""
        try:
            state = os.stat(folder)
        except OSError:
            return True  # it is told where it is opened
        known = (state.st_dev, state.st_ino)
        first = known not in self._seen
        self._seen.add(known)
        return first

    def _say_where(self, path: Path, real: Path) -> None:
        if self.top not in real.parents:
            self.outside.append(self._name(path))

    def _unreadable(self, error: OSError) -> None:
        self.refuse("folder that cannot be opened", self._name(Path(error.filename)), "")

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.folder))
