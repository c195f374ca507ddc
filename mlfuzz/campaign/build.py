"""From a specification to the parts that judge, measure and choose: target, oracles, criterion, scheduler."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mlfuzz.campaign.seedbed import Seedbed
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.coverage.base import CRITERIA, Criterion
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Oracle, beside, rebuild
from mlfuzz.registry import made
from mlfuzz.schedulers.base import SCHEDULERS, Scheduler
from mlfuzz.schedulers.earlier import up_to_date
from mlfuzz.targets.variants.base import AnyTarget, varied

SUITABLE = "default"
"""Among the oracles asked for, this name stands for those below."""

DEFAULT_ORACLES = {
    "classes": ("nonfinite", "label"),
    "numbers": ("nonfinite", "tolerance"),
    "texts": ("text_equal",),
    "frames": ("nonfinite", "frames"),
}
"""What suits an output: scores of classes, other numbers, texts (and names of labels, and tokens), ragged scores."""


def target_for(target: AnyTarget, spec: WorkerSpec) -> AnyTarget:
    """The target with the variants beside it that its oracles ask for. Raises TargetError where one cannot be built."""
    asked = spec.oracles or target.oracles
    named = [description for description in asked if description.get("name") != SUITABLE]
    compared: AnyTarget = varied(target, variants_of([rebuild(description) for description in named]))
    return compared


def variants_of(oracles: Sequence[Oracle]) -> tuple[str, ...]:
    """Names of the variants that these oracles compare, and of meters."""
    return tuple(name for oracle in oracles for name in beside(oracle))


def oracles_for(target: AnyTarget, spec: WorkerSpec, seen: Observation) -> tuple[Oracle, ...]:
    """The oracles asked for, those the target asks for, or what suits its output ("default" among those asked for).

    Raises ConfigError, UnknownNameError.
    """
    kind = _kind(target, seen.outputs["main"])
    asked = spec.oracles or target.oracles or [{"name": SUITABLE}]
    oracles: list[Oracle] = []
    for description in asked:
        if description.get("name") == SUITABLE:
            oracles += [ORACLES.get(name)() for name in DEFAULT_ORACLES[kind]]
        else:
            oracles.append(rebuild(description))
    for oracle in oracles:
        if (suit := getattr(oracle, "suit", None)) is not None:
            suit(kind)
    names = [oracle.name for oracle in oracles]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"oracle {min(twice)} is asked for twice; give one of them another name")
    return tuple(oracles)


def criterion_for(target: AnyTarget, spec: WorkerSpec) -> Criterion:
    """The coverage criterion asked for; those that need to know the layers are told."""
    return made(CRITERIA, spec.coverage, layers=target.layers)


def scheduler_for(spec: WorkerSpec) -> tuple[Scheduler, str]:
    """The scheduler asked for, and a warning where it is written for an earlier mlfuzz. Raises UnknownNameError."""
    return up_to_date(made(SCHEDULERS, spec.scheduler))


def bind(oracles: Sequence[Oracle], seedbed: Seedbed, floor: Floor) -> None:
    """Tell the oracles that want to know what is expected of each seed, and what the outputs are worth."""
    for oracle in oracles:
        if (tell := getattr(oracle, "bind", None)) is not None:
            tell(seedbed.labels)
        if (scale := getattr(oracle, "calibrate", None)) is not None:
            scale(floor)


def _kind(target: AnyTarget, main: Output) -> str:
    if isinstance(main, torch.Tensor):
        return "classes" if target.labels or (main.dim() == 2 and main.shape[1] > 1) else "numbers"
    if isinstance(main, Ragged):
        whole = main.values.dim() == 2 and bool((main.values == main.values.round()).all())
        return "texts" if whole else "frames"
    return "texts"
