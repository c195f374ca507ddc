"""How seeds become the first entries: run, sorted into usable and failing, and put into the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from mlfuzz.batch import Batch, Step, from_payloads
from mlfuzz.campaign.candidates import run_of
from mlfuzz.campaign.flight import FlightRecord, Recorder, records_of
from mlfuzz.campaign.pool import Pool
from mlfuzz.campaign.seedbed import Seedbed, class_numbers, without_activations
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.corpus.seeds import Seed, SeedSet
from mlfuzz.errors import SeedError, TargetError
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle
from mlfuzz.progress import SeedStats
from mlfuzz.schedulers.base import Scheduler
from mlfuzz.targets.execute import execute
from mlfuzz.targets.variants import AnyTarget, Varied


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


def seedbed_of(target: AnyTarget, seeds: Sequence[Seed], answers: Sequence[Observation]) -> Seedbed:
    labels = tuple(seed.label for seed in seeds)
    return Seedbed(
        tuple(seed.name for seed in seeds), class_numbers(labels, target.labels).to(target.device), labels,
        tuple(target.modality.encode(seed.payload) for seed in seeds), without_activations(Observation.join(answers)),
    )  # fmt: skip


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


def _one_output_a_label(target: AnyTarget, answers: Sequence[Observation | None]) -> None:
    """Where they differ no class can be named, and every labelled seed counts as wrong. Raises TargetError."""
    main = next((answer.outputs["main"] for answer in answers if answer is not None), None)
    if target.labels and isinstance(main, torch.Tensor) and main.dim() == 2:
        outputs, labels = main.shape[1], len(target.labels)
        if outputs != labels:
            raise TargetError(
                f"target {target.name} gives {outputs} outputs an input, but names {labels} labels; they must agree"
            )


def _by_shape(payloads: Sequence[Payload]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, payload in enumerate(payloads):
        groups.setdefault(
            () if isinstance(payload, str) else tuple(payload.shape[:-1]) + payload.shape[-1:], []
        ).append(at)
    return list(groups.values())
