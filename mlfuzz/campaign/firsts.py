"""Which failures are the first of their kind: what guidance is rewarded for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices

BY_OPERATOR, BY_SEED = 1.0, 0.5
"""Worth of the first failure of a key by an operator, and of the first of a key from a seed: a fault is a key with an
operator, and the same key from another seed may have another cause."""

_ODD = np.uint64(0x9E3779B97F4A7C15)


class Firsts:
    """Remembers (oracle, key, operator) and (oracle, key, seed) of all that has failed in this life."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def worth(
        self, margins: NDArray[np.float32], keys: NDArray[np.int64], floors: Sequence[float], seeds: Indices,
        operators: NDArray[np.int64],
    ) -> NDArray[np.float64]:  # fmt: skip
        """(B,) what each row's failures are worth as news. margins, keys: (B, oracles). seeds, operators: (B,)."""
        worth = np.zeros(len(margins))
        rows, oracles = np.nonzero(margins > np.asarray(floors, np.float32))
        if len(rows):
            kinds = _mixed(keys[rows, oracles], oracles)
            worth[self._new(_mixed(kinds, 2 * operators[rows]), rows)] += BY_OPERATOR
            worth[self._new(_mixed(kinds, 2 * seeds[rows] + 1), rows)] += BY_SEED
        return worth

    def _new(self, codes: Indices, rows: Indices) -> Indices:
        """Rows of the codes that were not known, the first of each; they are known from now on."""
        found, at = np.unique(codes, return_index=True)
        new = [row for code, row in zip(found.tolist(), rows[at].tolist(), strict=True) if code not in self._known]
        self._known.update(found.tolist())
        return np.unique(np.asarray(new, np.int64))


def _mixed(one: Indices, other: Indices) -> Indices:
    """A number of two: equal pairs give equal ones, others as good as never."""
    with np.errstate(over="ignore"):
        return ((one.astype(np.uint64) ^ (other.astype(np.uint64) * _ODD)) * _ODD).view(np.int64)
