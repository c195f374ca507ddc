"""One-level changes on the grid, next to a boundary: where two forms of a model fall on different sides.

Projecting what was found between the levels onto them mostly loses it (of 40 disagreements 3 in fp16 stayed); dither
on the grid itself finds it again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.boundary import Bound, Gap, Walked, column, put
from mlfuzz.modality.base import magnitude

BATCH = 512
"""Rows of one round, of all searches together."""

CHANGED = (1, 4, 16, 64, 256)
"""Values that a candidate changes. Few stay near the boundary, many change how a model in few bits rounds: with 32 at
most a search missed 7 of 40 disagreements in fp16 where both forms must lead."""

FIRST = 16
"""Candidates of a row in its first round; twice as many in each later one: most are found at once."""

FLOAT_STEP = 1 / 512
"""Of a change on a float32 grid: a finer one is lost when a form of the model rounds its input to 8 or 11 bits."""


def dither(
    gap: Gap, walked: Walked, bound: Bound, *, rng: np.random.Generator, most: int, seek: bool = True,
    batch: int = BATCH,
) -> Walked:  # fmt: skip
    """Change few values of each crossed row by one level, round after round, keeping the best hit.

    The next round goes on from whatever came nearest to the boundary on either side, after a hit from the best one.
    seek: a row is done at its first hit; else all evaluations are spent on a better one.
    most: evaluations a row, those it has spent already included.
    Candidates stay on the grid and within the limits of their roots.
    """
    found, hits, spent = walked.found, walked.hits.copy(), walked.spent.copy()
    base, nearest = walked.inside, np.full(len(hits), np.inf, np.float32)
    quota = FIRST
    while True:
        active = np.flatnonzero(walked.crossed & ~((hits > 0) & seek) & (spent < most))
        if not len(active):
            break
        active = active[: max(1, batch // min(quota, batch))]
        # In one round all rows have the same number of candidates.
        each = int(min(quota, batch, (most - spent[active]).min()))
        which = np.repeat(active, each)
        tried = bound(_changed(base.take(which), rng), which)
        seen = gap(tried, which)
        spent[active] += each
        hit, apart = column(seen.hit).reshape(-1, each), np.abs(column(seen.gap)).reshape(-1, each)
        best = hit.argmax(1)
        better = hit[np.arange(len(active)), best] > hits[active]
        rows = np.arange(len(active)) * each
        found = put(found, active[better], tried.take((rows + best)[better]))
        hits[active[better]] = hit[np.arange(len(active)), best][better]
        # What is sought once found: on from there, to a better one.
        apart[:, :] = np.where((hits[active] > 0)[:, None], -hit, apart)
        closest = apart.argmin(1)
        moved = (apart[np.arange(len(active)), closest] < nearest[active]) | (hits[active] <= 0)
        base = put(base, active[moved], tried.take((rows + closest)[moved]))
        nearest[active[moved]] = apart[np.arange(len(active)), closest][moved]
        quota = min(2 * quota, batch)
    return Walked(walked.inside, walked.outside, walked.gaps, walked.crossed, found, hits, spent)


def _changed(rows: TensorRows, rng: np.random.Generator) -> TensorRows:
    """Each row with a few values one level up or down."""
    flat = rows.data.flatten(1)
    count = np.asarray(CHANGED)[rng.integers(0, len(CHANGED), len(rows))]
    most = int(min(max(CHANGED), flat.shape[1]))
    places = rng.integers(0, flat.shape[1], (len(rows), most))
    signs = np.where(np.arange(most)[None] < count[:, None], rng.choice((-1.0, 1.0), places.shape), 0.0)
    step = _step(rows)
    change = torch.zeros_like(flat).scatter_add_(1, _on(places, flat), _on(signs * step, flat).to(flat.dtype))
    # Two changes of one place would be two levels.
    change.clamp_(-step, step)
    return replace(rows, data=(flat + change).reshape(rows.data.shape))


def _step(rows: TensorRows) -> float:
    return 1 / rows.modality.levels if rows.modality.levels else FLOAT_STEP * magnitude(rows.modality)


def _on(values: Indices | np.ndarray[tuple[int, ...], np.dtype[np.float64]], like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device)
