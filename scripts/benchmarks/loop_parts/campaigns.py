"""Campaigns that `scripts/bench loop` measures: a subject by its name, its seeds in a folder, the loop over them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import mlfuzz
from loop_parts.pictures import MODELS, write_seeds
from loop_parts.subjects import SUBJECTS
from mlfuzz.campaign.setup import calibration
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.targets.calibrate import Speed

STEADY = {"mlp": 6e-6, "lenet": 60e-6, "audio": 340e-6, "bytes": 150e-6, "resnet32": 2e-3, "minilm": 4e-3}
"""Seconds that an input is said to take where calls are counted: how a batch is cut and which operators are dear is
worked out from it, and would follow the machine's load. About those of one thread of a server."""

STEADY_ELSE = 1e-3


def subject(name: str) -> tuple[Any, Callable[[Path], None], float]:
    """The target, how its seeds are written, and the ratio to reach."""
    torch.manual_seed(0)
    if name in SUBJECTS:
        return SUBJECTS[name].target(), SUBJECTS[name].write, SUBJECTS[name].goal
    make, size, channels, goal = MODELS[name]
    target = mlfuzz.ModuleTarget(f"bench:{name}", mlfuzz.Image(size=(size, size), channels=channels), make())
    return target, lambda folder: write_seeds(folder, size, channels), goal


@contextmanager
def seeded(write: Callable[[Path], None]) -> Iterator[Path]:
    """A folder with seeds in it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "seeds").mkdir()
        write(Path(folder) / "seeds")
        yield Path(folder)


def opened(base: Path, target: Any, batch: int, coverage: str = "novelty") -> Campaign:
    """A campaign on those seeds. batch: 0 for the calibrated one."""
    return Campaign.open(base / "campaign", target, seeds=base / "seeds", coverage=coverage, batch=batch)


@contextmanager
def steady_speed(name: str, batch: int) -> Iterator[None]:
    """Campaigns opened inside take the target's speed from `STEADY` instead of a clock."""
    seconds = STEADY.get(name, STEADY_ELSE)
    measured = calibration.speed
    calibration.speed = lambda *_, **__: Speed(batch, seconds, {batch: 1 / seconds})
    try:
        yield
    finally:
        calibration.speed = measured
