"""Archives read in place: zip, tar and packed tar, and webdataset's shards. Nothing is unpacked where others could see.

A member is read by itself, and no more of it than a seed may have. No path of a member is ever opened.
"""

from __future__ import annotations

import stat
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO

from mlfuzz.corpus.files import RENAME, printable
from mlfuzz.corpus.places import Place, Refuse
from mlfuzz.corpus.strange import archive_named, unpacking
from mlfuzz.errors import BadInputError
from mlfuzz.modality.base import opened_guarded

READ = ("zip", "tar")
"""Kinds that are read in place; the others are told with the line that unpacks them."""

MAX_MEMBERS = 1 << 20
MAX_UNPACKED = 4 << 30
"""Bytes of a packed tar, which is unpacked to a file without a name; and those that a zip may claim, unless it is
itself a HUNDREDTH of them."""
HUNDREDTH = 100
MAX_ARCHIVE_BYTES = 1 << 40

BLOCK = 1 << 20
ENCRYPTED = 0x1
"""Bit of a zip member's flags (APPNOTE, section 4.4.4)."""
LINKS = 8
"""From one member of a tar to another, in a row."""

OUT = "leads out of its archive"
NO_FILE = "not an ordinary file"


def read_in_place(name: str) -> bool:
    """Whether a file's name says that it is an archive of these."""
    return archive_named(name) in READ


def members(path: Path, stack: ExitStack, refuse: Refuse) -> list[Place]:
    """What an archive holds, in the order of the names; it stays open as long as `stack`.

    What is no seed of it is refused with its reason. Raises BadInputError where it cannot be read at all.
    """
    kind = archive_named(path.name)
    file = stack.enter_context(opened_guarded(path, max_bytes=MAX_ARCHIVE_BYTES))
    try:
        found = _zip(file, path, stack, refuse) if kind == "zip" else _tar(file, path, stack, refuse)
        return sorted(found, key=lambda place: place.name.split("/"))
    except BadInputError:
        raise
    except MemoryError as error:
        raise BadInputError("archive too large for the memory") from error
    except Exception as error:  # zipfile, tarfile and the codecs raise a dozen types, and more with each release
        advice = unpacking(kind, path)
        raise BadInputError("damaged archive", f"{type(error).__name__}: {error}", remedy=advice) from error


def _placed(name: str, refuse: Refuse) -> str | None:
    """What it is called; None where it is refused: what leads out, and what is hidden."""
    path = PurePosixPath(name.replace("\\", "/"))
    full = printable(path)
    if path.is_absolute() or ".." in path.parts or (path.parts[:1] and path.parts[0].endswith(":")):
        refuse(OUT, full, "")
    elif any(part.startswith(".") for part in path.parts):
        refuse("hidden file", full, RENAME)
    elif archive_named(path.name):
        refuse("an archive in an archive", full, "unpack the outer one")
    else:
        return full
    return None


def _zip(file: IO[bytes], path: Path, stack: ExitStack, refuse: Refuse) -> Iterator[Place]:
    archive = stack.enter_context(zipfile.ZipFile(file))
    files = [member for member in archive.infolist() if not member.is_dir()]
    _require_some(len(files))
    claimed = sum(member.file_size for member in files)
    if claimed > max(MAX_UNPACKED, HUNDREDTH * path.stat().st_size):
        raise BadInputError("archive that unpacks to too much", f"it claims {claimed >> 20} MiB")
    lock = threading.Lock()
    seen: set[str] = set()
    for member in files:
        name = _placed(member.filename, refuse)
        if name is None:
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            refuse("link in an archive", name, unpacking("zip", path))
        elif member.flag_bits & ENCRYPTED:
            refuse("encrypted archive", name, unpacking("zip", path))
        elif name in seen:
            refuse("a name twice in one archive", name, "")
        else:
            seen.add(name)
            yield Place(name, path, _zip_reader(archive, member, lock), member=True)


def _zip_reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo, lock: threading.Lock) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        _require_small(member.file_size, most)
        try:
            with lock, archive.open(member) as opened:
                return opened.read(most)
        except Exception as error:
            raise BadInputError("damaged archive", f"{type(error).__name__}: {error}") from error

    return read


def _tar(file: IO[bytes], path: Path, stack: ExitStack, refuse: Refuse) -> Iterator[Place]:
    plain = _unpacked(file, stack)
    archive = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))  # noqa: SIM115
    found: dict[str, tarfile.TarInfo] = {}
    for count, member in enumerate(archive):
        _require_few(count)
        found[_inside(member.name)] = member
    _require_some(sum(not member.isdir() for member in found.values()))
    for member in found.values():
        if member.isdir():
            continue
        name = _placed(member.name, refuse)
        if name is None:
            continue
        target = _followed(member, found)
        if target is None:
            refuse("link out of its archive, or to nothing", name, "")
        elif not target.isreg() or target.issparse():
            refuse(NO_FILE, name, "")
        else:
            yield Place(name, path, _tar_reader(plain, target), member=True)


def _inside(name: str) -> str:
    return PurePosixPath(name).as_posix()


def _followed(member: tarfile.TarInfo, found: dict[str, tarfile.TarInfo]) -> tarfile.TarInfo | None:
    """The member that a link means: by name among the others, never on the disk."""
    for _ in range(LINKS):
        if not (member.issym() or member.islnk()):
            return member
        base = PurePosixPath(member.name).parent if member.issym() else PurePosixPath()
        parts: list[str] = []
        for part in (base / member.linkname).parts:
            if part == ".." and parts:
                parts.pop()
            else:
                parts.append(part)
        linked = found.get(PurePosixPath(*parts).as_posix())
        if linked is None:
            return None
        member = linked
    return None


def _tar_reader(plain: IO[bytes], member: tarfile.TarInfo) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        _require_small(member.size, most)
        try:
            plain.seek(member.offset_data)
            data = plain.read(member.size)
        except Exception as error:
            raise BadInputError("damaged archive", f"{type(error).__name__}: {error}") from error
        if len(data) < member.size:
            raise BadInputError("truncated file", f"{member.size} bytes announced, {len(data)} there")
        return data

    return read


def _unpacked(file: IO[bytes], stack: ExitStack) -> IO[bytes]:
    """The tar itself: as it lies, or unpacked once, since packed bytes can only be read from their start."""
    start = file.read(6)
    file.seek(0)
    opener = next((opener for signature, opener in _OPENERS.items() if start.startswith(signature)), None)
    if opener is None:
        return file
    plain = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    size = 0
    with opener(file) as packed:
        while block := packed.read(BLOCK):
            size += len(block)
            if size > MAX_UNPACKED:
                raise BadInputError("archive that unpacks to too much", f"more than {MAX_UNPACKED >> 20} MiB")
            plain.write(block)
    plain.seek(0)
    return plain


def _gzip(file: IO[bytes]) -> IO[bytes]:
    import gzip

    return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]


def _bz2(file: IO[bytes]) -> IO[bytes]:
    import bz2

    return bz2.BZ2File(file)


def _lzma(file: IO[bytes]) -> IO[bytes]:
    import lzma

    return lzma.LZMAFile(file)


_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {b"\x1f\x8b": _gzip, b"BZh": _bz2, b"\xfd7zXZ\0": _lzma}


def _require_some(count: int) -> None:
    if not count:
        raise BadInputError("empty archive")
    _require_few(count)


def _require_few(count: int) -> None:
    if count > MAX_MEMBERS:
        raise BadInputError(f"archive of more than {MAX_MEMBERS} files")


def _require_small(size: int, most: int) -> None:
    if size > most:
        raise BadInputError(f"larger than {most >> 20} MiB", f"{size} bytes")
