"""The seeds of a campaign before they are entries: found or stored, run, and sorted into usable and failing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mlfuzz.batch import Rows, Step, from_payloads, shape_of
from mlfuzz.campaign.evidence import run_of
from mlfuzz.campaign.isolation.flight_recorder import FlightRecord, Recorder, records_of
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.seeds import Seed, SeedSet, load_seeds
from mlfuzz.errors import SeedError, TargetError
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.observation import Observation
from mlfuzz.progress import SeedStats
from mlfuzz.storage.derived import earlier_stats
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.execute import execute
from mlfuzz.targets.variants.base import AnyTarget

SEEDS_AT_ONCE = 32

SEEDS_SECONDS = 2.0
"""Of a slow target fewer seeds are run at once, so that a batch answers about so soon: a few are few to lose."""

FIRST_ROWS = 2
"""Of the first call: one alone does not show which layers answer a row each."""

WARMING_SEEDS = 8
"""Among so many some are looked for that answer."""


@dataclass(frozen=True, slots=True)
class Sown:
    """Usable seeds, their answers, and their numbers among all that were looked at.

    stats: what became of the others. warnings: about files. seconds: of one input among few, as measured.
    """

    seeds: Sequence[Seed]
    answers: Sequence[Observation]
    numbers: Sequence[int]
    stats: SeedStats
    seconds: float
    warnings: Sequence[str] = ()

    @property
    def alike(self) -> list[int]:
        """Positions of the seeds of the first one's shape, its last axis aside."""
        first = np.shape(self.seeds[0].payload)[:-1]
        return [at for at, seed in enumerate(self.seeds) if np.shape(seed.payload)[:-1] == first]

    def rows(self, target: AnyTarget) -> Rows:
        """Those alike, as one batch for the target."""
        return from_payloads([self.seeds[at].payload for at in self.alike], target.modality, target.device)

    @property
    def forms(self) -> list[tuple[tuple[int, ...], np.dtype[np.generic] | None]]:
        """Shape and type of each seed, and so of its descendants; no type of a text."""
        payloads = [seed.payload for seed in self.seeds]
        return [(np.shape(payload), None if isinstance(payload, str) else payload.dtype) for payload in payloads]


def sow(target: AnyTarget, spec: WorkerSpec, workdir: Workdir, corpus: Corpus, recorder: Recorder) -> Sown:
    """The seeds that the campaign began with; of a new one, those of the folder asked for or of the target.

    Raises SeedError where there are none, or none is usable, or a stored one is no longer answered; TargetError.
    """
    stored = [row for row in np.flatnonzero(corpus.parents < 0).tolist() if corpus.entry(row).parent is None]
    stored.sort(key=lambda row: int(corpus.seeds[row]))
    if stored:
        return _stored(target, [_seed_of(target, corpus, row) for row in stored], workdir, recorder)
    where = spec.seeds or str(target.seeds or "")
    if not where:
        raise SeedError(f"target {target.name} has no seeds; give a folder: --seeds DIR")
    found = load_seeds(
        Path(spec.directory) / where, target.modality, labels=target.labels, max_seeds=spec.max_seeds,
        rng_seed=spec.seed,
    )  # fmt: skip
    seconds = warm_up(target, found.seeds, recorder)
    answers = run_seeds(target, found.seeds, recorder, seconds)
    kept, stats = usable_seeds(target, found, answers)
    usable = [answer for at in kept if (answer := answers[at]) is not None]
    return Sown([found.seeds[at] for at in kept], usable, kept, stats, seconds, found.warnings)


def warm_up(target: AnyTarget, seeds: Sequence[Seed], recorder: Recorder) -> float:
    """Seconds that a seed takes among few, once the first call of the process is over, which says nothing of that."""
    seconds = 0.0
    alike = by_shape([seed.payload for seed in seeds])[0][:WARMING_SEEDS]
    for start in range(0, len(alike), FIRST_ROWS):
        part = alike[start : start + FIRST_ROWS]
        rows = from_payloads([seeds[at].payload for at in part], target.modality, target.device)
        for _ in range(2):
            recorder.record(seed_flight(part), shape_of(rows))
            started = time.perf_counter()
            answered = _answers(target, rows)
            seconds = (time.perf_counter() - started) / len(part)
            recorder.phase("seeds")
        if answered:
            break
    return seconds


def run_seeds(target: AnyTarget, seeds: Sequence[Seed], recorder: Recorder, seconds: float) -> list[Observation | None]:
    """Each seed's observation, in batches of one shape; None where the target refuses or raises on it.

    seconds: that one takes. Raises TargetError where it raises on every seed, with what it raised.
    """
    answers: list[Observation | None] = [None] * len(seeds)
    raised = ""
    at_once = max(1, min(SEEDS_AT_ONCE, int(SEEDS_SECONDS / max(seconds, 1e-9))))
    for members in by_shape([seed.payload for seed in seeds]):
        for start in range(0, len(members), at_once):
            part = members[start : start + at_once]
            rows = from_payloads([seeds[at].payload for at in part], target.modality, target.device)
            recorder.record(seed_flight(part), shape_of(rows))
            execution = execute(target, rows)
            recorder.count(inputs=recorder.inputs + len(part), candidates=0)
            recorder.phase("seeds")
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
    target: AnyTarget, found: SeedSet, answers: Sequence[Observation | None]
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


def by_shape(payloads: Sequence[Payload]) -> list[list[int]]:
    """Positions of the payloads that fit into one batch, a list for each shape; texts go together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, payload in enumerate(payloads):
        groups.setdefault(() if isinstance(payload, str) else tuple(payload.shape), []).append(at)
    return list(groups.values())


def _answers(target: AnyTarget, rows: Rows) -> bool:
    with suppress(TargetError):  # it is told when all seeds have run
        return execute(target, rows).seen is not None
    return False


def _stored(target: AnyTarget, seeds: Sequence[Seed], workdir: Workdir, recorder: Recorder) -> Sown:
    seconds = warm_up(target, seeds, recorder)
    answers = run_seeds(target, seeds, recorder, seconds)
    lost = [seed.name for seed, answer in zip(seeds, answers, strict=True) if answer is None]
    if lost:
        raise SeedError(f"target {target.name} no longer answers on seed {lost[0]}; run: mlfuzz check")
    given = [answer for answer in answers if answer is not None]
    return Sown(seeds, given, range(len(seeds)), earlier_stats(workdir).seeds, seconds)


def _seed_of(target: AnyTarget, corpus: Corpus, row: int) -> Seed:
    entry, payload = corpus.entry(row), raw.loads(corpus.payload(row))
    return Seed(entry.name, payload, entry.label, "", target.modality.encode(payload))


def _one_output_a_label(target: AnyTarget, answers: Sequence[Observation | None]) -> None:
    """Where they differ no class can be named, and every labelled seed counts as wrong. Raises TargetError."""
    main = next((answer.outputs["main"] for answer in answers if answer is not None), None)
    if target.labels and isinstance(main, torch.Tensor) and main.dim() == 2:
        outputs, labels = main.shape[1], len(target.labels)
        if outputs != labels:
            raise TargetError(
                f"target {target.name} gives {outputs} outputs an input, but names {labels} labels; they must agree"
            )
