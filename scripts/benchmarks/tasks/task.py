"""A task: a system under test with a known way to fail, and what there is to find in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlfuzz.modality.base import Payload
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.module import ModuleTarget
from tasks.judge import Judge, Vote


@dataclass(frozen=True, slots=True)
class Setup:
    """One repeat of a task, built: the same for every preset.

    target: gives a fresh target each time it is called, so that no run inherits hooks of another.
    seeds: an archive or a folder of them. options: fields of `WorkerSpec` that belong to the task: oracles, mutators,
    limits, depth, batch; a preset may not change them. judge: independent of the target, or None where labels are no
    question (NaN, a broken loss). references: models that a campaign's own filter on labels would ask, by the majority
    of them; none of them judges. per_root: evaluations of its own within which a root must break to count; 0: any.
    unjudged: labels are a question and nobody answers it: rows say "no judge". likeness: (a failing input, its seed) ->
    up to 1; no judge of labels, and shown as what it is.
    """

    target: Callable[[], ModuleTarget | CallableTarget]
    seeds: Path
    options: Mapping[str, Any]
    judge: Judge | None = None
    references: tuple[Vote, ...] = ()
    per_root: int = 0
    unjudged: bool = False
    likeness: Callable[[Payload, Payload], float] | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """build: (repeat, cache folder) -> setup; the repeat seeds the training, the choice of seeds and the campaign.

    evaluations, short: inputs that each preset may run, and in the short mode. first: ends with the first failure.
    search: whether `mlfuzz.campaign.search` has rows of its own.
    chief: the figure that presets are compared by ("evaluations", "roots", "faults", "pairs"). goal: what is to be
    reached.
    overrides: preset -> options that fit it to this task, as the system it stands for was fitted by its authors.
    differentiable: whether rows that follow gradients are of use.
    """

    name: str
    build: Callable[[int, Path], Setup]
    evaluations: int
    short: int
    chief: str
    goal: str
    first: bool = False
    search: bool = False
    differentiable: bool = False
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
