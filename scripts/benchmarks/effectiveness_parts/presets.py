"""Which guidance is compared, and what of it is frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tasks.task import Task

import mlfuzz
from mlfuzz.campaign.presets import guidance_hash
from mlfuzz.campaign.spec import WorkerSpec

BASELINE = "random"
DEFAULT = "mixed"

COMPARED = ("random", "mixed", "tensorfuzz", "deeptest", "deephunter", "walk", "accept", "greedy")
"""The baseline first, then the default without gradients, the published systems, and the other baselines."""

WHITE = ("mixed+gradients", "gradient")
"""What asks the target for gradients."""

SEARCHES = {"search:black": False, "search:white": True}
"""A search of `mlfuzz.campaign.search` from each root, without a campaign -> whether it may ask for gradients."""

BARE = "scheduler:"
"""Begins the name of a scheduler on its own, with everything else as in the default: for finding out what helps."""

WITH_GRADIENTS = "mixed+gradients"
"""The default as it is; in the row "mixed" the same default is shown a target that has no gradients."""

GUIDING = ("schedulers", "coverage", "campaign/search", "mutators/schedule/plan.py", "mutators/schedule/weights.py",
    "mutators/schedule/slices.py", "mutators/schedule/bandit.py", "mutators/schedule/dear.py", "campaign/loop/loop.py",
    "campaign/loop/failure_novelty.py", "campaign/loop/step_reuse.py", "bandit.py",
)  # fmt: skip
"""Code that decides what is tried next."""


def options_of(preset: str, task: Task, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a campaign. fixed: what the task says, before which nothing of a preset goes."""
    if preset.startswith(BARE):
        return {"scheduler": {"name": preset.removeprefix(BARE)}, **fixed}
    named = BASELINE if preset in SEARCHES else DEFAULT if preset == WITH_GRADIENTS else preset
    return {"preset": named, **task.overrides.get(preset, {}), **fixed}


def is_black(preset: str) -> bool:
    """Whether the target is to be shown without its gradients."""
    return preset not in WHITE and preset not in SEARCHES


def applies(preset: str, task: Task) -> bool:
    """Searches alone have rows where a root is a task of its own, and gradients where there are any."""
    if preset in SEARCHES:
        return task.search
    return preset not in WHITE or task.differentiable


def guidance(spec: WorkerSpec) -> str:
    """8 hex digits over all that guides a campaign, nothing of its task: rows with the same are guided alike."""
    return guidance_hash(spec)[:8]


@cache
def guidance_code() -> str:
    """8 hex digits over the code behind every name."""
    root, digest = Path(str(mlfuzz.__file__)).parent, hashlib.sha256()
    for name in GUIDING:
        for file in sorted((root / name).glob("*.py")) if (root / name).is_dir() else [root / name]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]
