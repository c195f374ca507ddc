"""Sources of a Debian package as its authors released them, without Debian's patches: wheels are made of those."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from mlfuzz.codefuzz.native.run_step import OnLine, run
from mlfuzz.errors import TargetError
from mlfuzz.storage.durable import make_folder, write_atomic, writing

LISTS = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


def unpack_source(package: str, directory: Path, on_line: OnLine) -> Path:
    """Fetch and unpack the sources; -> their folder. Raises TargetError.

    apt-get is given lists of its own below `directory`: nothing of the system's is changed.
    """
    make_folder(directory / "lists" / "partial")
    parts = directory / "sources.d"
    make_folder(parts)
    written = [_write(parts, path) for path in _lists()]
    if not any(written):
        raise TargetError("no source list of apt was found in /etc/apt; add Debian's, and try again")
    options = [
        "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}", "-o",
        f"Dir::State::lists={directory / 'lists'}", "-o", f"Dir::Cache::srcpkgcache={directory / 'sources.bin'}",
        "-o", f"Dir::Cache::pkgcache={directory / 'packages.bin'}", "-o", "APT::Sandbox::User=root",
    ]  # fmt: skip
    run(["apt-get", *options, "-q", "update"], directory, {}, on_line)
    run(["apt-get", *options, "-q", "source", "--download-only", package], directory, {}, on_line)
    archive = next(iter(sorted(directory.glob("*.orig.tar.*[!c]"))), None)
    if archive is None:
        raise TargetError(f"apt-get brought no sources of {package} into {directory}")
    with writing(directory), tarfile.open(archive) as packed:
        packed.extractall(directory, filter="data")
    return next(path for path in sorted(directory.glob(f"{package}-*")) if path.is_dir())


def _lists() -> list[Path]:
    single, folder = LISTS
    every = [single, *sorted(folder.glob("*"))] if folder.is_dir() else [single]
    return [path for path in every if path.suffix in (".list", ".sources") and path.is_file()]


def _write(parts: Path, path: Path) -> bool:
    """The same list for sources in place of programs; those that are not Debian's are left out."""
    text = path.read_text("utf-8", "replace")
    if "debian" not in text:
        return False
    if path.suffix == ".sources":
        text = re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE)
    else:
        text = re.sub(r"^deb(?!-src)\b", "deb-src", text, flags=re.MULTILINE)
    write_atomic(parts / path.name, text.encode(), sync=False)
    return True
