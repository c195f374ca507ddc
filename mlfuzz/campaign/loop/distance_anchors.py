"""What DeepHunter's bound is measured from: the seed, or the lineage's picture just after it was moved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlfuzz.batch import Indices
from mlfuzz.corpus.corpus import Corpus

MOVING = "geometry"


class DistanceAnchors:
    """Corpus row -> the row its pixels are compared with: the latest of its lineage that a moving operator made.

    kinds: of the operators, by name.
    Source: Xie et al., DeepHunter, ISSTA 2019, section 3.3, equation 2; what was used up before the move is not added.
    """

    def __init__(self, corpus: Corpus, kinds: Mapping[str, str]) -> None:
        self._corpus, self._kinds = corpus, kinds
        self._rows: list[int] = []

    def of(self, rows: Indices) -> Indices:
        """The references of these rows (B,)."""
        for row in range(len(self._rows), len(self._corpus)):
            parent = int(self._corpus.parents[row])
            self._rows.append(row if parent < 0 or self._moved(row, parent) else self._rows[parent])
        return np.asarray([self._rows[row] for row in rows.tolist()], np.int64)

    def _moved(self, row: int, parent: int) -> bool:
        steps = self._corpus.chain(row)[len(self._corpus.chain(parent)) :]
        return any(self._kinds.get(step.name) == MOVING for step in steps)
