"""What a loop is made of, put together from a specification and measured against the target and its seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.campaign.isolation.flight_recorder import Phase
from mlfuzz.campaign.setup.calibration import FIT_MUTANTS, Calibration, calibrate
from mlfuzz.campaign.setup.default_oracles import default_oracles, kind_of, task_for
from mlfuzz.campaign.setup.harmless import fit_harmless
from mlfuzz.campaign.setup.operators import left_out_words, plan_for
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.coverage.base import CRITERIA, Criterion
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Floor, Oracle, beside, rebuild
from mlfuzz.registry import made
from mlfuzz.schedulers.base import SCHEDULERS, Scheduler
from mlfuzz.schedulers.earlier import up_to_date
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.faithful import idle_words
from mlfuzz.targets.variants.base import AnyTarget, itself, varied

SUITABLE = "default"
"""Among the oracles asked for, this name stands for those of the target's task."""


@dataclass(frozen=True, slots=True)
class Components:
    """floors: (oracles,) the smallest margin of each that counts. batch: rows. seed: of everything random."""

    target: AnyTarget
    oracles: tuple[Oracle, ...]
    floors: tuple[float, ...]
    criterion: Criterion
    scheduler: Scheduler
    plan: Plan
    batch: int
    seed: int


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a loop is made of, and what was measured. features: of the seeds under the criterion (n, dimensions)."""

    parts: Components
    calibration: Calibration
    features: NDArray[np.float32]
    warnings: tuple[str, ...] = ()


def assemble(
    target: AnyTarget, spec: WorkerSpec, workdir: Workdir, seeds: Seeds, *, guarded: bool,
    record: Callable[[Sequence[int], Mutated], None],
    beat: Callable[[Phase], None],
    until: float = math.inf,
) -> Assembly:  # fmt: skip
    """Build and measure. guarded: no mutants are run for it, as one might take the process down.

    record: told the numbers of the seeds whose mutants are about to run. beat: told when something else begins. until:
    when it should be over (monotonic): of a slow target less is measured. Raises ConfigError, TargetError.
    """
    shown, rows = seeds.alike()
    seen = Observation.join([seeds.answers[at] for at in shown])
    criterion = criterion_for(target, spec)
    calibration = calibrate(
        target, rows, seen, spec, criterion, workdir, mutants=0 if guarded else FIT_MUTANTS,
        record=lambda picked, mutated: record([seeds.numbers[shown[at]] for at in picked], mutated), beat=beat,
        each=seeds.seconds, until=until,
    )  # fmt: skip
    batch = spec.batch or calibration.batch
    plan = plan_for(target, spec, rows, calibration.seconds, batch)
    oracles = oracles_for(target, spec, seeds.answers[0])
    bind(oracles, seeds.labels, calibration.floor, target.labels, seeds.truths)
    if not guarded:
        mild = plan_for(target, spec, rows, calibration.seconds, batch)
        fit_harmless(oracles, target, mild, rows, seen, seed=spec.seed, each=seeds.seconds)
    floors = tuple(oracle.noise(calibration.floor) for oracle in oracles)
    scheduler, advice = scheduler_for(spec)
    parts = Components(target, oracles, floors, criterion, scheduler, plan, batch, spec.seed)
    features = criterion.embed(Observation.join(seeds.answers)).cpu().numpy()
    warnings = (
        calibration.unstable, calibration.shortened, advice, idle_words(itself(target)),
        *task_words(target, spec, seeds.answers[0]),
    )  # fmt: skip
    return Assembly(parts, calibration, features, tuple(text for text in warnings if text))


def task_words(target: AnyTarget, spec: WorkerSpec, seen: Observation) -> Iterator[str]:
    """What may not be what was meant: how the answers are judged where nobody said it, and what is left out for it."""
    found = task_for(target, seen.outputs["main"])
    if found.task is not None and found.advice and not (spec.oracles or target.oracles):
        yield f"answers are judged as {found.task.name} ({found.why}); {found.advice}"
    if text := left_out_words(target, spec):
        yield text


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
    main = seen.outputs["main"]
    kind = kind_of(main, task_for(target, main).task)
    asked = spec.oracles or target.oracles or [{"name": SUITABLE}]
    oracles: list[Oracle] = []
    for description in asked:
        if description.get("name") == SUITABLE:
            oracles += default_oracles(target, main)
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


def bind(
    oracles: Sequence[Oracle], labels: Tensor, floor: Floor, names: Sequence[str] = (), truths: Sequence[str] = ()
) -> None:
    """Tell the oracles that want to know what is expected of each seed, and what the outputs are worth.

    labels: (seeds,) class numbers. names: the target's labels. truths: of the seeds' places, as `corpus.truth` writes.
    """
    for oracle in oracles:
        if (call := getattr(oracle, "name_classes", None)) is not None:
            call(names)
        if (tell := getattr(oracle, "bind", None)) is not None:
            tell(labels)
        if any(truths) and (show := getattr(oracle, "bind_truths", None)) is not None:
            show(truths)
        if (scale := getattr(oracle, "calibrate", None)) is not None:
            scale(floor)
