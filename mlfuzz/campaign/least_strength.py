"""The least strength of each operator that breaks each seed: a ladder of strengths, then bisection below what breaks.

Failure need not be monotone in strength. What is computed is the least strength found: it fails when it is run again,
and whatever of the ladder lies below it holds; a narrow island of failures between two rungs that hold is missed.
All (operator, seed) pairs advance together, a batch at a time, judged as a campaign judges: by its oracles, noise
floors and limits. Every parameter but the strength is drawn once for each pair, by chance that is keyed by the
operator and the seed's content alone: the same pair is the same in any set of seeds, on any target, in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Batch, Indices, Rows, Step
from mlfuzz.campaign.loop.evaluate import evaluate
from mlfuzz.campaign.setup.assemble import Components
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import UsageError
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import scaled_of
from mlfuzz.mutators.param import Drawn
from mlfuzz.oracles.numeric import Nonfinite
from mlfuzz.robustness import OperatorStrengths, Robustness, SeedRef
from mlfuzz.slices import SeedFacts, SeedTable
from mlfuzz.slices import loads as seed_table
from mlfuzz.storage.derived import read_derived
from mlfuzz.storage.scratch import scratch_folder
from mlfuzz.targets.execute import execute
from mlfuzz.targets.variants.base import AnyTarget

LEVELS = 64
"""Strengths are told in so many steps: finer than an answer to "how far" needs, and eight runs of a pair (four rungs,
four halvings of the quarter below the lowest that breaks) are an eighth of trying them all."""

RUNGS = (16, 32, 48, 64)
"""Of the ladder, in levels. Four, so that a pair that breaks at a middle strength and holds at full is still found."""

BATCH = 256
"""Rows, where none are asked for: a calibrated number follows from a live clock, and would not repeat."""

REDRAWS = 8
"""Where all parameters come out neutral, as whole numbers may, there is no direction to be strong in: draw again."""

OVER = 1e-5
"""Float32 shares fall short of the end of a range by less than this, which whole numbers would lose a step by."""

Tell: TypeAlias = Callable[[int, int], object]
"""Told how many mutants have run, and how many there will be at most."""


def measure(target: AnyTarget, spec: WorkerSpec, *, tell: Tell = lambda done, most: None) -> Robustness:
    """Of a target on the seeds, with the operators, oracles and limits that a campaign of `spec` would have.

    Raises UsageError where nothing but measured costs judges; what `Campaign.open` raises.
    """
    spec = msgspec.structs.replace(spec, batch=spec.batch or BATCH)
    with scratch_folder("mlfuzz-robustness-") as scratch, Campaign.open(scratch / "campaign", target, spec=spec) as own:
        found = LeastStrengths(own.loop.parts, own.loop.seeds, own.pool, tell=tell)
        least = found.least()
        seeds = own.loop.seeds
        labels, digests = seeds.label_names, found.digests
        known = (read_derived(own.workdir.seed_facts, seed_table) or SeedTable()).seeds
        facts = [known.get(name, SeedFacts()) for name in seeds.names]
        return Robustness(
            target=target.name, digest=target.digest, oracles=[oracle.name for oracle in found.oracles],
            seeds=[
                SeedRef(name, digest, label, one.attributes, one.columns)
                for name, digest, label, one in zip(seeds.names, digests, labels, facts, strict=True)
            ],
            operators=[_strengths(one, row) for one, row in zip(found.drawn, least, strict=True)],
            levels=LEVELS, evaluations=found.evaluations, rng_seed=spec.seed,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnOperator:
    """An operator and what was drawn for each of n seeds, at full strength.

    columns: (n,) each. chance: (n,) int64, for what `propose` chooses. reach: (n,) severity in [0, 1] at full strength.
    dropped: (n,) seeds that the limits do not let it act on. scaled: whether it has strengths.
    """

    part: Mutator
    columns: dict[str, Drawn]
    chance: NDArray[np.int64]
    reach: NDArray[np.float32]
    dropped: NDArray[np.bool_]
    scaled: bool

    def at(self, seeds: Indices, levels: Indices) -> dict[str, Drawn]:
        """Columns for these seeds (m,), each at its level (m,) of LEVELS."""
        share = (levels / LEVELS).astype(np.float32)
        milder = scaled_of(self.part)
        return {
            name: milder[name].milder(column[seeds], share) if name in milder else column[seeds]
            for name, column in self.columns.items()
        }


class LeastStrengths:
    """Of all operators of a plan on all seeds. evaluations: mutants that have run. drawn: the operators, as dealt.

    A pair is a number: operator * seeds + seed. Oracles that compare measured costs are left out: they never repeat.
    A pair of which only the search for NaN and infinity said anything is unjudged: its answer was not looked at.
    """

    def __init__(
        self, parts: Components, seeds: Seeds, pool: InputCache, *, tell: Tell = lambda done, most: None
    ) -> None:
        self._parts, self._seeds, self._pool, self._tell = parts, seeds, pool, tell
        self._judging = [at for at, one in enumerate(parts.oracles) if not getattr(one, "measured", False)]
        self.oracles = [parts.oracles[at] for at in self._judging]
        if not self.oracles:
            names = ", ".join(oracle.name for oracle in parts.oracles)
            raise UsageError(f"{names} judges by measured cost, so nothing has a least strength; add --oracles default")
        answers = [at for at, one in enumerate(self.oracles) if not isinstance(one, Nonfinite)]
        self._answering = answers or list(range(len(self.oracles)))
        self._floors = np.asarray([parts.floors[at] for at in self._judging], np.float32)
        self.digests = [hashlib.sha256(data).hexdigest() for data in seeds.files]
        self.drawn = [self._draw(part) for part in parts.plan.mutators]
        limits = parts.plan.ledger.limits
        self._distance = distance(parts.target.modality.name, limits) if limits.by_distance else None
        self.evaluations = 0

    def least(self) -> NDArray[np.int64]:
        """(operators, seeds): the level of LEVELS that was found to break it; 0: it holds; -1: nobody judged it."""
        pairs = np.arange(len(self.drawn) * len(self._seeds))
        scaled = np.repeat([one.scaled for one in self.drawn], len(self._seeds))
        self._most = self.evaluations + int((~scaled).sum()) + len(RUNGS) * int(scaled.sum())
        judged = np.zeros(len(pairs), np.bool_)
        broken, holding = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.int64)
        for level in sorted(RUNGS, reverse=True):
            some = pairs if level == LEVELS else pairs[scaled]
            failing, known = self.run(some, np.full(len(some), level))
            judged[some] |= known
            broken[some[failing]] = level
        rungs = np.asarray([0, *sorted(RUNGS)])
        holding = rungs[np.maximum(np.searchsorted(rungs, broken) - 1, 0)]
        apart = pairs[scaled & (broken > holding)]
        self._most += len(apart) * int(np.log2(rungs[1]))
        while len(apart := apart[broken[apart] - holding[apart] > 1]):
            middle = (broken[apart] + holding[apart]) // 2
            failing, _ = self.run(apart, middle)
            broken[apart[failing]] = middle[failing]
            holding[apart[~failing]] = middle[~failing]
        broken[~judged] = -1
        return broken.reshape(len(self.drawn), len(self._seeds))

    def run(self, pairs: Indices, levels: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each pair (m,) fails at its level (m,), and whether anything judged it; what raises has failed."""
        failing, judged = np.zeros(len(pairs), np.bool_), np.zeros(len(pairs), np.bool_)
        place = {int(pair): at for at, pair in enumerate(pairs)}
        for part in self._batches(pairs):
            at = np.asarray([place[int(pair)] for pair in part])
            failing[at], judged[at] = self._run(part, levels[at])
            self.evaluations += len(part)
            self._tell(self.evaluations, self._most)
        return failing, judged

    def _batches(self, pairs: Indices) -> Iterator[Indices]:
        """Pairs of seeds of one shape, ordered by operator, at most a batch."""
        seeds = pairs % len(self._seeds)
        for members in self._pool.split(np.unique(seeds)):
            alike = np.sort(pairs[np.isin(seeds, members)])
            for start in range(0, len(alike), self._parts.batch):
                yield alike[start : start + self._parts.batch]

    def _run(self, pairs: Indices, levels: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        numbers, seeds = np.divmod(pairs, len(self._seeds))
        roots = self._pool.gather(seeds)
        made: list[Rows] = []
        steps: list[Step] = []
        dropped, invariant = np.zeros(len(pairs), np.bool_), np.ones(len(pairs), np.bool_)
        for number, group in groupby(range(len(pairs)), key=numbers.__getitem__):
            rows = list(group)
            start, stop = rows[0], rows[-1] + 1
            drawn, some = self.drawn[number], seeds[start:stop]
            part, source = drawn.part, roots.part(start, stop)
            recorded = part.record(source, drawn.at(some, levels[start:stop]), drawn.chance[some])
            mutated = part.apply(source, recorded)
            dropped[start:stop] = drawn.dropped[some]
            invariant[start:stop] = part.effect == "invariant"
            if self._distance is not None:
                limits = self._parts.plan.ledger.limits
                mutated = self._distance.clip(mutated, source, limits)
                within = self._distance.check(mutated, source, limits, kind=part.kind)
                dropped[start:stop] |= ~within.cpu().numpy()
            made.append(mutated)
            steps.append(Step(part.name, part.version, start, stop, recorded))
        loads = np.zeros((len(pairs), self._parts.plan.ledger.width), np.float32)
        batch = Batch(made[0].join(made) if len(made) > 1 else made[0], seeds, seeds, loads, invariant, tuple(steps))
        batch = Batch(batch.rows, seeds, seeds, loads, invariant, batch.steps, lambda row: batch.mutations(row))
        return self._judged(batch, dropped)

    def _judged(self, batch: Batch, dropped: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        failing, judged = np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_)
        execution = execute(self._parts.target, batch.rows)
        found = evaluate(self._parts, self._seeds, batch, execution, dropped)
        if found is not None:
            margins = found.margins[:, self._judging]
            failing[found.rows] = (margins > self._floors).any(axis=1)
            judged[found.rows] = ~np.isnan(margins[:, self._answering]).all(axis=1)
            judged |= failing
        raised = [row for row, _ in execution.crashes if not dropped[row]]
        failing[raised] = judged[raised] = True
        return failing, judged

    def _draw(self, part: Mutator) -> DrawnOperator:
        drawn = [_drawn(part, digest, self._parts.seed) for digest in self.digests]
        columns = {name: np.concatenate([one[name] for one, _ in drawn]) for name in part.space}
        scaled = scaled_of(part)
        if scaled:
            severity = np.maximum.reduce([param.severity(columns[name]) for name, param in scaled.items()])
            share = np.float32(1 + OVER) / np.maximum(severity, np.float32(OVER))
            for name, param in scaled.items():
                whole = param.milder(columns[name], share)
                columns[name] = np.clip(whole, param.low, param.high).astype(whole.dtype)
        none = np.zeros((len(drawn), self._parts.plan.ledger.width), np.float32)
        allowed = self._parts.plan.ledger.allow(part, columns, none)
        chance = np.asarray([number for _, number in drawn], np.int64)
        return DrawnOperator(part, allowed.columns, chance, allowed.severity, allowed.dropped, bool(scaled))


def _drawn(part: Mutator, digest: str, seed: int) -> tuple[dict[str, Drawn], int]:
    """Columns of one row, and a number for `propose`."""
    key = hashlib.sha256(f"{seed} {part.name} {part.version} {digest}".encode()).digest()[:16]
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
    chance, scaled = int(rng.integers(0, 2**63 - 1)), scaled_of(part)
    for _ in range(REDRAWS):
        columns = part.draw(1, rng)
        if not scaled or any(param.severity(columns[name])[0] > 0 for name, param in scaled.items()):
            break
    return columns, chance


def _strengths(drawn: DrawnOperator, levels: Sequence[int] | NDArray[np.int64]) -> OperatorStrengths:
    known = np.asarray(levels)
    return OperatorStrengths(
        name=drawn.part.name, kind=drawn.part.kind, scaled=drawn.scaled, reach=round(float(drawn.reach.mean()), 4),
        least=[level / LEVELS if level > 0 else None for level in known.tolist()],
        unjudged=np.flatnonzero(known < 0).tolist(),
    )  # fmt: skip
