"""DeepHunter's loop under KMNC as it was released, written anew on PyTorch.

As there: a parent from the queue with its probability, its input read from its file; 20 mutants of it, made one by one
and each within the L0 and L-infinity rule; a section of a thousand for each unit of each mutant, in a loop over units;
a byte a section compared with all that was reached; what is new is written to a file of its own.
Source: Xie et al., DeepHunter, ISSTA 2019; the released deephunter/coverage.py, mutators.py, lib/queue.py. Its noise
alone is used of its mutators, since it is the loop that is compared.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

MUTANTS = 20
SECTIONS = 1000
ALPHA, BETA = 0.02, 0.20
TRIES = 50
INITIAL, LEAST, GAMMA = 0.8, 0.3, 5


@dataclass(slots=True)
class Seed:
    """One input of the queue."""

    file: Path
    label: int
    probability: float = INITIAL
    fuzzed: int = 0


class DeepHunter:
    """model: whose convolutions and linear layers are watched. seeds: (n, 1, H, W) in 0 .. 255. folder: for files."""

    def __init__(self, model: nn.Module, seeds: NDArray[np.float64], *, sigma: float, folder: Path) -> None:
        self._model, self._sigma, self._folder = model, 255 * sigma, folder
        self._seen: list[NDArray[np.float32]] = []
        for part in model.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.register_forward_hook(self._watch)
        answers = self._fetch(seeds)
        units = np.concatenate([_means(layer) for layer in self._seen], 1)
        self._low, self._high = units.min(0), units.max(0)
        self._virgin = np.full(units.shape[1] * SECTIONS, 0xFF, np.uint8)
        self.queue: list[Seed] = []
        self._at = self.found = 0
        for seed, label in zip(seeds, answers.argmax(1).tolist(), strict=True):
            self._save(seed, int(label))

    def step(self) -> int:
        """One parent's mutants; how many."""
        parent = self._next()
        reference, image = np.load(parent.file)
        batch = np.asarray([self._mutant(reference, image) for _ in range(MUTANTS)])
        answers = self._fetch(batch)
        coverage = self._coverage(len(batch))
        for at in range(len(batch)):
            if int(np.argmax(answers[at])) != parent.label:
                self.found += 1
            elif self._is_new(coverage[at]):
                self._save(batch[at], parent.label)
        if parent.probability > LEAST and parent.fuzzed < GAMMA * (1 - LEAST):
            parent.probability = INITIAL - parent.fuzzed / GAMMA
        return len(batch)

    def _next(self) -> Seed:
        while True:
            self._at = 0 if self._at >= len(self.queue) else self._at
            seed, self._at = self.queue[self._at], self._at + 1
            if random.randint(0, 100) < seed.probability * 100:
                seed.fuzzed += 1
                return seed

    def _mutant(self, reference: NDArray[Any], image: NDArray[Any]) -> NDArray[Any]:
        for _ in range(TRIES):
            changed = np.clip(np.rint(image.copy() + np.random.normal(0, self._sigma, image.shape)), 0, 255)
            apart = reference - changed
            if np.sum(apart != 0) < ALPHA * image.size or np.max(abs(apart)) < BETA * 255:
                return changed
        return image

    @torch.inference_mode()
    def _fetch(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        self._seen.clear()
        return self._model(torch.from_numpy((batch / 255).astype(np.float32))).numpy()

    def _watch(self, part: nn.Module, given: object, answer: torch.Tensor) -> None:
        self._seen.append(answer.numpy())

    def _coverage(self, rows: int) -> NDArray[np.uint8]:
        reached = np.tile(np.zeros(len(self._virgin), np.uint8), (rows, 1))
        first = 0
        for layer in self._seen:
            for row, values in enumerate(layer):
                for unit in range(layer.shape[1]):
                    low, high = self._low[first + unit], self._high[first + unit]
                    width = (high - low) / SECTIONS
                    value = np.mean(values[unit])
                    if width == 0 or value > high or value < low:
                        continue
                    section = min(int((value - low) / width), SECTIONS - 1)
                    reached[row][(first + unit) * SECTIONS + section] += 1
            first += layer.shape[1]
        return reached

    def _is_new(self, coverage: NDArray[np.uint8]) -> bool:
        left = np.bitwise_and(self._virgin, np.invert(coverage))
        new = not np.array_equal(left, self._virgin)
        if new:
            self._virgin = left
        return new

    def _save(self, image: NDArray[Any], label: int) -> None:
        file = self._folder / f"id_{len(self.queue):06d}.npy"
        np.save(file, np.stack([image, image]))
        self.queue.append(Seed(file, label))


def _means(layer: NDArray[np.float32]) -> NDArray[np.float32]:
    return layer.reshape(*layer.shape[:2], -1).mean(2)
