"""TensorFuzz's loop as it was released, written anew on PyTorch.

As there: one parent a step, from the five latest and one at random; 100 mutants of it by normal noise in float64; an
object for each mutant with its parent, its answer and its coverage; an objective that looks at one of them at a time;
the nearest of what is covered from an index, and from an exact scan of the at most 50 vectors that it lacks, one mutant
a call; then the index is built anew over the whole corpus. The index is SciPy's kd-tree without balancing, which is
built and asked faster than the FLANN of the release.
Source: Odena et al., TensorFuzz, ICML 2019; github.com/brain-research/tensorfuzz, lib/ and examples/quantize.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

MUTANTS = 100
BUFFER = 50

Array = NDArray[np.float64]


@dataclass(slots=True)
class Element:
    """One mutant."""

    data: Array
    metadata: NDArray[np.float32]
    coverage: NDArray[np.float32]
    parent: Element | None


class TensorFuzz:
    """model: (n, ...) float32 in [0, 1] to logits. sigma: of the noise. threshold: squared distance that is new."""

    def __init__(
        self, model: Callable[[torch.Tensor], torch.Tensor], seeds: Array, *, sigma: float, threshold: float
    ) -> None:
        self._model, self._sigma, self.threshold = model, sigma, threshold
        self._buffer: list[NDArray[np.float32]] = []
        self.corpus: list[Element] = []
        self.found = 0
        for seed, logits in zip(seeds, self._fetch(seeds), strict=True):
            self.corpus.append(Element(seed, logits, logits, None))
        self._rebuild()

    def fill(self, entries: int) -> None:
        """Mutants of its entries, until there are so many."""
        while len(self.corpus) < entries:
            parent = random.choice(self.corpus)
            batch = self._mutate(parent)
            for data, logits in zip(batch, self._fetch(batch), strict=True):
                if len(self.corpus) < entries:
                    self.corpus.append(Element(data.copy(), logits, logits, parent))
        self._rebuild()

    def step(self) -> int:
        """One parent's mutants; how many."""
        parent = random.choice([*self.corpus[-5:], random.choice(self.corpus)])
        batch = self._mutate(parent)
        answers = self._fetch(batch)
        coverages = [answers[at] for at in range(len(answers))]
        metadata = [answers[at] for at in range(len(answers))]
        for at in range(len(coverages)):
            element = Element(batch[at], metadata[at], coverages[at], parent)
            if self._fails(element):
                self.found += 1
            self._consider(element)
        return len(batch)

    def _mutate(self, parent: Element) -> Array:
        tiled = np.tile(parent.data, [MUTANTS] + [1] * parent.data.ndim)
        return np.clip(tiled + np.random.normal(size=tiled.shape, scale=self._sigma), 0.0, 1.0)

    @torch.inference_mode()
    def _fetch(self, batch: Array) -> NDArray[np.float32]:
        return self._model(torch.from_numpy(batch.astype(np.float32))).numpy()

    def _fails(self, element: Element) -> bool:
        return not np.all(np.isfinite(element.metadata))

    def _consider(self, element: Element) -> None:
        apart = [float(self._index.query(element.coverage)[0]) ** 2]
        apart += [float(np.sum(np.square(element.coverage - other))) for other in self._buffer]
        if min(apart) > self.threshold:
            self.corpus.append(element)
            self._buffer.append(element.coverage)
            if len(self._buffer) >= BUFFER:
                self._rebuild()

    def _rebuild(self) -> None:
        self._buffer = []
        covered = np.array([element.coverage for element in self.corpus])
        self._index = cKDTree(covered, balanced_tree=False, compact_nodes=False)
