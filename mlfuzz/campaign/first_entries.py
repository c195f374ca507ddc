"""Seeds as the first entries of a corpus, with what they are themselves short of failing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlfuzz.batch import Batch, from_payloads
from mlfuzz.campaign.setup.input_cache import Pool
from mlfuzz.campaign.sown import by_shape
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.corpus.seeds import Seed
from mlfuzz.modality import raw
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle
from mlfuzz.schedulers.base import Scheduler, no_keys
from mlfuzz.targets.variants.base import AnyTarget


def seed_margins(
    target: AnyTarget, seeds: Sequence[Seed], answers: Sequence[Observation], oracles: Sequence[Oracle]
) -> np.ndarray[Any, Any]:
    """How near each seed is to failing by itself (seeds, oracles): what its children must come nearer than."""
    margins = np.full((len(seeds), len(oracles)), np.nan, np.float32)
    for members in by_shape([seed.payload for seed in seeds]):
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
    scheduler.grow(np.arange(count), np.ones(count, np.float32), margins, no_keys(margins))
