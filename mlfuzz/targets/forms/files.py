"""Model files: that they are there, and what they hold as a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mlfuzz.errors import TargetLoadError

CHUNK_BYTES = 1 << 20


def present(path: str | Path, form: str) -> Path:
    """The absolute path of a file or folder. Raises TargetLoadError where nothing is there."""
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise TargetLoadError(
            f"{form}: {found} is not there; where it lies beside the target's own file: "
            f"Path(__file__).with_name({found.name!r})"
        )
    return found


def digest_of(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files; of a folder, of all ordinary files below it."""
    digest = hashlib.sha256()
    for path in paths:
        below = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        for file in below:
            name = file.name if file == path else str(file.relative_to(path))
            digest.update(name.encode(errors="surrogateescape") + b"\0" + _content(file))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()
