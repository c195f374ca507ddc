"""Native builds that are there: each in a folder of its own, with the lane it gives written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.decoding import json_as
from mlfuzz.errors import SchemaError, TargetLoadError, UnknownNameError
from mlfuzz.storage.durable import make_folder, read_regular, write_atomic

SANITIZERS = ("address", "undefined")
RECORD = "lane.json"
NATIVE = "native"
"""The folder beside the campaigns that holds builds."""


def folder(natives: Path, package: str, sanitizer: str) -> Path:
    """Where a build lies. package: its name, or the folder of its sources."""
    return natives / f"{Path(package).name.lower()}-{sanitizer}"


def keep(lane: Lane, place: Path) -> Path:
    """Write a lane down in its folder. Raises StorageError."""
    make_folder(place)
    write_atomic(place / RECORD, msgspec.json.format(msgspec.json.encode(lane), indent=1))
    return place / RECORD


def built(natives: Path) -> list[str]:
    """Names of the builds that are there: "pillow-address"."""
    return sorted(path.parent.name for path in natives.glob(f"*/{RECORD}"))


def lane(name: str, natives: Path, packages: Sequence[str] = ()) -> Lane:
    """The environment of a lane: "plain", or all builds with that sanitizer together, those of `packages` first.

    Raises UnknownNameError for another name, TargetLoadError where nothing was built for it.
    """
    if name == "plain":
        return Lane()
    if name not in SANITIZERS:
        raise UnknownNameError("lane", name, ("plain", *SANITIZERS))
    wanted = [place for place in built(natives) if place.endswith(f"-{name}")]
    if not wanted:
        package = _package(packages[0]) if packages else "PACKAGE"
        raise TargetLoadError(
            f"no native build for the lane {name!r} is in {natives}; make one: "
            f"mlfuzz harness build-native {package} --sanitizer {name}"
        )
    ours = {_package(module) for module in packages}
    wanted.sort(key=lambda place: (place.rpartition("-")[0] not in ours, place))
    lanes = [_read(natives / place / RECORD) for place in wanted]
    variables: dict[str, str] = {}
    for one in reversed(lanes):
        variables |= one.variables
    return Lane(
        name=name,
        path=tuple(path for one in lanes for path in one.path),
        variables=variables,
        preload=tuple(dict.fromkeys(library for one in lanes for library in one.preload)),
    )


def _package(module: str) -> str:
    """What a module is called where it is installed from."""
    top = module.partition(".")[0].lower()
    return {"pil": "pillow"}.get(top, top)


def _read(path: Path) -> Lane:
    try:
        return json_as(read_regular(path), Lane)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{path}: {error}; build it again") from error
