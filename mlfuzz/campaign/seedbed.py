"""The seeds as the loop uses them: their own answers, their labels, their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.corpus.seeds import Seed
from mlfuzz.observation import Observation
from mlfuzz.targets.variants.base import AnyTarget


@dataclass(frozen=True, slots=True)
class Seedbed:
    """Seed number -> name, label, file, and what the target says of it.

    reference: observations of all seeds, by seed number; activations are left out (no oracle compares them).
    labels: (n,) class numbers, -1 where a seed has none.
    """

    names: tuple[str, ...]
    labels: Tensor
    label_names: tuple[str | None, ...]
    files: tuple[bytes, ...]
    reference: Observation

    def __len__(self) -> int:
        return len(self.names)

    def of(self, seeds: NDArray[np.int64]) -> Observation:
        """The reference observation of each row's seed."""
        return self.reference.take(seeds)


def seedbed_of(target: AnyTarget, seeds: Sequence[Seed], answers: Sequence[Observation]) -> Seedbed:
    """The usable seeds, with the target's answers to them in the same order."""
    labels = tuple(seed.label for seed in seeds)
    return Seedbed(
        tuple(seed.name for seed in seeds), class_numbers(labels, target.labels).to(target.device), labels,
        tuple(target.modality.encode(seed.payload) for seed in seeds), without_activations(Observation.join(answers)),
    )  # fmt: skip


def without_activations(seen: Observation) -> Observation:
    """The same outputs, no activations: what is kept of seeds for the length of a campaign."""
    return Observation(seen.outputs, seen.activations[:, :0])


def class_numbers(labels: Sequence[str | None], names: Sequence[str]) -> Tensor:
    """Class number of each label; -1 where there is none, or the target does not have it."""
    known = {name: number for number, name in enumerate(names)}
    return torch.tensor([known.get(label, -1) if label is not None else -1 for label in labels], dtype=torch.int64)
