"""What one life of a worker leaves to the next beside the journal: state that was learnt, and may be lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices
from mlfuzz.campaign.setup.assemble import Components
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import LostInputError
from mlfuzz.storage.checkpoint import AGAIN, Checkpoint, latest_checkpoint, save_checkpoint

SMALL = 64
"""Numbers: larger arrays of a criterion are made again from the corpus."""

SCHEMA = "mlfuzz.state/1"

ROWS = "rows"
"""What the rows are that everything else in a checkpoint tells of: life, as its number in `lives`, and sequence."""


def save_state(path: Path, parts: Components, spec: WorkerSpec, corpus: Corpus) -> None:
    """Scheduler, plan, and the small part of the criterion."""
    rows = np.frombuffer(corpus.identities(np.arange(len(corpus))), np.int64).reshape(-1, 2)
    arrays: dict[str, NDArray[Any]] = {ROWS: rows}
    arrays |= {f"scheduler.{name}": array for name, array in parts.scheduler.state().items()}
    arrays |= {f"plan.{name}": array for name, array in parts.plan.state().items()}
    arrays |= {f"criterion.{name}": array for name, array in parts.criterion.state().items() if np.size(array) <= SMALL}
    facts = {
        "schema": SCHEMA, "lives": corpus.lives, "digest": parts.target.digest, "scheduler": spec.scheduler,
        "deal": spec.deal, "oracles": [oracle.name for oracle in parts.oracles],
    }  # fmt: skip
    save_checkpoint(path, Checkpoint(arrays, facts), sync=False)


def last_state(path: Path, corpus: Corpus, warn: Callable[[str], None]) -> Checkpoint | None:
    """What the worker's last life has learnt, if it fits: the corpus then has its rows in the order that it had there.

    None, and a line, where it tells of entries that are not here. Before anything refers to rows.
    """
    checkpoint = latest_checkpoint(path, warn)
    if checkpoint is None:
        return None
    if checkpoint.facts.get("schema") != SCHEMA or ROWS not in checkpoint.arrays:
        warn(f"{path} is of another version of mlfuzz; {AGAIN}")
        return None
    lives, rows = checkpoint.facts["lives"], checkpoint.arrays[ROWS]
    if missing := corpus.arrange(zip((lives[life] for life in rows[:, 0].tolist()), rows[:, 1].tolist(), strict=True)):
        warn(f"{path} tells of {len(rows):,} entries, and {missing:,} of them are not here; {AGAIN}")
        return None
    return checkpoint


def restore_state(checkpoint: Checkpoint | None, parts: Components, spec: WorkerSpec) -> None:
    """Into parts that know the corpus already; nothing of another target's, scheduler's, oracles' or way of dealing."""
    if checkpoint is None or checkpoint.facts.get("digest") != parts.target.digest:
        return
    state = _under(checkpoint, "scheduler.")
    judges = [oracle.name for oracle in parts.oracles]
    if state and checkpoint.facts.get("scheduler") == spec.scheduler and checkpoint.facts.get("oracles") == judges:
        parts.scheduler.restore(state)
    if (state := _under(checkpoint, "plan.")) and checkpoint.facts.get("deal") == spec.deal:
        parts.plan.restore(state)
    if state := _under(checkpoint, "criterion."):
        parts.criterion.restore({**parts.criterion.state(), **state})


def damage(corpus: Corpus, left_out: int, gone: int, expected: int) -> list[str]:
    """A line where the journal is damaged, or entries are gone of those expected. left_out: their seed is gone."""
    losses = []
    if gone:
        losses.append(f"{gone:,} of {expected:,} entries are gone")
    if left_out:
        losses.append(f"{left_out:,} entries are left out because their seed is gone")
    if corpus.damaged:
        losses.append(f"{len(corpus.damaged):,} places are damaged (copies in quarantine/)")
    if corpus.unreadable:
        losses.append(f"{corpus.unreadable:,} records are not understood")
    if corpus.lost:
        losses.append(f"{len(corpus.lost):,} stored inputs cannot be read ({next(iter(corpus.lost.values()))})")
    return (
        [f"the journal has suffered: {', '.join(losses)}; the campaign goes on with {len(corpus):,}"] if losses else []
    )


def measure_again(
    corpus: Corpus, pool: InputCache, parts: Components, *, beat: Callable[[], None]
) -> tuple[int, list[int]]:
    """Run the entries that were measured on another target; how many there were, and rows whose input is lost.

    beat: called before each batch.
    """
    stale, lost = np.flatnonzero(~corpus.measured), list[int]()
    for start in range(0, len(stale), parts.batch):
        for members in pool.split(stale[start : start + parts.batch]):
            beat()
            here = _readable(pool, members, lost)
            if not len(here):
                continue
            vectors = parts.criterion.embed(parts.target.run(pool.gather(here))).cpu().numpy()
            for row, vector in zip(here.tolist(), vectors, strict=True):
                corpus.measure(row, vector, float(corpus.gains[row]))
    for row in lost:  # near nothing: a criterion takes no NaN
        corpus.vectors[row] = 0.0
    return len(stale), lost


def _readable(pool: InputCache, rows: Indices, lost: list[int]) -> Indices:
    """Those whose input can be read; the others are added to `lost`."""
    while len(rows):
        try:
            pool.parents(rows)
        except LostInputError as error:
            lost.append(error.row)
            rows = rows[rows != error.row]
        else:
            break
    return rows


def _under(checkpoint: Checkpoint, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in checkpoint.arrays.items() if name.startswith(prefix)}
