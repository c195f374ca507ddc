"""What a campaign is put together from."""

from __future__ import annotations

from dataclasses import dataclass

from mlfuzz.coverage.base import Criterion
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.oracles.base import Oracle
from mlfuzz.schedulers.base import Scheduler
from mlfuzz.targets.base import Target


@dataclass(frozen=True, slots=True)
class Parts:
    """floors: (oracles,) the smallest margin of each that counts. batch: rows. seed: of everything random."""

    target: Target
    oracles: tuple[Oracle, ...]
    floors: tuple[float, ...]
    criterion: Criterion
    scheduler: Scheduler
    plan: Plan
    batch: int
    seed: int
