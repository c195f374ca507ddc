"""Files that are something else than seeds, by their names or their bytes: archives, and texts of other codings."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath

ARCHIVE = "an archive"

_UNPACK = {
    "zip": "unzip {file} -d {folder}",
    "tar": "mkdir {folder} && tar -xf {file} -C {folder}",
    "7z": "7z x {file} -o{folder}",
    "rar": "unrar x {file} {folder}/",
    "gz": "gunzip -k {file}",
    "bz2": "bunzip2 -k {file}",
    "xz": "unxz -k {file}",
    "zst": "unzstd {file}",
}
_SIGNATURES = {
    b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar",
    b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst",
}  # fmt: skip
_SUFFIXES = {
    ".zip": "zip", ".tar": "tar", ".tgz": "tar", ".tbz2": "tar", ".txz": "tar", ".7z": "7z", ".rar": "rar",
    ".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst",
}  # fmt: skip
_TAR_AT = 257
_ALIGNED = 0.8
"""Share of NULs at one place of each character from which a text is one of wide characters."""


def archive_named(name: str) -> str:
    """The kind of archive that a name says it is, "" for none."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    return "tar" if suffixes[-2:-1] == [".tar"] else _SUFFIXES.get(suffixes[-1], "") if suffixes else ""


def archive_kind(data: bytes) -> str:
    """The kind of archive that these bytes are, "" for none."""
    if data[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")


def unpacking(kind: str, path: Path) -> str:
    """The line that unpacks it beside itself."""
    file = str(path)
    folder = str(path.with_name(path.name.partition(".")[0] or "unpacked"))
    if folder == file:
        folder += "-unpacked"
    line = _UNPACK[kind].format(file=shlex.quote(file), folder=shlex.quote(folder))
    return f"unpack it: {line}"


def wide_text(data: bytes) -> str:
    """ "UTF-16" or "UTF-32" where that is what bytes are that read as UTF-8 with a NUL beside each character."""
    size = len(data) // 4
    if size < 2 or len(data) % 2 or 0 not in data:
        return ""
    nuls = [data[at : 4 * size : 4].count(0) / size for at in range(4)]
    full = [share >= _ALIGNED for share in nuls]
    if full in ([False, True, True, True], [True, True, True, False]):
        return "UTF-32" if not len(data) % 4 else ""
    return "UTF-16" if full in ([False, True, False, True], [True, False, True, False]) else ""
