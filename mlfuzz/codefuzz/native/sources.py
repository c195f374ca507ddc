"""Sources of what is built: a folder of the user's, one version of it, or what a package's authors released."""

from __future__ import annotations

import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from mlfuzz.codefuzz.native.build_system import SHIM, is_project
from mlfuzz.codefuzz.native.run_step import OnLine, run
from mlfuzz.codefuzz.native.variants import PACKAGES
from mlfuzz.errors import TargetError, UnknownNameError
from mlfuzz.storage.durable import copy_folder, make_folder, write_atomic, writing

LEFT_OUT = shutil.ignore_patterns(
    "build", "dist", "target", "*.so", "*.egg-info", "__pycache__", "venv", "CMakeCache.txt", "CMakeFiles", ".git*",
    ".venv", ".tox", ".nox", ".mlfuzz", ".*cache", ".hypothesis",
)  # fmt: skip
"""Of a folder that is copied: what an earlier build has left has no sanitizer."""

PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
GIT_SECONDS = 60.0


def is_folder(package: str) -> bool:
    """Whether it was given as a path: names of packages have no separator."""
    return os.sep in package


def copied(package: str, source: Path) -> Path:
    """A folder's sources, copied: pip builds in place, and would take objects that have no sanitizer."""
    folder = Path(package)
    if not folder.is_dir():
        raise TargetError(f"{package}: no such folder")
    with writing(source):
        copy_folder(folder, source, ignore=LEFT_OUT)
    return _buildable(source)


def released(package: str, place: Path, on_line: OnLine) -> Path:
    """The sources of "name==version", or of the version of a package that is installed, as pip brings them.

    Raises UnknownNameError where it is neither: building runs whatever a mistyped name may stand for; TargetError.
    """
    package = require_known(package)
    name = package.partition("==")[0]
    make_folder(place)
    run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", name, "--dest", str(place), package],
        place, {}, on_line,
    )  # fmt: skip
    archive = next((path for path in sorted(place.iterdir()) if path.name.endswith((".tar.gz", ".zip"))), None)
    if archive is None:
        raise TargetError(f"pip brought no sources of {package}")
    unpacked = place / "unpacked"
    with writing(unpacked):
        shutil.unpack_archive(archive, unpacked, filter=None if archive.suffix == ".zip" else "data")
    return _buildable(next(path for path in sorted(unpacked.iterdir()) if path.is_dir()))


def require_known(package: str) -> str:
    """ "name==version" of a package that is named so, or is installed. Raises UnknownNameError."""
    if PINNED.fullmatch(package):
        return package
    try:
        return f"{package}=={importlib.metadata.version(package)}"
    except (importlib.metadata.PackageNotFoundError, ValueError):
        known = {one.metadata["Name"] for one in importlib.metadata.distributions() if one.metadata["Name"]}
    what = f"installed package (name another with its version, {package}==1.0, and a folder as ./{package})"
    raise UnknownNameError(what, package, sorted({*known, *PACKAGES}))


def versions_of(package: str) -> list[str]:
    """Of a folder: its folders that can be built, else its tags, oldest first."""
    folder = Path(package)
    inside = [path.name for path in sorted(folder.glob("*/")) if is_project(path)]
    return inside or _git(folder, "tag", "--sort=creatordate").split()


def version_of(package: str, version: str, source: Path) -> Path:
    """One version of a folder: the folder of that name in it, or that revision of the checkout. Raises TargetError."""
    folder = Path(package)
    if is_project(folder / version):
        return copied(str(folder / version), source)
    archive = _git_bytes(folder, "archive", "--format=tar", version)
    make_folder(source)
    with writing(source), tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(source, filter="data")
    return _buildable(source)


def _buildable(source: Path) -> Path:
    if (source / "setup.cfg").is_file() and not any((source / one).is_file() for one in ("pyproject.toml", "setup.py")):
        write_atomic(source / "setup.py", SHIM, sync=False)
    return source


def _git(folder: Path, *arguments: str) -> str:
    return _git_bytes(folder, *arguments).decode("utf-8", "replace")


def _git_bytes(folder: Path, *arguments: str) -> bytes:
    command: Sequence[str] = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"git cannot be asked about {folder}: {error}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise TargetError(
            f"{folder} has neither a folder of that version nor that revision: {said.splitlines()[-1] if said else ''}"
        )
    return done.stdout
