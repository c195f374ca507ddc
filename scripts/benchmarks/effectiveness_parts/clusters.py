"""Distinct faults by a clustering that knows nothing of the campaign: not its keys, operators, scores or features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

MOST = 1_500
"""Rows of one group that are clustered, spread evenly over the run: distances of all pairs are 9 MB then."""


def distinct_faults(
    features: NDArray[np.float32], groups: NDArray[np.int64], radius: float, *, most: int = MOST
) -> NDArray[np.int64]:
    """(n,) the number of the fault of each failing input; -1 for rows beyond `most` of their group.

    features: (n, D) penultimate activations of a model that was not fuzzed. groups: (n,) equal for inputs that fail an
    oracle in the same way (expected and got). Within a group: complete-link clustering, cut at `radius`, so that any
    two inputs of one fault lie within it, and no chain of neighbours joins what is far apart.
    Fewer rows than `most` of a group are all looked at, so the number does not depend on their order.
    """
    faults = np.full(len(groups), -1, np.int64)
    known = 0
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        members = members[np.unique(np.linspace(0, len(members) - 1, min(most, len(members))).astype(np.int64))]
        labels = _cut(features[members], radius)
        faults[members] = known + labels
        known += int(labels.max()) + 1
    return faults


def _cut(features: NDArray[np.float32], radius: float) -> NDArray[np.int64]:
    """Cluster numbers from 0 on, of at least one row."""
    if len(features) == 1:
        return np.zeros(1, np.int64)
    tree = linkage(np.nan_to_num(features.astype(np.float64), posinf=1e6, neginf=-1e6), method="complete")
    cut: NDArray[np.int64] = fcluster(tree, radius, criterion="distance").astype(np.int64) - 1
    return cut
