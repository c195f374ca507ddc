"""Which guidance is compared, and what of it is frozen."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from typing import Any

from tasks.task import Task

from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.coverage.base import CRITERIA
from mlfuzz.schedulers.base import SCHEDULERS

DEFAULT = "mixed"
BASELINE = "random"

COMPARED = ("random", "mixed", "tensorfuzz", "deeptest", "deephunter", "walk", "accept", "greedy", "gradient")
"""The baseline first, then the default, the published systems, the other baselines, and what needs gradients."""

BARE = "scheduler:"
"""Begins the name of a scheduler on its own, with everything else as in the default: for finding out what helps."""


def options_of(preset: str, task: Task, fixed: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a campaign. fixed: what the task says, before which nothing of a preset goes."""
    if preset.startswith(BARE):
        return {"scheduler": {"name": preset.removeprefix(BARE)}, **fixed}
    return {"preset": preset, **task.overrides.get(preset, {}), **fixed}


def applies(preset: str, task: Task) -> str:
    """Why a preset has no row in a task, or ""."""
    return task.unfit.get(preset, "")


def frozen(spec: WorkerSpec) -> str:
    """8 hex digits over all that guides and nothing of the task: settings, and the code of scheduler and criterion.

    Two rows with one hash were guided by the same thing, whatever it is called.
    """
    parts: dict[str, Any] = {"scheduler": spec.scheduler, "coverage": spec.coverage, "depth": spec.depth}
    if "deal" in WorkerSpec.__struct_fields__:
        parts["deal"] = spec.deal  # type: ignore[attr-defined, unused-ignore]
    code = [_code(SCHEDULERS.get(str(spec.scheduler["name"]))), _code(CRITERIA.get(str(spec.coverage["name"])))]
    return hashlib.sha256(json.dumps([parts, code], sort_keys=True).encode()).hexdigest()[:8]


def _code(part: Any) -> str:
    """The whole module that a part is defined in."""
    module = sys.modules[getattr(part, "__module__", type(part).__module__)]
    return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()
