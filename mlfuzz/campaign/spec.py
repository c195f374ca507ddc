"""What a worker is started from: plain values, no torch."""

from __future__ import annotations

from typing import Any

import msgspec

from mlfuzz.budget import Budget
from mlfuzz.errors import SchemaError


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a campaign does; stored as worker.json beside the campaign's journal.

    target: "module:attribute". directory: the project's, put on the import path.
    seeds: folder or file; "" for the target's own.
    oracles, coverage: tables with a "name". mutators, exclude: patterns as `mutators.select` takes them.
    limits: arguments of `Limits`. batch: 0 for the calibrated one. seed: of everything random.
    cap: inputs kept under one provisional key.
    deadline: seconds a batch may take before it counts as a hang; 0: measured.
    """

    target: str
    directory: str = "."
    name: str = ""
    seeds: str = ""
    max_seeds: int | None = None
    scheduler: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "mixed"})
    coverage: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "novelty"})
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

    def budget(self, *, seconds: float | None, inputs: int | None, findings: int | None) -> Budget:
        return Budget(seconds=seconds, inputs=inputs, findings=findings)


def dumps(spec: WorkerSpec) -> bytes:
    return msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n"


def loads(data: bytes, origin: str = "worker.json") -> WorkerSpec:
    """Raises SchemaError where the record does not fit."""
    try:
        return msgspec.json.decode(data, type=WorkerSpec)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{origin}: {error}; written by another version of mlfuzz, or edited") from error
