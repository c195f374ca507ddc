"""What a harness campaign runs, and how the campaign's folder remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Engine, Options
from mlfuzz.storage.durable import write_atomic
from mlfuzz.storage.workdir import Workdir


@dataclass(frozen=True, slots=True)
class HarnessSpec:
    """options: of each session; its seed counts up by worker. max_disk: bytes of the campaign's folder; 0: no limit."""

    harnesses: tuple[Harness, ...]
    engine: Engine
    options: Options = field(default_factory=Options)
    max_disk: int = 0


def keep_spec(workdir: Workdir, spec: HarnessSpec) -> None:
    """Write down what runs, so that the campaign's name alone goes on with it. Raises StorageError."""
    written = {
        "side": "code", "engine": spec.engine.name, "lane": spec.options.lane.name, "seed": spec.options.seed,
        "harnesses": [
            {"name": one.name, "load": one.load, "declaration": msgspec.to_builtins(one.declaration)}
            for one in spec.harnesses
        ],
    }  # fmt: skip
    write_atomic(workdir.spec, msgspec.json.format(msgspec.json.encode(written), indent=1), sync=False)
