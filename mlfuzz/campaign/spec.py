"""What a worker is started from: plain values, no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mlfuzz.campaign.presets import DEFAULT, with_preset
from mlfuzz.config.schema import parts
from mlfuzz.corpus.entry import Identity
from mlfuzz.errors import ConfigError, SchemaError, UsageError, suggestion
from mlfuzz.progress import read_stats
from mlfuzz.storage.derived import Tell, mend_progress, set_aside
from mlfuzz.storage.durable import read_regular, write_atomic
from mlfuzz.storage.reader import is_begun
from mlfuzz.storage.workdir import Workdir

T = TypeVar("T")


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a campaign does; stored as worker.json beside the campaign's journal.

    target: "module:attribute". directory: the project's, put on the import path.
    seeds: folder or file; "" for the target's own.
    preset: what scheduler, coverage, deal, depth and limits were taken from, as far as they were not given.
    scheduler, coverage, deal, oracles: tables with a "name".
    mutators, exclude: patterns as `mutators.select` takes them.
    search: {"name": "auto", "share": 0.1}, or "off", "white", "black": searches between the batches.
    limits: arguments of `Limits`. batch: 0 for the calibrated one. seed: of everything random.
    cap: inputs kept under one provisional key.
    deadline: seconds a batch may take before it counts as a hang; 0: measured.
    validity: "module:attribute" of reference models that vote whether a failing input kept its label. require_valid:
    findings that are not shown to keep it are set aside.
    """

    target: str
    directory: str = "."
    name: str = ""
    seeds: str = ""
    max_seeds: int | None = None
    preset: str = DEFAULT
    scheduler: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "mixed"})
    coverage: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "novelty"})
    deal: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "bandit"})
    search: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "auto"})
    oracles: list[dict[str, Any]] = []
    mutators: list[str] = []
    exclude: list[str] = []
    limits: dict[str, Any] = {}
    batch: int = 0
    depth: int = 1
    seed: int = 0
    cap: int = 20
    device: str = "cpu"
    deadline: float = 0.0
    plugins: list[str] = []
    max_disk: int = 0
    validity: list[str] = []
    require_valid: bool = False


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


def keep_spec(workdir: Workdir, spec: WorkerSpec, digest: str, *, adopt: bool) -> None:
    """Freeze the specification with the campaign; on resuming, say what has changed and refuse unless adopted.

    A campaign that never got as far as its seeds holds nobody to a mistyped option.

    Raises ConfigError naming each changed field, or the changed model.
    """
    frozen, facts = workdir.spec, workdir.target
    held = not adopt and is_begun(workdir)
    if held and frozen.exists():
        old = loads(read_regular(frozen), str(frozen))
        changed = [name for name in spec.__struct_fields__ if getattr(old, name) != getattr(spec, name)]
        if changed:
            said = ", ".join(f"{name}: {getattr(old, name)!r} -> {getattr(spec, name)!r}" for name in changed)
            raise ConfigError(
                f"campaign {workdir.name} was begun otherwise ({said}); add --adopt, or use another --name"
            )
    if held and facts.exists():
        known = target_digest(read_regular(facts), str(facts))
        if known != digest:
            raise ConfigError(
                f"the target has changed since campaign {workdir.name} began ({known[:12]} -> {digest[:12]});"
                " --adopt measures its corpus on the new one, another --name begins afresh"
            )
    write_atomic(frozen, dumps(spec))
    write_atomic(facts, msgspec.json.encode({"digest": digest}))


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
        workdir.spec: _own_spec,
        workdir.target: target_digest,
        workdir.banned: banned_entries,
    }
    set_aside(workdir, readers, tell)
    mend_progress(workdir, tell)


def _own_spec(data: bytes, origin: str) -> WorkerSpec:
    if _decoded(data, origin, _Side).side == "code":
        name = Path(origin).parent.name
        raise UsageError(f"campaign {name} is of harnesses: mlfuzz harness run --name {name} goes on with it")
    return loads(data, origin)


def _decoded(data: bytes, origin: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"{origin}: {error}; written by another version of mlfuzz, edited, or damaged") from error
