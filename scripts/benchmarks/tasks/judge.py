"""Who says whether a failing input still deserves its label, and how far apart two of them lie.

A judge is made of models that are neither fuzzed nor used by any filter of a campaign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mlfuzz.batch import Rows, from_payloads
from mlfuzz.modality.base import Modality, Payload

Vote = Callable[[Rows, Sequence[str]], NDArray[np.bool_]]
"""(B rows, the labels of their roots) -> (B,) whether one model still sees in each what its root is."""

Embed = Callable[[Rows], NDArray[np.float32]]
"""B rows -> (B, D) penultimate activations."""

AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Judge:
    """votes: one a model; a label is kept where more than half of them see it. names: of the models, for the record.

    embed: of one of them. radius: the median distance of two natural inputs of one class there: what lies closer
    together than that is one fault.
    """

    votes: tuple[Vote, ...]
    names: tuple[str, ...]
    embed: Embed
    radius: float

    def kept(self, payloads: Sequence[Payload], labels: Sequence[str], modality: Modality) -> NDArray[np.bool_]:
        """(n,) whether the majority still sees the root's label."""
        return agreed(self.votes, payloads, labels, modality)

    def features(self, payloads: Sequence[Payload], modality: Modality) -> NDArray[np.float32]:
        """(n, D)."""
        parts = [
            self.embed(from_payloads(payloads[start : start + AT_ONCE], modality, torch.device("cpu")))
            for start in range(0, len(payloads), AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


def agreed(
    votes: Sequence[Vote], payloads: Sequence[Payload], labels: Sequence[str], modality: Modality
) -> NDArray[np.bool_]:
    """(n,) whether more than half of the models see the root's label in an input."""
    ayes = [np.zeros(0, np.int64)]
    for start in range(0, len(payloads), AT_ONCE):
        rows = from_payloads(payloads[start : start + AT_ONCE], modality, torch.device("cpu"))
        part = labels[start : start + AT_ONCE]
        ayes.append(np.sum([vote(rows, part) for vote in votes], axis=0))
    majority: NDArray[np.bool_] = 2 * np.concatenate(ayes) > len(votes)
    return majority


def natural_radius(features: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    """Median distance of two inputs of one class, over all classes."""
    distances = []
    for each in np.unique(classes):
        rows = torch.from_numpy(features[classes == each])
        if len(rows) > 1:
            distances.append(torch.pdist(rows).numpy())
    return float(np.median(np.concatenate(distances)))
