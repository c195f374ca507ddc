"""What one life of a worker leaves to the next beside the journal: state that was learnt, and may be lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlfuzz.campaign.parts import Parts
from mlfuzz.campaign.pool import Pool
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.storage.checkpoint import Checkpoint, latest_checkpoint, save_checkpoint

SMALL = 64
"""Numbers: larger arrays of a criterion are made again from the corpus."""


def save_state(path: Path, parts: Parts, spec: WorkerSpec, *, entries: int) -> None:
    """Scheduler, plan, and the small part of the criterion."""
    arrays = {f"scheduler.{name}": array for name, array in parts.scheduler.state().items()}
    arrays |= {f"plan.{name}": array for name, array in parts.plan.state().items()}
    arrays |= {f"criterion.{name}": array for name, array in parts.criterion.state().items() if np.size(array) <= SMALL}
    facts = {
        "entries": entries, "digest": parts.target.digest, "scheduler": spec.scheduler, "deal": spec.deal,
    }  # fmt: skip
    save_checkpoint(path, Checkpoint(arrays, facts), sync=False)


def restore_state(path: Path, parts: Parts, spec: WorkerSpec, warn: Callable[[str], None]) -> None:
    """Into parts that know the corpus already; nothing of another target's, scheduler's or way of dealing."""
    checkpoint = latest_checkpoint(path, warn)
    if checkpoint is None or checkpoint.facts.get("digest") != parts.target.digest:
        return
    state = _under(checkpoint, "scheduler.")
    if state and checkpoint.facts.get("scheduler") == spec.scheduler:
        parts.scheduler.restore(state)
    if (state := _under(checkpoint, "plan.")) and checkpoint.facts.get("deal") == spec.deal:
        parts.plan.restore(state)
    if state := _under(checkpoint, "criterion."):
        parts.criterion.restore({**parts.criterion.state(), **state})


def measure_again(corpus: Corpus, pool: Pool, parts: Parts) -> int:
    """Run the entries that were measured on another target; how many there were."""
    stale = np.flatnonzero(~corpus.measured)
    for start in range(0, len(stale), parts.batch):
        for members in pool.split(stale[start : start + parts.batch]):
            vectors = parts.criterion.embed(parts.target.run(pool.gather(members))).cpu().numpy()
            for row, vector in zip(members.tolist(), vectors, strict=True):
                corpus.measure(row, vector, float(corpus.gains[row]))
    return len(stale)


def _under(checkpoint: Checkpoint, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in checkpoint.arrays.items() if name.startswith(prefix)}
