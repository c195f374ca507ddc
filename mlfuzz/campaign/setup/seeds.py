"""The seeds of a campaign: loaded from a folder or the journal, run on the target, admitted as the first entries."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices, Rows, Step, from_payloads, shape_of
from mlfuzz.campaign.evidence import names_answers, run_of, says
from mlfuzz.campaign.isolation.flight_recorder import FlightRecord, Recorder, records_of
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.annotated import load_annotated
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.corpus.seeds import Seed, SeedSet
from mlfuzz.errors import SeedError, TargetError
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle
from mlfuzz.progress import SeedStats
from mlfuzz.schedulers.base import Scheduler, no_keys
from mlfuzz.storage.derived import earlier_stats
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.base import truth_of
from mlfuzz.targets.execute import execute
from mlfuzz.targets.sizes import lengths_hint, require_sizes
from mlfuzz.targets.variants.base import AnyTarget
from mlfuzz.tasks.infer import turned

SEEDS_AT_ONCE = 32

SEEDS_SECONDS = 2.0
"""Of a slow target fewer seeds are run at once, so that a batch answers about so soon: a few are few to lose."""

FIRST_ROWS = 2
"""Of the first call: one alone does not show which layers answer a row each."""

SEEDS_SHARE = 1 / 2
"""Of the time before the first batch; the rest goes into measuring."""

LEAST_SEEDS = 2

SLOW_FIRST_SECONDS = 1.0
"""After a first call that took longer one row is enough to see what the next ones take."""

WARMING_SEEDS = 8
"""Among so many some are looked for that answer."""


@dataclass(slots=True)
class Seeds:
    """Seed number -> name, label, file, and what the target says of it.

    seeds, answers: whole, in the order of their numbers, until `release`; no answers where they have not been run.
    numbers: theirs among all that were looked at. stats: what became of the others. seconds: of one input among few,
    as measured. warnings: about files.
    labels: (n,) class numbers, -1 where a seed has none. truths: of their places, or "". forms: shape and type of
    each, and so of its descendants; no type of a text. reference: the answers without activations, which no oracle
    compares.
    """

    target: AnyTarget
    seeds: Sequence[Seed]
    answers: Sequence[Observation] = ()
    numbers: Sequence[int] = ()
    stats: SeedStats = field(default_factory=SeedStats)
    seconds: float = 0.0
    warnings: Sequence[str] = ()
    names: tuple[str, ...] = field(init=False)
    label_names: tuple[str | None, ...] = field(init=False)
    truths: tuple[str, ...] = field(init=False)
    files: tuple[bytes, ...] = field(init=False)
    labels: Tensor = field(init=False)
    forms: tuple[tuple[tuple[int, ...], np.dtype[np.generic] | None], ...] = field(init=False)
    reference: Observation = field(init=False)

    def __post_init__(self) -> None:
        self.names = tuple(seed.name for seed in self.seeds)
        self.label_names = tuple(seed.label for seed in self.seeds)
        self.truths = tuple(seed.truth for seed in self.seeds)
        self.files = tuple(seed.data for seed in self.seeds)
        self.labels = class_numbers(self.label_names, self.target.labels).to(self.target.device)
        self.forms = tuple(_form(seed.payload) for seed in self.seeds)
        if self.answers:
            seen = Observation.join(self.answers)
            self.reference = Observation(seen.outputs, seen.activations.new_zeros((len(self.answers), 0)))

    @classmethod
    def prepared(
        cls, target: AnyTarget, spec: WorkerSpec, workdir: Workdir, corpus: Corpus, recorder: Recorder, *,
        until: float = math.inf,
    ) -> Self:  # fmt: skip
        """Loaded and run: those that the campaign began with; of a new one, those it is fit to be fuzzed from.

        until: when all that comes before the first batch should be over: of a slow target fewer seeds are run.

        Raises SeedError where there are none, or none is usable, or a stored one is no longer answered; TargetError.
        """
        if stored := stored_seeds(target, corpus):
            answers, seconds = run_seeds(
                target, stored, recorder, _warm_up(target, stored, recorder), range(len(stored))
            )
            if lost := [seed.name for seed, answer in zip(stored, answers, strict=True) if answer is None]:
                raise SeedError(f"target {target.name} no longer answers on seed {lost[0]}; run: mlfuzz check")
            given = [answer for answer in answers if answer is not None]
            return cls(target, stored, given, range(len(stored)), earlier_stats(workdir).seeds, seconds)
        found = found_seeds(target, spec)
        seconds = _warm_up(target, found.seeds, recorder)
        chosen = _affordable(len(found), seconds, until)
        if len(chosen) < len(found):
            found.warnings.append(
                f"the target takes {seconds:.2g} s an input: {len(chosen)} of {len(found)} seeds are run in the time"
                " that there is; for more of them give it more: --time"
            )
            found = replace(found, seeds=[found.seeds[number] for number in chosen])
        answers, seconds = run_seeds(target, found.seeds, recorder, seconds, chosen)
        found.warnings += require_sizes(target, [seed.payload for seed in found.seeds], answers)
        kept, stats = usable_seeds(target, found, answers)
        usable = [answer for at in kept if (answer := answers[at]) is not None]
        numbers = [chosen[at] for at in kept]
        return cls(target, [found.seeds[at] for at in kept], usable, numbers, stats, seconds, found.warnings)

    def __len__(self) -> int:
        return len(self.names)

    def of(self, seeds: Indices) -> Observation:
        """The reference observation of each row's seed."""
        return self.reference.take(seeds)

    def alike(self) -> tuple[list[int], Rows]:
        """Numbers of the seeds of the first one's shape, and these as one batch; lengths may differ where they can."""
        ragged = self.target.modality.ragged
        shapes = [shape[:-1] if ragged else shape for shape, _ in self.forms]
        numbers = [number for number, shape in enumerate(shapes) if shape == shapes[0]]
        return numbers, self._rows(numbers)

    def margins(self, oracles: Sequence[Oracle]) -> NDArray[np.float32]:
        """How near each seed is to failing by itself (seeds, oracles): what its children must come nearer than."""
        margins = np.full((len(self), len(oracles)), np.nan, np.float32)
        for members in by_shape([seed.payload for seed in self.seeds]):
            numbers, count = np.asarray(members, np.int64), len(members)
            seen = Observation.join([self.answers[at] for at in members])
            loads, invariant = np.zeros((count, 1), np.float32), np.ones(count, np.bool_)
            batch = Batch(self._rows(members), numbers, numbers, loads, invariant, chains=lambda _: ())
            for column, oracle in enumerate(oracles):
                margins[numbers, column] = oracle.check(seen, seen, batch).margin.float().cpu().numpy()
        margins[margins > 0] = np.nan
        return margins

    def admit(
        self, corpus: Corpus, pool: InputCache, scheduler: Scheduler, oracles: Sequence[Oracle],
        features: NDArray[np.float32], *, width: int,
    ) -> None:  # fmt: skip
        """The first entries of an empty corpus. features: (seeds, dimensions). width: of an entry's loads."""
        margins = self.margins(oracles)
        for number, seed in enumerate(self.seeds):
            entry = Entry(
                seed=number, name=seed.name, label=seed.label, truth=seed.truth, gain=1.0, loads=[0.0] * width,
                margins=[float(margin) if np.isfinite(margin) else None for margin in margins[number]],
            )  # fmt: skip
            corpus.add(entry, features[number], raw.dumps(seed.payload))
            pool.grow(seed.payload)
        scheduler.grow(np.arange(len(self)), np.ones(len(self), np.float32), margins, no_keys(margins))

    def release(self) -> None:
        """Let payloads and activations go: the loop has its inputs from the pool."""
        self.seeds, self.answers = (), ()

    def _rows(self, numbers: Sequence[int]) -> Rows:
        payloads = [self.seeds[number].payload for number in numbers]
        return from_payloads(payloads, self.target.modality, self.target.device)


def found_seeds(target: AnyTarget, spec: WorkerSpec) -> SeedSet:
    """Those of the folder asked for, or of the target's. Raises SeedError where there are none."""
    where = spec.seeds or str(target.seeds or "")
    if not where:
        raise SeedError(f"target {target.name} has no seeds; give a folder: --seeds DIR")
    return load_annotated(
        Path(spec.directory) / where, target.modality, kind=truth_of(target), labels=target.labels,
        max_seeds=spec.max_seeds, rng_seed=spec.seed,
    )  # fmt: skip


def stored_seeds(target: AnyTarget, corpus: Corpus) -> list[Seed]:
    """Those that the corpus grew from, by seed number."""
    rows = [row for row in np.flatnonzero(corpus.parents < 0).tolist() if corpus.entry(row).parent is None]
    rows.sort(key=lambda row: int(corpus.seeds[row]))
    found = []
    for row in rows:
        entry, payload = corpus.entry(row), raw.loads(corpus.payload(row))
        found.append(Seed(entry.name, payload, entry.label, "", target.modality.encode(payload), entry.truth))
    return found


def run_seeds(
    target: AnyTarget, seeds: Sequence[Seed], recorder: Recorder, seconds: float, numbers: Sequence[int]
) -> tuple[list[Observation | None], float]:
    """Each seed's observation, None where the target refuses or raises on it; and the seconds that one takes.

    seconds: the same, as measured before. numbers: of the seeds, among all that were looked at. Raises TargetError
    where it raises on every seed, with what it raised.
    """
    answers: list[Observation | None] = [None] * len(seeds)
    raised = ""
    at_once = max(1, min(SEEDS_AT_ONCE, int(SEEDS_SECONDS / max(seconds, 1e-9))))
    for members in by_shape([seed.payload for seed in seeds]):
        for start in range(0, len(members), at_once):
            part = members[start : start + at_once]
            rows = from_payloads([seeds[at].payload for at in part], target.modality, target.device)
            recorder.record(seed_flight([numbers[at] for at in part]), shape_of(rows))
            execution = execute(target, rows)
            recorder.count(inputs=recorder.inputs + len(part), candidates=0)
            recorder.phase("seeds")
            for position, row in enumerate(execution.ran.tolist()):
                if execution.seen is not None:
                    answers[part[row]] = execution.seen.take(np.asarray([position]))
            if execution.crashes:
                crash = execution.crashes[0][1]
                hint = lengths_hint(target, crash.type, crash.message)
                raised = f"{seeds[part[execution.crashes[0][0]]].name}: {crash.type}: {crash.message}{hint}"
    recorder.phase("calibrate")
    if all(answer is None for answer in answers):
        raise TargetError(
            f"target {target.name} raises on every seed; the first: {raised or 'refused'}; run: mlfuzz check"
        )
    return answers, seconds


def usable_seeds(
    target: AnyTarget, found: SeedSet, answers: Sequence[Observation | None]
) -> tuple[list[int], SeedStats]:
    """Numbers of the seeds to fuzz: those that answer and fail no oracle by themselves; the others are reported.

    Raises SeedError where none is left; TargetError where that is for want of one output for each label.
    """
    stats = SeedStats(
        seen=found.seen, skipped=dict(found.skipped), named={reason: found.names(reason) for reason in found.skipped},
        labelled=sum(seed.label is not None or bool(seed.truth) for seed in found.seeds),
    )  # fmt: skip
    kept = []
    for at, (seed, answer) in enumerate(zip(found.seeds, answers, strict=True)):
        if answer is None:
            stats.failing.append([seed.name, "an answer", "an exception"])
            continue
        got = run_of(answer, target)
        main = answer.outputs["main"]
        if isinstance(main, Tensor) and not bool(torch.isfinite(main).all()):
            stats.failing.append([seed.name, "finite numbers", "NaN or infinity"])
        elif seed.label is not None and names_answers(target) and not says(got, seed.label, target):
            stats.failing.append([seed.name, seed.label, got.label])
        else:
            kept.append(at)
    stats.usable = len(kept)
    if not kept:
        _one_output_a_label(target, answers)
        first = "; ".join(f"{name}: expected {expected}, got {got}" for name, expected, got in stats.failing[:3])
        raise SeedError(
            f"target {target.name} fails on every one of {len(found.seeds)} seeds ({first}); {_turned(target)}"
            "run: mlfuzz check"
        )
    return kept, stats


def seed_flight(seeds: Sequence[int], steps: Sequence[Step] = ()) -> FlightRecord:
    """Seeds, or their mutants, about to be run before the seeds are entries: by their number in the seed folder."""
    return FlightRecord(0, "seeds", [], np.asarray([(-1, at) for at in seeds], np.int64).tobytes(), records_of(steps))


def class_numbers(labels: Sequence[str | None], names: Sequence[str]) -> Tensor:
    """Class number of each label; -1 where there is none, or the target does not have it."""
    known = {name: number for number, name in enumerate(names)}
    return torch.tensor([known.get(label, -1) if label is not None else -1 for label in labels], dtype=torch.int64)


def by_shape(payloads: Sequence[Payload]) -> list[list[int]]:
    """Positions of the payloads that fit into one batch, a list for each shape; texts go together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, payload in enumerate(payloads):
        groups.setdefault(() if isinstance(payload, str) else tuple(payload.shape), []).append(at)
    return list(groups.values())


def _warm_up(target: AnyTarget, seeds: Sequence[Seed], recorder: Recorder) -> float:
    """Seconds that a seed takes among few, once the first call of the process is over, which says nothing of that."""
    seconds = 0.0
    alike = by_shape([seed.payload for seed in seeds])[0][:WARMING_SEEDS]
    for start in range(0, len(alike), FIRST_ROWS):
        part = alike[start : start + FIRST_ROWS]
        rows = from_payloads([seeds[at].payload for at in part], target.modality, target.device)
        for turn in range(2):
            if turn and seconds * len(part) > SLOW_FIRST_SECONDS:
                part, rows = part[:1], rows.part(0, 1)
            recorder.record(seed_flight(part), shape_of(rows))
            started = time.perf_counter()
            answered = _answers(target, rows)
            seconds = (time.perf_counter() - started) / len(part)
            recorder.phase("seeds")
        if answered:
            break
    return seconds


def _answers(target: AnyTarget, rows: Rows) -> bool:
    with suppress(TargetError):  # it is said when all seeds have run
        return execute(target, rows).seen is not None
    return False


def _affordable(count: int, seconds: float, until: float) -> list[int]:
    """Numbers of the seeds that are run in the time there is, spread evenly over all."""
    share = SEEDS_SHARE * max(0.0, until - time.monotonic())
    few = max(LEAST_SEEDS, int(min(share / max(seconds, 1e-9), count)))
    return list(range(count)) if few >= count else [at * count // few for at in range(few)]


def _turned(target: AnyTarget) -> str:
    """Of one number with two sides, of which it may say yes to the other."""
    task = getattr(target, "task", None)
    return f"{turned(target.labels)}; " if task is not None and task.labels == "sides" and target.labels else ""


def _form(payload: Payload) -> tuple[tuple[int, ...], np.dtype[np.generic] | None]:
    return np.shape(payload), None if isinstance(payload, str) else payload.dtype


def _one_output_a_label(target: AnyTarget, answers: Sequence[Observation | None]) -> None:
    """Where they differ no class can be named, and every labelled seed counts as wrong. Raises TargetError."""
    misfit = getattr(getattr(getattr(target, "answers", None), "inferred", None), "misfit", "")
    if misfit:
        raise TargetError(f"target {target.name}: {misfit}")
    main = next((answer.outputs["main"] for answer in answers if answer is not None), None)
    if names_answers(target) and isinstance(main, Tensor) and main.dim() == 2:
        outputs, labels = main.shape[1], len(target.labels)
        if outputs != labels:
            raise TargetError(
                f"target {target.name} gives {outputs} outputs an input, but names {labels} labels; they must agree"
            )
