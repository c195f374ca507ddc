"""The oracles that a target's task brings along."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mlfuzz.errors import TargetError
from mlfuzz.observation import Output, Ragged
from mlfuzz.oracles.base import ORACLES, Oracle, rebuild
from mlfuzz.targets.outputs import form_of
from mlfuzz.tasks.infer import Inferred, infer
from mlfuzz.tasks.task import Task


def task_for(target: Any, main: Output) -> Inferred:
    """What the target's answers stand for: as it says itself, or, of a target that says nothing, as its output does."""
    answers = getattr(target, "answers", None)
    inferred = getattr(answers, "inferred", None)
    if isinstance(inferred, Inferred) and (inferred.task is not None or inferred.misfit):
        return inferred
    return infer(None, form_of(main), len(target.labels))


def default_oracles(target: Any, main: Output) -> list[Oracle]:
    """What judges the target where nothing else is asked for. Raises TargetError where its answer fits no task."""
    found = task_for(target, main)
    if found.misfit or found.task is None:
        raise TargetError(f"target {target.name}: {found.misfit}")
    return [rebuild(with_options(one, found.task, threshold_of(target))) for one in found.task.oracles]


def with_options(description: Mapping[str, Any], task: Task, threshold: float | None) -> dict[str, Any]:
    """An oracle of a task with those of the task's options that it takes."""
    taken = inspect.signature(ORACLES.get(str(description["name"]))).parameters
    options = {**task.options, **({"threshold": threshold} if "threshold" in task.options else {})}
    known = {name: value for name, value in options.items() if value is not None and name in taken}
    return {**description, **known}


def threshold_of(target: Any) -> float | None:
    """Where the target's numbers say yes, once it has answered."""
    threshold: float | None = getattr(getattr(target, "answers", None), "threshold", None)
    return threshold


def kind_of(main: Output, task: Task | None) -> str:
    """Of an output, for oracles that compare two forms: "classes" (scores of them), "numbers", "texts", "frames"."""
    if isinstance(main, Tensor):
        scores = task is not None and task.name in ("classes", "binary") and main.dim() == 2 and main.shape[1] > 1
        return "classes" if scores else "numbers"
    if isinstance(main, Ragged):
        return "texts" if task is not None and task.name == "sequence" else "frames"
    return "texts"
