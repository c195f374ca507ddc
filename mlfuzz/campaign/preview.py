"""What each operator of a campaign does at the ends of its range, on a few seeds, before anything is run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlfuzz.batch import Indices, Step, from_payloads
from mlfuzz.campaign.setup.operators import limits_of, operators_of
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.seeds import Seed
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import sentence
from mlfuzz.mutators.base import Mutator, units
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import DistanceLedger, scaled_of
from mlfuzz.mutators.param import Drawn
from mlfuzz.targets.variants.base import AnyTarget


@dataclass(frozen=True, slots=True)
class Shown:
    """A seed at one end of an operator. change: in words. payload: None where the limits do not let it act."""

    operator: Mutator
    seed: Seed
    change: str
    payload: Payload | None


def preview(target: AnyTarget, spec: WorkerSpec, seeds: Sequence[Seed]) -> Iterator[Shown]:
    """Operator by operator, seed by seed, end by end: what a campaign of `spec` may make of each in one step.

    An end is all that can be milder at its least, or at its most; what cannot is drawn by chance that depends on
    `spec.seed`, the operator and the seed alone. Raises ConfigError.
    """
    parts = operators_of(target, spec)
    limits = limits_of(spec, target.modality.name, parts)
    ledger = DistanceLedger(limits, parts)
    measure = distance(target.modality.name, limits) if limits.by_distance else None
    words = units()
    none = np.zeros((1, ledger.width), np.float32)
    for part in parts:
        for seed in seeds:
            rows = from_payloads([seed.payload], target.modality, target.device)
            key = hashlib.sha256(f"{spec.seed} {part.name} {part.version} {seed.sha256}".encode()).digest()[:16]
            for columns, chance in _ends(part, int.from_bytes(key, "little")):
                allowed = ledger.allow(part, columns, none)
                recorded = part.record(rows, allowed.columns, chance)
                made = part.apply(rows, recorded)
                dropped = bool(allowed.dropped[0])
                if measure is not None:
                    made = measure.clip(made, rows, limits)
                    dropped |= not bool(measure.check(made, rows, limits, kind=part.kind)[0])
                step = Step(part.name, part.version, 0, 1, recorded)
                yield Shown(part, seed, sentence((step.mutation(0),), words), None if dropped else made.payload(0))


def _ends(part: Mutator, key: int) -> Iterator[tuple[dict[str, Drawn], Indices]]:
    """(columns of one row, a source of chance) of each end; of an operator without a scale the one that it has."""
    scaled = scaled_of(part)
    for end in ("low", "high"):
        rng = np.random.Generator(np.random.Philox(key=key))
        chance = rng.integers(0, 2**63 - 1, 1)
        columns = part.draw(1, rng)
        if not scaled:
            yield columns, chance
            return
        if all(getattr(param, end) == param.neutral for param in scaled.values()):
            continue
        for name, param in scaled.items():
            columns[name] = np.asarray([getattr(param, end)], columns[name].dtype)
        yield columns, chance
