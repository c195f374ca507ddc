"""The parts of a campaign put together: criterion, plan, oracles and scheduler, measured against the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlfuzz.campaign.build import bind, criterion_for, oracles_for, scheduler_for
from mlfuzz.campaign.isolation.flight_recorder import Phase
from mlfuzz.campaign.parts import Parts
from mlfuzz.campaign.seedbed import Seedbed, seedbed_of
from mlfuzz.campaign.setup.calibration import FIT_MUTANTS, Calibration, calibrate
from mlfuzz.campaign.setup.operators import plan_for
from mlfuzz.campaign.sown import Sown
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.observation import Observation
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.variants.base import AnyTarget


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a loop is made of. features: of the seeds under the criterion (n, dimensions)."""

    parts: Parts
    calibration: Calibration
    seedbed: Seedbed
    features: NDArray[np.float32]
    warnings: tuple[str, ...] = ()


def assemble(
    target: AnyTarget, spec: WorkerSpec, workdir: Workdir, sown: Sown, *, guarded: bool,
    record: Callable[[Sequence[int], Mutated], None],
    beat: Callable[[Phase], None],
) -> Assembly:  # fmt: skip
    """Build and measure. guarded: no mutants are run for it, as one might take the process down.

    record: told the numbers of the seeds whose mutants are about to run. beat: told when something else begins.
    Raises ConfigError, TargetError.
    """
    shown, rows = sown.alike, sown.rows(target)
    seen = Observation.join([sown.answers[at] for at in shown])
    criterion = criterion_for(target, spec)
    calibration = calibrate(
        target, rows, seen, spec, criterion, workdir, mutants=0 if guarded else FIT_MUTANTS,
        record=lambda picked, mutated: record([sown.numbers[shown[at]] for at in picked], mutated), beat=beat,
        each=sown.seconds,
    )  # fmt: skip
    batch = spec.batch or calibration.batch
    plan = plan_for(target, spec, rows, calibration.seconds, batch)
    oracles = oracles_for(target, spec, sown.answers[0])
    seedbed = seedbed_of(target, sown.seeds, sown.answers)
    bind(oracles, seedbed, calibration.floor)
    floors = tuple(oracle.noise(calibration.floor) for oracle in oracles)
    scheduler, advice = scheduler_for(spec)
    parts = Parts(target, oracles, floors, criterion, scheduler, plan, batch, spec.seed)
    features = criterion.embed(Observation.join(sown.answers)).cpu().numpy()
    warnings = tuple(text for text in (calibration.shortened, advice) if text)
    return Assembly(parts, calibration, seedbed, features, warnings)
