"""From a specification and a directory to a loop that can run: seeds, calibration, parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
import numpy as np
import torch

from mlfuzz.batch import Batch, Indices, Rows, Step, from_payloads
from mlfuzz.campaign.candidates import run_of
from mlfuzz.campaign.flight import FlightRecord, Recorder, records_of
from mlfuzz.campaign.pool import Pool
from mlfuzz.campaign.presets import PRESETS, Ranges
from mlfuzz.campaign.seedbed import Seedbed, class_numbers, without_activations
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.corpus.seeds import Seed, SeedSet
from mlfuzz.coverage.base import CRITERIA, FIT, Criterion
from mlfuzz.errors import ConfigError, SeedError, TargetError, UnknownNameError
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.mutators.applicable import applicable
from mlfuzz.mutators.base import Mutator, select
from mlfuzz.mutators.deal import Dealer
from mlfuzz.mutators.dealt import published
from mlfuzz.mutators.limits import Ledger, Limits
from mlfuzz.mutators.plan import ELEMENT_NS, Plan, slices_for, slices_for_turns, weights
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Oracle, beside, rebuild
from mlfuzz.progress import SeedStats
from mlfuzz.schedulers.base import SCHEDULERS, Scheduler
from mlfuzz.storage.checkpoint import Checkpoint, create_checkpoint, read_checkpoint
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.calibrate import SECONDS_A_BATCH, noises, speed
from mlfuzz.targets.execute import execute
from mlfuzz.targets.module import CallableTarget, ModuleTarget
from mlfuzz.targets.variants import Varied, varied

AnyTarget = ModuleTarget | CallableTarget | Varied

FIT_MUTANTS = 1024
"""Mutants of the seeds that the embedding is fitted on beside them: PCA on 2,000 keeps 94-97 % of what is novel."""

SINGLE_ROWS = 16
"""Seeds run alone to measure how far a row's answer depends on its batch."""

SUITABLE = "default"
"""Among the oracles asked for, this name stands for those below."""

DEFAULT_ORACLES = {
    "classes": ("nonfinite", "label"),
    "numbers": ("nonfinite", "tolerance"),
    "texts": ("text_equal",),
    "frames": ("nonfinite", "frames"),
}
"""What suits an output: scores of classes, other numbers, texts (and names of labels, and tokens), ragged scores."""


def calibration_key(target: AnyTarget, spec: WorkerSpec) -> str:
    """Names whatever is measured on this target under this criterion: 16 hex digits."""
    measured = msgspec.json.encode([target.digest, spec.coverage], order="sorted")
    return hashlib.sha256(measured).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured once for a target, stored as truth: everything later in the campaign is held against it.

    variants: (single, spread, apart) of each variant, by name; see `Floor`.
    """

    digest: str
    batch: int
    seconds: float
    single: float
    spread: float
    criterion: Mapping[str, Any] = field(default_factory=dict)
    variants: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def floor(self) -> Floor:
        return Floor(self.single, self.spread, variants={name: Floor(*noise) for name, noise in self.variants.items()})


def _measures(facts: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    return {name: (one, two, three) for name, (one, two, three) in facts.get("variants", {}).items()}


def variants_of(oracles: Sequence[Oracle]) -> tuple[str, ...]:
    """Names of the variants that these oracles compare, and of meters."""
    return tuple(name for oracle in oracles for name in beside(oracle))


def target_for(target: AnyTarget, spec: WorkerSpec) -> AnyTarget:
    """The target with the variants beside it that its oracles ask for. Raises TargetError where one cannot be built."""
    asked = spec.oracles or target.oracles
    named = [description for description in asked if description.get("name") != SUITABLE]
    compared: AnyTarget = varied(target, variants_of([rebuild(description) for description in named]))
    return compared


def oracles_for(target: AnyTarget, spec: WorkerSpec, seen: Observation) -> tuple[Oracle, ...]:
    """The oracles asked for, those the target asks for, or what suits its output ("default" among those asked for)."""
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
    arguments = dict(spec.coverage)
    factory = CRITERIA.get(str(arguments.pop("name")))
    return factory(layers=target.layers, **arguments)


def scheduler_for(spec: WorkerSpec) -> Scheduler:
    arguments = dict(spec.scheduler)
    return SCHEDULERS.get(str(arguments.pop("name")))(**arguments)


def run_seeds(target: AnyTarget, seeds: Sequence[Seed], recorder: Recorder) -> list[Observation | None]:
    """Each seed's observation, in batches of one shape; None where the target refuses or raises on it.

    Raises TargetError where it raises on every seed, with what it raised.
    """
    answers: list[Observation | None] = [None] * len(seeds)
    raised = ""
    if isinstance(target, Varied):
        # Variants are built in their first run, which may take longer than any batch is allowed to.
        recorder.phase("load")
        with suppress(Exception):
            target.run(from_payloads([seeds[0].payload], target.modality, target.device))
    recorder.phase("seeds")
    for members in _by_shape([seed.payload for seed in seeds]):
        for start in range(0, len(members), 32):
            part = members[start : start + 32]
            rows = from_payloads([seeds[at].payload for at in part], target.modality, target.device)
            recorder.record(seed_flight(part))
            execution = execute(target, rows)
            for position, row in enumerate(execution.ran.tolist()):
                if execution.seen is not None:
                    answers[part[row]] = execution.seen.take(np.asarray([position]))
            if execution.crashes:
                crash = execution.crashes[0][1]
                raised = f"{seeds[part[execution.crashes[0][0]]].name}: {crash.type}: {crash.message}"
    recorder.phase("calibrate")
    if all(answer is None for answer in answers):
        raise TargetError(
            f"target {target.name} raises on every seed; the first: {raised or 'refused'}; run: mlfuzz check"
        )
    return answers


def seed_flight(seeds: Sequence[int], steps: Sequence[Step] = ()) -> FlightRecord:
    """Seeds, or their mutants, about to be run before the seeds are entries: by their number in the seed folder."""
    return FlightRecord(0, "seeds", [], np.asarray([(-1, at) for at in seeds], np.int64).tobytes(), records_of(steps))


def usable_seeds(
    target: AnyTarget, found: SeedSet, answers: Sequence[Observation | None], oracles: Sequence[Oracle]
) -> tuple[list[int], SeedStats]:
    """Numbers of the seeds to fuzz: those that answer and fail no oracle by themselves; the others are reported.

    Raises SeedError where none is left; TargetError where that is for want of one output for each label.
    """
    stats = SeedStats(skipped=dict(found.skipped), labelled=sum(seed.label is not None for seed in found.seeds))
    kept = []
    for at, (seed, answer) in enumerate(zip(found.seeds, answers, strict=True)):
        if answer is None:
            stats.failing.append([seed.name, "an answer", "an exception"])
            continue
        got = run_of(answer, target.labels)
        main = answer.outputs["main"]
        if isinstance(main, torch.Tensor) and not bool(torch.isfinite(main).all()):
            stats.failing.append([seed.name, "finite numbers", "NaN or infinity"])
        elif seed.label is not None and target.labels and got.label != seed.label:
            stats.failing.append([seed.name, seed.label, got.label])
        else:
            kept.append(at)
    stats.usable = len(kept)
    if not kept:
        _one_output_a_label(target, answers)
        first = "; ".join(f"{name}: expected {expected}, got {got}" for name, expected, got in stats.failing[:3])
        raise SeedError(
            f"target {target.name} fails on every one of {len(found.seeds)} seeds ({first}); run: mlfuzz check"
        )
    return kept, stats


def _one_output_a_label(target: AnyTarget, answers: Sequence[Observation | None]) -> None:
    """Where they differ no class can be named, and every labelled seed counts as wrong. Raises TargetError."""
    main = next((answer.outputs["main"] for answer in answers if answer is not None), None)
    if target.labels and isinstance(main, torch.Tensor) and main.dim() == 2:
        outputs, labels = main.shape[1], len(target.labels)
        if outputs != labels:
            raise TargetError(
                f"target {target.name} gives {outputs} outputs an input, but names {labels} labels; they must agree"
            )


def bind(oracles: Sequence[Oracle], seedbed: Seedbed, floor: Floor) -> None:
    """Tell the oracles that want to know what is expected of each seed, and what the outputs are worth."""
    for oracle in oracles:
        if (tell := getattr(oracle, "bind", None)) is not None:
            tell(seedbed.labels)
        if (scale := getattr(oracle, "calibrate", None)) is not None:
            scale(floor)


def calibrate(
    target: AnyTarget,
    rows: Rows,
    seen: Observation,
    spec: WorkerSpec,
    criterion: Criterion,
    workdir: Workdir,
    *,
    mutants: int,
    record: Callable[[Indices, Sequence[Step]], None],
) -> Calibration:
    """Read the stored calibration of this target, or measure and store it.

    rows: usable seeds of one shape. mutants: run to fit the criterion on. record: told before each batch of them.
    """
    path = workdir.calibration(calibration_key(target, spec))
    if path.exists():
        stored = read_checkpoint(path)
        criterion.restore({name: array for name, array in stored.arrays.items() if name.startswith(FIT)})
        facts = {name: stored.facts[name] for name in ("batch", "seconds", "single", "spread")}
        return Calibration(target.digest, **facts, variants=_measures(stored.facts))
    few = rows.part(0, min(len(rows), SINGLE_ROWS))
    measures = noises(target, few, target.run(few))
    single, spread, _ = measures.pop("main")
    measured = speed(target, rows)
    plan = plan_for(target, spec, rows, measured.seconds, spec.batch or measured.batch)
    rng = np.random.Generator(np.random.Philox(key=spec.seed, counter=[1, 0, 0, 0]))
    observed = [seen]
    while sum(part.activations.shape[0] for part in observed) < mutants + len(rows):
        picked = rng.integers(0, len(rows), min(measured.batch, 256))
        parents = rows.take(picked)
        count = len(parents)
        mutated = plan.mutate(
            parents, np.zeros((count, plan.ledger.width), np.float32), np.ones(count, np.bool_), rng,
            roots=partial(_itself, parents),
        )  # fmt: skip
        record(picked, mutated.steps)
        execution = execute(target, mutated.rows)
        if execution.seen is None:
            break
        observed.append(execution.seen)
    criterion.fit(Observation.join([finite(part) for part in observed]))
    batch = spec.batch or measured.batch
    calibration = Calibration(target.digest, batch, measured.seconds, single, spread, variants=measures)
    facts = {"batch": batch, "seconds": measured.seconds, "single": single, "spread": spread, "variants": measures}
    state = {name: array for name, array in criterion.state().items() if name.startswith(FIT)}
    create_checkpoint(path, Checkpoint(state, {**facts, "target": target.name, "table": dict_of(measured.table)}))
    return calibration


def plan_for(target: AnyTarget, spec: WorkerSpec, rows: Rows, seconds: float, batch: int) -> Plan:
    """Which mutators act how often, given what one input costs the target, and how many inputs make a batch.

    rows: seeds. Mutators that find nothing to do in any of them are left out, and dealt less where they do in few.
    Where the batch is given, not measured, the cost follows from it: a campaign then repeats exactly on any machine.
    """
    seconds = SECONDS_A_BATCH / spec.batch if spec.batch else seconds
    channels = getattr(target.modality, "channels", 1)
    preset, modality = PRESETS.get(spec.preset), target.modality.name
    ranges = preset.operators.get(modality, {})
    named = [ranged(part, ranges.get(part.name, {})) for part in chosen(modality, spec, ranges)]
    mutators = [part for part in named if part.min_channels <= channels]
    if not mutators:
        raise ConfigError(f"{', '.join(part.name for part in named)}: not for inputs of {channels} channel(s)")
    elements = int(np.prod(rows.data.shape[1:])) if hasattr(rows, "data") else 256
    ledger = Ledger(Limits.of({**preset.bound.get(modality, {}), **spec.limits}), mutators)
    useful = applicable(mutators, rows)
    dealt = [part for part, share in zip(mutators, useful, strict=True) if share > 0]
    shares = weights(dealt, elements=elements, seconds=seconds) * useful[useful > 0]
    if (name := str(spec.deal["name"])) not in DEALS:
        raise UnknownNameError("way of dealing", name, DEALS)
    if (plan := published(name, dealt, ledger)) is not None:
        return plan
    dealer = None
    if name == "bandit":
        costs = np.asarray([part.cost for part in dealt]) * ELEMENT_NS * 1e-9 * elements / seconds
        dealer = Dealer([part.name for part in dealt], shares / shares.sum(), costs)
    slices = max(slices_for(batch, seconds), slices_for_turns(batch, len(dealt)) if dealer else 1)
    return Plan(dealt, shares, ledger, depth=spec.depth, slices=slices, dealer=dealer)


DEALS = ("bandit", "cost", "lineage", "lucky")
"""Ways of dealing operators to rows: learnt, by cost alone, DeepHunter's and DeepTest's."""


def chosen(modality: str, spec: WorkerSpec, ranges: Ranges) -> list[Mutator]:
    """The operators asked for; where none were, those of the preset."""
    return select(modality, spec.mutators or tuple(ranges), spec.exclude)


def ranged(part: Mutator, ranges: Mapping[str, tuple[float, float]]) -> Mutator:
    """The operator with parameters drawn from other ranges; what it does, and its name, stay."""
    space = {
        name: replace(param, low=ranges[name][0], high=ranges[name][1])  # type: ignore[type-var]
        if name in ranges else param
        for name, param in part.space.items()
    }  # fmt: skip
    return replace(part, space=space) if ranges else part


def add_seeds(
    corpus: Corpus, pool: Pool, scheduler: Scheduler, seeds: Sequence[Seed], features: np.ndarray[Any, Any],
    width: int, margins: np.ndarray[Any, Any],
) -> None:  # fmt: skip
    """Seeds become the first entries of the corpus. margins: (seeds, oracles), their own."""
    for number, seed in enumerate(seeds):
        entry = Entry(
            seed=number, name=seed.name, label=seed.label, gain=1.0, loads=[0.0] * width,
            margins=[float(margin) if np.isfinite(margin) else None for margin in margins[number]],
        )  # fmt: skip
        corpus.add(entry, features[number], raw.dumps(seed.payload))
        pool.grow(seed.payload)
    count = len(seeds)
    scheduler.grow(np.arange(count), np.ones(count, np.float32), margins)


def seed_margins(
    target: AnyTarget, seeds: Sequence[Seed], answers: Sequence[Observation], oracles: Sequence[Oracle]
) -> np.ndarray[Any, Any]:
    """How near each seed is to failing by itself (seeds, oracles): what its children must come nearer than."""
    margins = np.full((len(seeds), len(oracles)), np.nan, np.float32)
    for members in _by_shape([seed.payload for seed in seeds]):
        numbers = np.asarray(members, np.int64)
        rows = from_payloads([seeds[at].payload for at in members], target.modality, target.device)
        seen = Observation.join([answers[at] for at in members])
        count = len(members)
        loads, invariant = np.zeros((count, 1), np.float32), np.ones(count, np.bool_)
        batch = Batch(rows, numbers, numbers, loads, invariant, chains=lambda _: ())
        for column, oracle in enumerate(oracles):
            margins[numbers, column] = oracle.check(seen, seen, batch).margin.float().cpu().numpy()
    margins[margins > 0] = np.nan
    return margins


def seedbed_of(target: AnyTarget, seeds: Sequence[Seed], answers: Sequence[Observation]) -> Seedbed:
    labels = tuple(seed.label for seed in seeds)
    return Seedbed(
        tuple(seed.name for seed in seeds), class_numbers(labels, target.labels).to(target.device), labels,
        tuple(target.modality.encode(seed.payload) for seed in seeds), without_activations(Observation.join(answers)),
    )  # fmt: skip


def finite(seen: Observation) -> Observation:
    """The rows whose activations and main output are finite: what a projection may be fitted on."""
    good = torch.isfinite(seen.activations).all(1)
    main = seen.outputs["main"]
    if isinstance(main, torch.Tensor):
        good &= torch.isfinite(main.flatten(1)).all(1)
    return seen.take(np.flatnonzero(good.cpu().numpy()))


def _kind(target: AnyTarget, main: Output) -> str:
    if isinstance(main, torch.Tensor):
        return "classes" if target.labels or (main.dim() == 2 and main.shape[1] > 1) else "numbers"
    if isinstance(main, Ragged):
        whole = main.values.dim() == 2 and bool((main.values == main.values.round()).all())
        return "texts" if whole else "frames"
    return "texts"


def dict_of(table: Mapping[int, float]) -> dict[str, float]:
    return {str(key): round(value, 1) for key, value in table.items()}


def _itself(rows: Rows) -> Rows:
    return rows


def _by_shape(payloads: Sequence[Payload]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, payload in enumerate(payloads):
        groups.setdefault(
            () if isinstance(payload, str) else tuple(payload.shape[:-1]) + payload.shape[-1:], []
        ).append(at)
    return list(groups.values())
