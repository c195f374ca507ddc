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

_BLOCK, _TILE = 256, 512
"""Queries, and entries, of which all distances are taken at once: they stay in the second-level cache."""

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


def nearest(
    queries: Vectors, entries: Vectors, norms: Squares, *, enough: float = -np.inf, earlier: bool = False
) -> Squares:
    """Distance of each query (n, P) to the nearest of the entries (N, P); infinity where there is none.

    norms: (N,), of the entries. enough: an entry within this distance is near enough, though a later one may be nearer
    still: of a corpus that grows by lineages the oldest settle most. earlier: a query looks only at the entries before
    its own row number.
    """
    best = np.full(len(queries), np.inf, np.float32)
    slack = np.float32(_slack(queries.shape[1]))
    biased, own = norms * (1 - slack), norms_of(queries)
    waiting = np.arange(len(queries))
    for first in range(0, len(entries), _TILE):
        tile, bias = entries[first : first + _TILE], torch.from_numpy(biased[first : first + _TILE])
        turned = torch.from_numpy(tile).t()
        for start in range(0, len(waiting), _BLOCK):
            at = waiting[start : start + _BLOCK]
            block = queries[at]
            lower = torch.addmm(bias, torch.from_numpy(block), turned, alpha=-2.0)
            if earlier:
                lower.masked_fill_(torch.ones_like(lower, dtype=torch.bool).triu_(start - first), float("inf"))
            rows, columns = np.nonzero(lower.numpy() <= _reach(lower, own[at], best[at], slack)[:, None])
            for part in (slice(pair, pair + _PAIRS) for pair in range(0, len(rows), _PAIRS)):
                np.minimum.at(best, at[rows[part]], squared(block[rows[part]], tile[columns[part]]))
        waiting = waiting[best[waiting] > enough]
        if not len(waiting):
            break
    return best


def _reach(lower: torch.Tensor, own: Squares, best: Squares, slack: np.float32) -> Squares:
    """Up to which of its lower bounds each query has to look, (n,); minus infinity where none may beat `best`.

    The entry with the least bound is at most `reach` away, and whatever is nearer has a bound below that.
    own: the queries' squared lengths, which their bounds are without.
    """
    least = lower.amin(1).numpy()
    reach: Squares = least + 8 * slack * (own + np.maximum(least + own, 0.0))
    reach[np.isinf(least) | (least + own * (1 - 2 * slack) > best)] = -np.inf
    return reach


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
    edges = [*starts.tolist(), len(later)]
    # Only rows with an earlier neighbour are looked at one by one: few, once the radius has settled.
    for row, first, stop in zip(later[starts].tolist(), edges[:-1], edges[1:], strict=True):
        chosen[row] = not chosen[earlier[first:stop]].any()
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
