"""Is a model robust enough? Independent mutants of its seeds, as many as time allows, and the share that fails."""

from __future__ import annotations

import time as clock
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlfuzz.batch import Batch, Rows, from_payloads
from mlfuzz.budget import duration
from mlfuzz.campaign.evidence import run_of
from mlfuzz.campaign.setup.assemble import bind, oracles_for, target_for
from mlfuzz.campaign.setup.operators import plan_for
from mlfuzz.campaign.setup.seeds import class_numbers
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.annotated import load_annotated
from mlfuzz.corpus.seeds import Seed
from mlfuzz.errors import SeedError, UsageError
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import sentence
from mlfuzz.mutators.base import units
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Floor, Oracle
from mlfuzz.rates import CONFIDENCE, wilson
from mlfuzz.targets.base import truth_of
from mlfuzz.targets.calibrate import noises
from mlfuzz.targets.execute import Execution, execute
from mlfuzz.targets.load import load
from mlfuzz.targets.sizes import declared, named, sizes_of
from mlfuzz.targets.variants.base import AnyTarget

BATCH = 64
SINGLE_ROWS = 16
MOST_TOLD = 5

Given = str | Path | Sequence[Payload]


@dataclass(frozen=True, slots=True)
class Worst:
    """A mutant that failed: by how much (NaN: it raised), of which seed, by what change, and the answer."""

    margin: float
    seed: str
    change: str
    answer: str


@dataclass(frozen=True, slots=True)
class Robustness:
    """failed of rows that could be judged; worst: a few of those that failed, the worst first, of distinct seeds."""

    target: str
    failed: int
    rows: int
    confidence: float
    worst: tuple[Worst, ...] = ()

    @property
    def rate(self) -> float:
        """Share of the mutants that fail."""
        return self.failed / self.rows

    @property
    def interval(self) -> tuple[float, float]:
        """Of the rate, by Wilson, at `confidence`."""
        return wilson(self.failed, self.rows, confidence=self.confidence)

    @property
    def text(self) -> str:
        """One line for people."""
        low, high = self.interval
        return (
            f"{self.target}: {self.failed} of {self.rows} mutants fail = {100 * self.rate:.2g} % "
            f"({100 * self.confidence:.3g} % interval {100 * low:.2g} to {100 * high:.2g} %)"
        )


def assert_robust(
    target: AnyTarget | str, seeds: Given | None = None, *, max_failure_rate: float = 0.0, time: float | str = "30s",
    inputs: int | None = None, confidence: float = CONFIDENCE, seed: int = 0, **options: Any,
) -> Robustness:  # fmt: skip
    """Raises AssertionError where more than `max_failure_rate` of the mutants fail, as far as was proved.

    The lower end of the interval decides: a longer run proves more. target: or "module:attribute".
    seeds: folder, file or payloads; by default the target's own. time, inputs: whichever comes first ends it.
    options: fields of a campaign's `WorkerSpec`: mutators, exclude, oracles, limits.
    Raises SeedError, UsageError where nothing could be judged.
    """
    tested = load(target) if isinstance(target, str) else target
    # A batch that is given, not measured: which operators come how often then does not depend on the machine.
    spec = WorkerSpec(target="", name=tested.name, seed=seed, batch=BATCH, **options)
    trial = _Trial(tested, _loaded(tested, seeds), spec)
    until = clock.monotonic() + duration(time)
    while clock.monotonic() < until and (inputs is None or trial.ran < inputs):
        trial.step()
    if not trial.judged:
        raise UsageError(f"none of {trial.ran} mutants of {tested.name} could be judged; see: mlfuzz check")
    found = Robustness(tested.name, trial.failed, trial.judged, confidence, trial.worst())
    if found.interval[0] > max_failure_rate:
        lines = [f"  {one.seed}: {one.change}: {one.answer}, margin {one.margin:.3g}" for one in found.worst]
        raise AssertionError("\n".join([f"{found.text}, at most {100 * max_failure_rate:.3g} % may", *lines]))
    return found


class _Trial:
    """Seeds in turn, mutated independently: every mutant is one operator away from its seed."""

    def __init__(self, target: AnyTarget, seeds: Sequence[Seed], spec: WorkerSpec) -> None:
        target = target_for(target, spec)
        self.target, self.seeds = target, seeds
        self.rows: Rows = from_payloads([seed.payload for seed in seeds], target.modality, target.device)
        self.reference: Observation = target.run(self.rows)
        self.oracles: tuple[Oracle, ...] = oracles_for(target, spec, self.reference)
        few = self.rows.part(0, min(len(seeds), SINGLE_ROWS))
        measured = noises(target, few, target.run(few))
        floor = Floor(*measured.pop("main"), variants={name: Floor(*noise) for name, noise in measured.items()})
        bind(
            self.oracles,
            class_numbers([seed.label for seed in seeds], target.labels).to(target.device),
            floor,
            target.labels,
        )
        self.floors = [oracle.noise(floor) for oracle in self.oracles]
        self.plan: Plan = plan_for(target, spec, self.rows, 0.0, BATCH)
        self.rng = np.random.Generator(np.random.Philox(key=spec.seed))
        self.ran = self.judged = self.failed = 0
        self._worst: dict[int, Worst] = {}

    def step(self) -> None:
        picked = (self.ran + np.arange(BATCH)) % len(self.seeds)
        parents = self.rows.take(picked)
        mutated = self.plan.mutate(
            parents, np.zeros((BATCH, self.plan.ledger.width), np.float32), np.ones(BATCH, np.bool_), self.rng,
            roots=lambda: parents,
        )  # fmt: skip
        execution = execute(self.target, mutated.rows)
        self.ran += BATCH
        for row, crash in execution.crashes:
            if not mutated.dropped[row]:
                self.judged += 1
                self._fail(int(picked[row]), float("nan"), mutated, row, f"{crash.type}: {crash.message}")
        if execution.seen is not None:
            self._evaluate(picked, mutated, execution, execution.seen)

    def _evaluate(
        self, picked: np.ndarray[Any, Any], mutated: Mutated, execution: Execution, seen: Observation
    ) -> None:
        ran = execution.ran
        batch = Batch(mutated.rows.take(ran), picked[ran], picked[ran], mutated.loads[ran], mutated.invariant[ran])
        reference = self.reference.take(picked[ran])
        verdicts = [oracle.check(seen, reference, batch).margin.float().cpu().numpy() for oracle in self.oracles]
        over = np.stack([margin - floor for margin, floor in zip(verdicts, self.floors, strict=True)])
        known = ~np.isnan(over).all(axis=0) & ~mutated.dropped[ran]
        largest = np.where(np.isnan(over), -np.inf, over).max(axis=0)
        self.judged += int(known.sum())
        for at in np.flatnonzero(known & (largest > 0)).tolist():
            run = run_of(seen, self.target, None, at)
            self._fail(int(picked[ran[at]]), float(largest[at]), mutated, int(ran[at]), run.label or run.text)

    def _fail(self, seed: int, margin: float, mutated: Mutated, row: int, answer: str) -> None:
        self.failed += 1
        known = self._worst.get(seed)
        if known is None or margin > known.margin:
            chain = tuple(step.mutation(row) for step in mutated.steps if step.start <= row < step.stop)
            self._worst[seed] = Worst(margin, self.seeds[seed].name, sentence(chain, units()), answer)

    def worst(self) -> tuple[Worst, ...]:
        ordered = sorted(self._worst.values(), key=lambda one: (one.margin == one.margin, -one.margin))
        return tuple(ordered[:MOST_TOLD])


def _loaded(target: AnyTarget, seeds: Given | None) -> list[Seed]:
    """Seeds of the commonest size; a warning tells where there are others."""
    if seeds is None:
        seeds = target.seeds
    if seeds is None:
        raise SeedError(f"target {target.name} has no seeds; give a folder or payloads")
    if isinstance(seeds, str | Path):
        found = load_annotated(Path(seeds), target.modality, kind=truth_of(target), labels=target.labels).seeds
    else:
        found = [Seed(f"seed {number}", payload, None, "", b"") for number, payload in enumerate(seeds)]
    if not found:
        raise SeedError(f"target {target.name}: there is not one seed")
    sizes = sizes_of([seed.payload for seed in found], target.modality)
    shape, alike = next(iter(sizes.items()))
    if len(sizes) > 1:
        text = f"{len(found) - len(alike)} of {len(found)} seeds of {target.name} are not of {named(shape)}: not tried"
        warnings.warn(f"{text}; declare one size: {declared(target.modality, shape)}", stacklevel=3)
    return [found[at] for at in alike]
