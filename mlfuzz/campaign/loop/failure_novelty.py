"""Which failures are the first of their kind: what guidance is rewarded for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices

BY_OPERATOR, BY_SEED, BY_PLACE = 1.0, 1.0, 0.5
"""Worth of the first failure of a key by an operator, of the first of a key from a seed, and of the first of a key in a
place: a fault is a key with an operator; the same key from another seed, or far off in what the target makes of inputs,
may have another cause. On the digits there are as many distinct faults as keys of a seed (182 and 191, 275 and 284)."""

PLACE_BITS = 12
"""Of the leading features, those above their mean: 4,096 places at most."""

_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class FailureNovelty:
    """What failures are worth: to the choice of seeds (B,), and to that of operators (B,)."""

    seeds: NDArray[np.float64]
    operators: NDArray[np.float64]

    @classmethod
    def none(cls, rows: int) -> FailureNovelty:
        return cls(np.zeros(rows), np.zeros(rows))


class NoveltyFilter:
    """Remembers (oracle, key) with operator, seed and place of all that has failed in this life."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def news(
        self, margins: NDArray[np.float32], keys: NDArray[np.int64], floors: Sequence[float], *, seeds: Indices,
        operators: NDArray[np.int64], places: NDArray[np.int64],
    ) -> FailureNovelty:  # fmt: skip
        """What rows' failures are worth. margins, keys: (B, oracles). seeds, operators, places: (B,)."""
        news = FailureNovelty.none(len(margins))
        rows, oracles = np.nonzero(margins > np.asarray(floors, np.float32))
        if len(rows):
            kinds = _mixed(keys[rows, oracles], oracles)
            news.seeds[self._new(_mixed(kinds, 3 * seeds[rows]), rows)] += BY_SEED
            news.seeds[self._new(_mixed(kinds, 3 * places[rows] + 1), rows)] += BY_PLACE
            news.operators[:] = news.seeds
            news.operators[self._new(_mixed(kinds, 3 * operators[rows] + 2), rows)] += BY_OPERATOR
        return news

    def _new(self, codes: Indices, rows: Indices) -> Indices:
        """Rows of the codes that were not known, the first of each; they are known from now on."""
        found, at = np.unique(codes, return_index=True)
        new = [row for code, row in zip(found.tolist(), rows[at].tolist(), strict=True) if code not in self._known]
        self._known.update(found.tolist())
        return np.unique(np.asarray(new, np.int64))


def kinds(
    margins: NDArray[np.float32], keys: NDArray[np.int64], floors: Sequence[float], operators: NDArray[np.int64]
) -> list[str]:
    """A name for each kind of failure among the rows: oracle, key and operator. margins, keys: (B, oracles)."""
    rows, oracles = np.nonzero(margins > np.asarray(floors, np.float32))
    codes = np.unique(_mixed(_mixed(keys[rows, oracles], oracles), 3 * operators[rows] + 2))
    return [f"{code:x}" for code in codes.view(np.uint64).tolist()]


def places(features: NDArray[np.float32]) -> NDArray[np.int64]:
    """(B,) a number for the part of the feature space that each row lies in. features: (B, D), centred, by weight."""
    leading = features[:, :PLACE_BITS] > 0
    return np.asarray(leading @ (1 << np.arange(leading.shape[1])), np.int64)


def _mixed(one: Indices, other: Indices) -> Indices:
    """A number of two: equal pairs give equal ones, others as good as never."""
    with np.errstate(over="ignore"):
        return ((one.astype(np.uint64) ^ (other.astype(np.uint64) * _ODD)) * _ODD).view(np.int64)
