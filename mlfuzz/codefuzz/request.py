"""What a code-side campaign is asked to do, and how the campaign's folder remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlfuzz.budget import Budget
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Engine, Options
from mlfuzz.findings.finding import Finding
from mlfuzz.storage.durable import write_atomic
from mlfuzz.storage.workdir import Workdir


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """What to run. options: of each session; its seed counts up by worker. confirm_share: of the time.

    regressions: findings kept in the corpus: what is ignored there is not looked for, and none of them is new.
    """

    workdir: Path
    harnesses: tuple[Harness, ...]
    engine: Engine
    budget: Budget
    options: Options = field(default_factory=Options)
    workers: int = 1
    confirm_share: float = 0.2
    fail_on: str = "any"
    max_disk: int = 0
    regressions: tuple[Finding, ...] = ()


def keep_request(workdir: Workdir, request: CampaignRequest) -> None:
    """Write down what runs, so that the campaign's name alone goes on with it. Raises StorageError."""
    told = {
        "side": "code", "engine": request.engine.name, "lane": request.options.lane.name, "seed": request.options.seed,
        "harnesses": [
            {"name": one.name, "load": one.load, "declaration": msgspec.to_builtins(one.declaration)}
            for one in request.harnesses
        ],
    }  # fmt: skip
    write_atomic(workdir.spec, msgspec.json.format(msgspec.json.encode(told), indent=1), sync=False)
