"""Where one seed stands: a file below a folder, or a member of an archive. Read when it is its turn, and guarded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

Refuse = Callable[[str, str, str], None]
"""Told the reason, which is counted, the name of the file, and what to do about it, if anything."""
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """name: relative, with "/", printable. path: of the file on the disk, of a member its archive's.

    read: its bytes, at most so many. Raises BadInputError.
    """

    name: str
    path: Path
    read: Callable[[int], bytes]
    member: bool = False

    @property
    def suffix(self) -> str:
        """Lower case, with its dot."""
        return PurePosixPath(self.name).suffix.lower()
