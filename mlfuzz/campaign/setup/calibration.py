"""What is measured on a target once, before a campaign's first batch, and stored as truth."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from mlfuzz.batch import Indices, Rows
from mlfuzz.campaign.isolation.flight_recorder import Phase
from mlfuzz.campaign.setup.operators import plan_for
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.coverage.base import FIT, Criterion
from mlfuzz.errors import SchemaError, StorageError
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Floor, margin_floor
from mlfuzz.storage.checkpoint import Checkpoint, create_checkpoint, read_checkpoint
from mlfuzz.storage.quarantine import move_aside
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.calibrate import UNSTABLE_SHARE, affordable, largest_difference, noises, speed
from mlfuzz.targets.execute import execute
from mlfuzz.targets.faithful import require_faithful
from mlfuzz.targets.variants.base import AnyTarget, itself

FIT_MUTANTS = 1024
"""Mutants of the seeds that the embedding is fitted on beside them: PCA on 2,000 keeps 94-97 % of what is novel."""

FIT_SECONDS = 10.0
"""Of a target slower than 100 a second fewer of them are run, in about this time."""

STAGES = 1 / 3
"""Of the time that is left for measuring, what each of its stages may take."""

SINGLE_ROWS = 16
"""Seeds run alone to measure how far a row's answer depends on its batch."""

AGAIN, AGAIN_SECONDS = 4, 0.5
"""So often a batch is run once more to see whether it answers the same, where that takes no longer: one whose answers
come and go by thirds would look steady in one look of three."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured once for a target, stored as truth: everything later in the campaign is held against it.

    variants: (single, spread, apart) of each variant, by name; see `Floor`. shortened: what was measured on less than
    usual, in words, or "". unstable: how far the same inputs answer apart, in words, where that is more than noise.
    replaced: why what was stored before could not be read, or "". level: mean absolute output over the seeds.
    """

    digest: str
    batch: int
    seconds: float
    single: float
    spread: float
    criterion: Mapping[str, Any] = field(default_factory=dict)
    shortened: str = ""
    unstable: str = ""
    variants: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    replaced: str = ""
    level: float = 0.0

    @property
    def floor(self) -> Floor:
        """As oracles take it."""
        return Floor(
            self.single,
            self.spread,
            level=self.level,
            variants={name: Floor(*noise) for name, noise in self.variants.items()},
        )


def calibration_key(target: AnyTarget, spec: WorkerSpec) -> str:
    """Names whatever is measured on this target under this criterion: 16 hex digits."""
    measured = msgspec.json.encode([target.digest, spec.coverage], order="sorted")
    return hashlib.sha256(measured).hexdigest()[:16]


def calibrate(
    target: AnyTarget,
    rows: Rows,
    seen: Observation,
    spec: WorkerSpec,
    criterion: Criterion,
    workdir: Workdir,
    *,
    mutants: int,
    record: Callable[[Indices, Mutated], None],
    beat: Callable[[Phase], None],
    each: float,
    until: float = math.inf,
) -> Calibration:
    """Read the stored calibration of this target, or measure and store it; one that cannot be read makes room.

    rows: usable seeds of one shape. mutants: run to fit the criterion on. record: told before each batch of them.
    beat: told when something else begins. each: seconds of one input alone. until: when it should be over.
    """
    path = workdir.calibration(calibration_key(target, spec))
    replaced = ""
    if os.path.lexists(path):
        try:
            return _stored(path, target, criterion)
        except StorageError as error:
            replaced = str(error)
            move_aside(workdir, path, replaced)
    stage = STAGES * max(0.0, until - time.monotonic())
    few = rows.part(0, min(len(rows), affordable(SINGLE_ROWS, each, passes=4, least=2, most=stage)))
    require_faithful(itself(target), few, lambda single, spread: margin_floor(Floor(single, spread)))
    first = target.run(few)
    measures = noises(target, few, first)
    single, spread, _ = measures.pop("main")
    times = AGAIN if AGAIN * each * len(few) <= AGAIN_SECONDS else 1
    unstable = _unstable(max(largest_difference(first, target.run(few)) for _ in range(times)), spread)
    beat("calibrate")
    measured = speed(target, rows, each=each)
    beat("calibrate")
    batch = spec.batch or measured.batch
    fewer = min(mutants, max(measured.batch, int(min(FIT_SECONDS, stage) / measured.seconds)))
    shortened = ""
    if fewer < mutants:
        shortened = (
            f"the target takes {measured.seconds:.2g} s an input: coverage was measured on {fewer} mutants of the"
        )
        shortened += f" seeds instead of {mutants}, what depends on the batch on {len(few)} seeds"
    plan = plan_for(target, spec, rows, measured.seconds, batch)
    ran = _mutants(
        target, rows, plan, spec.seed, at_once=min(measured.batch, 256), least=fewer, record=record, beat=beat
    )
    criterion.fit(Observation.join([_finite(part) for part in (seen, *ran)]))
    level = _level(seen)
    facts = {"batch": batch, "seconds": measured.seconds, "single": single, "spread": spread, "variants": measures,
             "unstable": unstable, "level": level}  # fmt: skip
    state = {name: array for name, array in criterion.state().items() if name.startswith(FIT)}
    table = {str(size): round(rate, 1) for size, rate in measured.table.items()}
    create_checkpoint(path, Checkpoint(state, {**facts, "target": target.name, "table": table}))
    return Calibration(
        target.digest,
        batch,
        measured.seconds,
        single,
        spread,
        shortened=shortened,
        unstable=unstable,
        variants=measures,
        replaced=replaced,
        level=level,
    )


def _stored(path: Path, target: AnyTarget, criterion: Criterion) -> Calibration:
    """Raises CorruptRecordError, SchemaError, StorageError."""
    stored = read_checkpoint(path)
    try:
        facts = {name: stored.facts[name] for name in ("batch", "seconds", "single", "spread")}
        measures = _measures(stored.facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(f"{path} is of another version of mlfuzz: {error!r}") from error
    criterion.restore({name: array for name, array in stored.arrays.items() if name.startswith(FIT)})
    return Calibration(
        target.digest, **facts, unstable=str(stored.facts.get("unstable", "")), variants=measures,
        level=float(stored.facts.get("level", 0.0)),
    )  # fmt: skip


def _unstable(apart: float, spread: float) -> str:
    """What is said of a target whose answers to one batch are so far apart; "" where that is noise."""
    if apart <= UNSTABLE_SHARE * spread:
        return ""
    by = f"up to {apart:.3g} apart (outputs vary by {spread:.3g})" if apart < math.inf else "otherwise each time"
    return f"the target is not deterministic: it answers the same inputs {by}, and smaller failures do not count"


def _mutants(
    target: AnyTarget, rows: Rows, plan: Plan, seed: int, *, at_once: int, least: int,
    record: Callable[[Indices, Mutated], None], beat: Callable[[Phase], None],
) -> Iterator[Observation]:  # fmt: skip
    """Mutants of the seeds, in batches, until `least` have answered; the end of them where a whole batch raises."""
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[1, 0, 0, 0]))
    answered = 0
    while answered < least:
        picked = rng.integers(0, len(rows), at_once)
        parents = rows.take(picked)
        count = len(parents)
        mutated = plan.mutate(
            parents, np.zeros((count, plan.ledger.width), np.float32), np.ones(count, np.bool_), rng,
            roots=partial(_itself, parents),
        )  # fmt: skip
        record(picked, mutated)
        execution = execute(target, mutated.rows)
        beat("calibrate")
        if execution.seen is None:
            return
        answered += execution.seen.activations.shape[0]
        yield execution.seen


def _level(seen: Observation) -> float:
    main = seen.outputs["main"]
    if not isinstance(main, torch.Tensor) or not main.numel():
        return 0.0
    return float(main.float().abs().nan_to_num(0.0, 0.0, 0.0).mean())


def _measures(facts: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    return {name: (one, two, three) for name, (one, two, three) in facts.get("variants", {}).items()}


def _finite(seen: Observation) -> Observation:
    """The rows whose activations and main output are finite: what a projection may be fitted on."""
    good = torch.isfinite(seen.activations).all(1)
    main = seen.outputs["main"]
    if isinstance(main, torch.Tensor):
        good &= torch.isfinite(main.reshape(len(main), -1)).all(1)
    return seen.take(np.flatnonzero(good.cpu().numpy()))


def _itself(rows: Rows) -> Rows:
    return rows
