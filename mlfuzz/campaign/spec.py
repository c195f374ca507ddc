"""What a worker is started from: plain values, no torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mlfuzz.campaign.presets import with_preset
from mlfuzz.config.schema import parts
from mlfuzz.config.settings import WorkerOptions
from mlfuzz.corpus.entry import Identity
from mlfuzz.decoding import json_as
from mlfuzz.errors import ConfigError, SchemaError, UsageError, suggestion
from mlfuzz.progress import read_stats
from mlfuzz.storage.derived import Tell, mend_progress, set_aside
from mlfuzz.storage.durable import read_regular, write_atomic
from mlfuzz.storage.reader import is_begun
from mlfuzz.storage.workdir import Workdir

T = TypeVar("T")

OF_A_RUN = frozenset({"focus"})
"""What each run of a campaign may ask anew: it says where to look, not what is looked for."""


class WorkerSpec(WorkerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a campaign does; stored as worker.json beside the campaign's journal.

    target: "module:attribute". directory: the project's, put on the import path.
    seeds: folder or file; "" for the target's own.
    oracles: tables with a "name". mutators, exclude: patterns as `mutators.select` takes them. ranges: of operators
    that are narrowed, as `mutators.ranges.narrowed` takes them.
    limits: arguments of `Limits`. batch: 0 for the calibrated one. seed: of everything random.
    deadline: seconds a batch may take before it counts as a hang; 0: measured. max_disk: bytes; 0: any.
    validity: "module:attribute" of reference models that vote whether a failing input kept its label.
    """

    target: str
    directory: str = "."
    name: str = ""
    seeds: str = ""
    oracles: list[dict[str, Any]] = msgspec.field(default_factory=list)
    mutators: list[str] = msgspec.field(default_factory=list)
    exclude: list[str] = msgspec.field(default_factory=list)
    ranges: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    limits: dict[str, Any] = msgspec.field(default_factory=dict)
    batch: int = 0
    seed: int = 0
    deadline: float = 0.0
    plugins: list[str] = msgspec.field(default_factory=list)
    max_disk: int = 0
    validity: list[str] = msgspec.field(default_factory=list)


class _Side(msgspec.Struct):
    side: str = "model"


def dumps(spec: WorkerSpec) -> bytes:
    """As worker.json."""
    return msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n"


def loads(data: bytes, origin: str = "worker.json") -> WorkerSpec:
    """Raises SchemaError where the record does not fit."""
    return _decoded(data, origin, WorkerSpec)


def spec_of(options: dict[str, Any]) -> WorkerSpec:
    """A specification of keyword arguments; parts may be given by their bare names.

    preset="deephunter" sets what the others do not say. Raises ConfigError, UnknownNameError.
    """
    named = {
        key: {"name": value} if key in ("scheduler", "coverage", "deal", "search") and isinstance(value, str) else value
        for key, value in with_preset(options).items()
    }
    if "oracles" in named:
        named["oracles"] = parts(named["oracles"])
    for key in named:
        if key not in WorkerSpec.__struct_fields__:
            raise ConfigError(f"unknown option {key!r}{suggestion(key, WorkerSpec.__struct_fields__)}")
    try:
        return msgspec.convert(named, WorkerSpec)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{error}") from error


def keep_spec(workdir: Workdir, spec: WorkerSpec, digest: str, *, is_same: Callable[[str], bool], adopt: bool) -> None:
    """Freeze the specification with the campaign; on resuming, say what has changed and refuse unless adopted.

    A campaign that never got as far as its seeds holds nobody to a mistyped option.

    digest: the target's. is_same: whether one that was written down is the target's by the scheme of its day.
    Raises ConfigError naming each changed field, or the changed model.
    """
    frozen, facts = workdir.spec, workdir.target
    held = not adopt and is_begun(workdir)
    if held and os.path.lexists(frozen):
        old = moved(loads(read_regular(frozen), str(frozen)), spec.directory)
        fields = [name for name in spec.__struct_fields__ if name not in OF_A_RUN]
        changed = [name for name in fields if getattr(old, name) != getattr(spec, name)]
        if changed:
            changes = ", ".join(f"{name}: {getattr(old, name)!r} -> {getattr(spec, name)!r}" for name in changed)
            raise ConfigError(
                f"campaign {workdir.name} was begun otherwise ({changes}); add --adopt, or use another --name"
            )
    if held and os.path.lexists(facts):
        known = target_digest(read_regular(facts), str(facts))
        if not is_same(known):
            raise ConfigError(
                f"the target has changed since campaign {workdir.name} began ({known[:12]} -> {digest[:12]});"
                " --adopt measures its corpus on the new one, another --name begins afresh"
            )
    write_atomic(frozen, dumps(spec))
    write_atomic(facts, msgspec.json.encode({"digest": digest}))


def moved(spec: WorkerSpec, directory: str) -> WorkerSpec:
    """The same where the project lies in `directory`: moved or copied, it is still the one that the campaign is of."""

    def here(path: str) -> str:
        inside = path.startswith(f"{spec.directory.rstrip('/')}/")
        return str(Path(directory) / os.path.relpath(path, spec.directory)) if inside else path

    return msgspec.structs.replace(spec, directory=directory, seeds=here(spec.seeds), target=here(spec.target))


def target_digest(data: bytes, origin: str = "target.json") -> str:
    """The digest of the target that a campaign was begun with. Raises SchemaError."""
    return _decoded(data, origin, dict[str, str]).get("digest", "")


def banned_entries(data: bytes, origin: str = "banned.json") -> list[Identity]:
    """Entries that are not mutated again. Raises SchemaError."""
    return _decoded(data, origin, list[Identity])


def set_aside_unreadable(workdir: Workdir, tell: Tell) -> None:
    """Before a campaign is taken up: what of its derived files cannot be read stops nobody, and is told in a line each.

    For whoever holds the campaign. Raises UsageError where it is one of harnesses.
    """
    readers: dict[Path, Callable[[bytes, str], object]] = {
        workdir.stats: read_stats,
        workdir.spec: own_spec,
        workdir.target: target_digest,
        workdir.banned: banned_entries,
    }
    set_aside(workdir, readers, tell)
    mend_progress(workdir, tell)


def own_spec(data: bytes, origin: str) -> WorkerSpec:
    """What a model's campaign was begun with. Raises SchemaError; UsageError where it is one of harnesses."""
    if _decoded(data, origin, _Side).side == "code":
        name = Path(origin).parent.name
        raise UsageError(f"campaign {name} is of harnesses: mlfuzz harness run --name {name} goes on with it")
    return loads(data, origin)


def _decoded(data: bytes, origin: str, kind: type[T]) -> T:
    try:
        return json_as(data, kind)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{origin}: {error}; written by another version of mlfuzz, edited, or damaged") from error
