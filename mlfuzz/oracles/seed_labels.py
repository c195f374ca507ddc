"""What the seeds of a campaign are called, for oracles that expect of a mutant what its seed's label says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from mlfuzz.batch import Batch, Indices


class SeedLabels:
    """Base of such oracles: none of the seeds has a label until `bind` says so."""

    def __init__(self) -> None:
        self._labels: Indices = np.full(0, -1, np.int64)
        self._names: tuple[str, ...] = ()

    def bind(self, labels: Tensor) -> None:
        """labels: (seeds,) int64, the number of each seed's label, -1 where it has none."""
        self._labels = labels.detach().cpu().numpy().astype(np.int64)

    def name_classes(self, names: Sequence[str]) -> None:
        """What the numbers of labels are called: for explanations, and for targets that answer with names."""
        self._names = tuple(names)

    def _known(self, batch: Batch) -> Indices:
        """The label of each row's seed (B,), -1 where there is none."""
        labels = self._labels
        if batch.seeds.max(initial=-1) < len(labels):
            return labels[batch.seeds]
        known = batch.seeds < len(labels)
        bound = np.full(len(batch.seeds), -1, np.int64)
        bound[known] = labels[batch.seeds[known]]
        return bound
