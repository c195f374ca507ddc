"""Whether a target's labels still are the names of what it gives: they part ways where one of the two is changed."""

from __future__ import annotations

from torch import Tensor

from mlfuzz.observation import Observation
from mlfuzz.targets.base import Target

BY_LABEL = {"label", "default"}
"""Oracles that take a target's outputs for its labels, where it asks for some by name."""


def labels_apart(target: Target, seen: Observation) -> str:
    """What is wrong where a target gives more outputs an input, or fewer, than it names labels; else ""."""
    main = seen.outputs["main"]
    task = getattr(target, "task", None)
    if not target.labels or not isinstance(main, Tensor) or main.dim() != 2:
        return ""
    if task is not None and task.labels != "columns":
        return ""
    asked = {str(one.get("name")) for one in getattr(target, "oracles", ())}
    if asked and not asked & BY_LABEL:
        return ""  # oracles of its own, which may read its outputs as they like
    outputs, labels = main.shape[1], len(target.labels)
    if outputs in (1, labels):
        return ""
    return (
        f"target {target.name} gives {outputs} outputs an input, but names {labels} labels; they must agree: nothing"
        f" can be judged until they do (labels=[...] of {outputs} names)"
    )
