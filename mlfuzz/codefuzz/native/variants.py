"""Native builds that are there: each in a folder of its own, with the lane it gives written beside it."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native.build_system import is_project
from mlfuzz.decoding import json_as
from mlfuzz.errors import SchemaError, TargetLoadError, UnknownNameError
from mlfuzz.findings.trust import is_built, note_built
from mlfuzz.storage.durable import make_folder, read_regular, write_atomic
from mlfuzz.storage.workdir import CAMPAIGNS

SANITIZERS = ("address", "undefined")
ASSERTIONS = "assertions"
"""A build without a sanitizer, with the checks that the code has itself."""
LANES = (*SANITIZERS, ASSERTIONS)
RECORD = "lane.json"
NATIVE = "native"
"""The folder beside the campaigns that holds builds."""
PACKAGES = ("pillow", "soundfile")
"""What is built by its name; anything else is a folder."""


def folder(natives: Path, package: str, sanitizer: str) -> Path:
    """Where a build lies. package: its name, or the folder of its sources."""
    return natives / f"{Path(package.partition('==')[0]).name.lower()}-{sanitizer}"


def keep(lane: Lane, place: Path) -> Path:
    """Write a lane down in its folder. Raises StorageError."""
    make_folder(place)
    write_atomic(place / RECORD, msgspec.json.format(msgspec.json.encode(lane), indent=1))
    return place / RECORD


def note(lane: Lane, place: Path, root: Path) -> None:
    """Remember that this user has built it: only then it runs. root: of the project. Raises StorageError."""
    note_built(root, place, _digest(lane))


def built(natives: Path) -> list[str]:
    """Names of the builds that are there: "pillow-address"."""
    return sorted(path.parent.name for path in natives.glob(f"*/{RECORD}"))


def lane(name: str, natives: Path, packages: Sequence[str] = (), *, root: Path) -> Lane:
    """The environment of a lane: "plain", or all builds with that sanitizer together, those of `packages` first.

    root: of the project. A record sets libraries and variables of a process: one that came with the folder is none.
    Raises UnknownNameError for another name, TargetLoadError where nothing was built for it, or not by this user.
    """
    if name == "plain":
        return Lane()
    if name not in LANES:
        raise UnknownNameError("lane", name, ("plain", *LANES))
    wanted = [place for place in built(natives) if place.endswith(f"-{name}")]
    if not wanted:
        package = _package(packages[0]) if packages else "PACKAGE"
        raise TargetLoadError(
            f"no native build for the lane {name!r} is in {natives}; make one: {_command(package, name, natives, root)}"
        )
    ours = {_package(module) for module in packages}
    wanted.sort(key=lambda place: (place.rpartition("-")[0] not in ours, place))
    lanes = [_read(natives / place / RECORD) for place in wanted]
    foreign = [
        place for place, one in zip(wanted, lanes, strict=True) if not is_built(root, natives / place, _digest(one))
    ]
    if foreign:
        raise TargetLoadError(_refused(foreign, name, natives, root))
    variables: dict[str, str] = {}
    for one in reversed(lanes):
        variables |= one.variables
    return Lane(
        name=name,
        path=tuple(path for one in lanes for path in one.path),
        variables=variables,
        preload=tuple(dict.fromkeys(library for one in lanes for library in one.preload)),
    )


def _refused(places: Sequence[str], sanitizer: str, natives: Path, root: Path) -> str:
    """Why none of them is run, and what to type."""
    first = natives / places[0] / RECORD
    again = [_command(_buildable(place.rpartition("-")[0], root), sanitizer, natives, root) for place in places]
    gone = shlex.join(["rm", "-r", *(str(natives / place) for place in places)])
    return (
        f"{ascii(str(first))[1:-1]} is of no build that you made here: it may have come with the folder, and its "
        f"libraries and variables are not used. Remove it: {gone}; or build it again: {' && '.join(again)}"
    )


def _buildable(package: str, root: Path) -> str:
    """What to give `build-native` for a build of that name; the folder is guessed where the project has it."""
    if package in PACKAGES:
        return package
    for folder in (root, *sorted(root.glob("*/"))):
        if folder.name.lower() == package and is_project(folder):
            return str(folder)
    return f"FOLDER/{package}"


def _command(package: str, sanitizer: str, natives: Path, root: Path) -> str:
    usual = natives.resolve() == (root / CAMPAIGNS / NATIVE).resolve()
    there = [] if usual else ["--dir", str(natives.parent)]
    return shlex.join(["mlfuzz", "harness", "build-native", package, "--sanitizer", sanitizer, *there])


def _digest(lane: Lane) -> str:
    return hashlib.sha256(msgspec.json.encode(lane)).hexdigest()


def _package(module: str) -> str:
    """What a module is called where it is installed from."""
    top = module.partition(".")[0].lower()
    return {"pil": "pillow"}.get(top, top)


def _read(path: Path) -> Lane:
    try:
        return json_as(read_regular(path), Lane)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{path}: {error}; build it again") from error
