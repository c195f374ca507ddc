"""Squared Euclidean distances that come out the same, bit for bit, in any batch.

A matrix product gives all distances of a block at once, but rounds differently at another block size. So it only says
which pairs might be nearest (or near enough); those few are subtracted and squared one by one.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Squares = NDArray[np.float32]
Indices = NDArray[np.int64]

LARGEST = 1e18
"""Coordinates beyond it would overflow when squared."""

_BLOCK = 64
"""Queries a block: 64 x 4,096 distances stay in the second-level cache."""

_PAIRS = 1 << 16

_FEW = 16
"""Up to so many rows are compared one by one."""


def squared(left: Vectors, right: Vectors) -> Squares:
    """Distances of rows to rows, (n, P) and (n, P) or (P,) -> (n,). A row's result does not depend on the others."""
    apart = left - right
    return np.asarray(np.einsum("ij,ij->i", apart, apart))


def usable(features: Vectors) -> NDArray[np.bool_]:
    """Rows (n,) that distances can be taken of: finite, and no coordinate beyond LARGEST."""
    if float(np.abs(features).max(initial=0.0)) < LARGEST:
        return np.ones(len(features), np.bool_)
    return np.asarray(np.abs(features).max(1, initial=0.0) < LARGEST)


def norms_of(vectors: Vectors) -> Squares:
    """Squared lengths (n,)."""
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors))


def nearest(queries: Vectors, entries: Vectors, norms: Squares, *, earlier: bool = False) -> Squares:
    """Distance of each query (n, P) to the nearest of the entries (N, P); infinity where there is none.

    norms: (N,), of the entries. earlier: a query looks only at the entries before its own row number.
    """
    best = np.full(len(queries), np.inf, np.float32)
    if len(entries) == 0 or len(queries) == 0:
        return best
    slack = _slack(queries.shape[1])
    turned, biased = torch.from_numpy(entries).t(), torch.from_numpy(norms * np.float32(1.0 - slack))
    own = norms_of(queries)
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        width = min(len(entries), start + len(block)) if earlier else len(entries)
        lower = torch.addmm(biased[:width], torch.from_numpy(block), turned[:, :width], alpha=-2.0)
        if earlier:
            lower.masked_fill_(torch.ones_like(lower, dtype=torch.bool).triu_(start), float("inf"))
        least = lower.amin(1).numpy()
        # The entry with the least bound is at most `reach` away, and whatever is nearer has a bound below that.
        norm = own[start : start + _BLOCK]
        reach = least + np.float32(8.0 * slack) * (norm + np.maximum(least + norm, 0.0))
        reach[np.isinf(least)] = -np.inf
        rows, columns = np.divmod(np.flatnonzero(lower.numpy() <= reach[:, None]), width)
        for at in range(0, len(rows), _PAIRS):
            part = slice(at, at + _PAIRS)
            apart = squared(block[rows[part]], entries[columns[part]])
            np.minimum.at(best, start + rows[part], apart)
    return best


def near_pairs(vectors: Vectors, limit: float) -> tuple[Indices, Indices]:
    """Pairs (earlier, later) of rows at a squared distance of at most `limit`, ordered by the later one."""
    slack = np.float32(_slack(vectors.shape[1]))
    norms, turned = norms_of(vectors), torch.from_numpy(vectors).t()
    pairs: list[tuple[Indices, Indices]] = []
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        before = slice(start + len(block))
        weights = norms[start : start + len(block), None] + norms[before]
        estimate = weights - 2.0 * (torch.from_numpy(block) @ turned[:, before]).numpy()
        later, earlier = np.nonzero(np.tril(estimate <= limit + slack * weights, start - 1))
        doubtful = np.flatnonzero(estimate[later, earlier] > limit - slack * weights[later, earlier])
        near = np.ones(len(later), np.bool_)
        for at in range(0, len(doubtful), _PAIRS):
            part = doubtful[at : at + _PAIRS]
            near[part] = squared(block[later[part]], vectors[earlier[part]]) <= np.float32(limit)
        pairs.append((earlier[near], start + later[near]))
    return np.concatenate([each for each, _ in pairs]), np.concatenate([each for _, each in pairs])


def first_of_their_kind(rows: Vectors, limit: float) -> tuple[Indices, Squares]:
    """Greedily, in row order: rows with no chosen row before them within the limit (squared).

    Returns the chosen rows' numbers, and the distance of each to the nearest one chosen before it.
    """
    if len(rows) <= _FEW:
        return _few_of_their_kind(rows, np.float32(limit))
    chosen = np.ones(len(rows), np.bool_)
    earlier, later = near_pairs(rows, limit)
    starts = np.flatnonzero(np.diff(later, prepend=-1))
    # Only rows with an earlier neighbour are looked at one by one: few, once the radius has settled.
    for row, near in zip(later[starts].tolist(), np.split(earlier, starts[1:]), strict=False):
        chosen[row] = not chosen[near].any()
    kept = rows[chosen]
    return np.flatnonzero(chosen), nearest(kept, kept, norms_of(kept), earlier=True)


def _few_of_their_kind(rows: Vectors, limit: np.float32) -> tuple[Indices, Squares]:
    """The same for a handful of rows, where calls cost more than arithmetic."""
    count = len(rows)
    apart = squared(rows.repeat(count, 0), np.tile(rows, (count, 1))).reshape(count, count)
    chosen: list[int] = []
    best: list[float] = []
    for row in range(count):
        distance = min((float(apart[row, other]) for other in chosen), default=np.inf)
        if distance > limit:
            chosen.append(row)
            best.append(distance)
    return np.array(chosen, np.int64), np.array(best, np.float32)


def _slack(width: int) -> float:
    """How far rounding may take a distance by matrix product, as a share of the two squared norms."""
    return 2.0 * float(np.finfo(np.float32).eps) * (width + 4)
