"""One configuration out of flags, environment, the campaign's frozen file, the project's file and the defaults."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlfuzz.config import schema
from mlfuzz.config.frozen import raw_of
from mlfuzz.config.project import ProjectFile, find, open_file
from mlfuzz.config.schema import Leaves, default_of, dotted, flatten, leaves_of, unflatten
from mlfuzz.config.settings import Config
from mlfuzz.errors import ConfigError, suggestion

PREFIX = "MLFUZZ_"

SPENDING = frozenset({"time", "inputs", "max_findings", "workers", "fail_on", "max_disk", "device", "until", "focus"})
"""Keys of [fuzz] that a resumed campaign may change freely: they say how long and where, not what is done."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key that was asked for, and differs from what the campaign was started with."""

    key: str
    frozen: Any
    asked: Any
    origin: str
    deliberate: bool
    """By a flag or variable of this very command; else the project's file changed since."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The configuration, where each value comes from, and the folder that relative paths start at."""

    config: Config
    origins: Mapping[str, str]
    root: Path
    file: Path | None
    conflicts: tuple[Conflict, ...] = ()

    def path(self, text: str) -> Path:
        """What a configuration says, seen from the project's folder."""
        return self.root / os.path.expanduser(text)

    @property
    def state_dir(self) -> Path:
        """Where campaigns lie."""
        return self.path(self.config.state_dir)

    @property
    def corpus_dir(self) -> Path:
        """Where seeds and regressions lie."""
        return self.path(self.config.corpus_dir)


def _require_text(directory: Path) -> None:
    """Records, settings and reports are UTF-8, and name the folder."""
    try:
        str(directory.resolve()).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{str(directory.resolve())!a}: the name of this folder is no UTF-8; rename it, or work in another"
        ) from error


def resolve(
    directory: Path,
    *,
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    frozen: str | None = None,
    environment: Mapping[str, str] | None = None,
    presets: Callable[[str], Mapping[str, Any]] | None = None,
) -> Resolved:
    """The configuration that holds in `directory`.

    flags: nested like the file, {"fuzz": {"time": "30s"}}, without what was not given. frozen: text of campaign.toml.
    environment: of the process, unless given. presets: gives what the preset of a name sets, nested like the file; all
    else goes before that. Raises ConfigError naming the file, the key and the nearest known key.
    """
    _require_text(directory)
    project = open_file(file) if file is not None else find(directory)
    layers = _layers(project, flags or {}, frozen, os.environ if environment is None else environment)
    conflicts = _conflicts(dict(layers)) if frozen is not None else ()
    if presets is not None:
        layers.insert(0, ("preset", _preset(layers, presets)))
    leaves: Leaves = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for path, value in layer.items():
            leaves[path] = value
            origins[dotted(path)] = origin or _origin(path)
    config = unflatten(Config, leaves)
    for path in leaves_of(config):
        origins.setdefault(dotted(path), "default")
    root = project.root if project else directory.resolve()
    return Resolved(config, origins, root, project.path if project else None, conflicts)


def variables() -> dict[str, tuple[str, ...]]:
    """Every variable that is understood, and the leaf it sets: MLFUZZ_FUZZ_TIME -> ("fuzz", "time")."""
    return {PREFIX + "_".join(path).upper(): path for path, _ in schema.single_leaves(Config)}


def _layers(
    project: ProjectFile | None, flags: Mapping[str, Any], frozen: str | None, environment: Mapping[str, str]
) -> list[tuple[str, Leaves]]:
    layers = []
    if project is not None:
        layers.append((project.path.name, flatten(Config, project.raw, str(project.path))))
    if frozen is not None:
        layers.append(("campaign.toml", flatten(Config, raw_of(frozen, "campaign.toml"), "campaign.toml")))
    layers.extend(_environment(environment))
    layers.append(("", flatten(Config, flags, "command line", lax=True)))
    return layers


def _preset(layers: list[tuple[str, Leaves]], presets: Callable[[str], Mapping[str, Any]]) -> Leaves:
    """What the preset sets that is asked for last."""
    path = ("fuzz", "preset")
    name = next((layer[path] for _, layer in reversed(layers) if path in layer), default_of(path))
    return flatten(Config, presets(name), f"preset {name}")


def _environment(environment: Mapping[str, str]) -> list[tuple[str, Leaves]]:
    known = variables()
    sections = tuple(f"{PREFIX}{name.upper()}_" for name, field in schema.fields(Config).items() if field.inner)
    layers = []
    for name, value in sorted(environment.items()):
        if name in known:
            nested: Any = value
            for part in reversed(known[name]):
                nested = {part: nested}
            layers.append((name, flatten(Config, nested, f"environment {name}", lax=True)))
        elif name.startswith(sections):
            raise ConfigError(f"environment: unknown variable {name!r}{suggestion(name, known)}")
    return layers


def _conflicts(layers: Mapping[str, Leaves]) -> tuple[Conflict, ...]:
    frozen = layers["campaign.toml"]
    found = {}
    for origin, layer in layers.items():
        for path, value in layer.items():
            if path in frozen and value != frozen[path] and not _spending(path):
                place = origin or _origin(path)
                found[path] = Conflict(dotted(path), frozen[path], value, place, origin == "" or origin in variables())
    return tuple(found.values())


def _spending(path: tuple[str, ...]) -> bool:
    return (path[0] == "fuzz" and path[-1] in SPENDING) or path[0] in ("report", "regression", "state_dir")


def _origin(path: tuple[str, ...]) -> str:
    if path[-1] == "use":
        return "command line"
    return "--" + (path[-2] if path[-1] == "include" else path[-1]).replace("_", "-")
