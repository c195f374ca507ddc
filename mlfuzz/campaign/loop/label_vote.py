"""Reference models that say, while the loop runs, which failing inputs are no longer what their seeds were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Indices, Rows
from mlfuzz.targets.execute import execute

MOST = 64
"""Failing rows of a batch that are voted on: to learn what is too much, a few are as good as all."""

UNSURE = -1


class LabelVote:
    """models: by name. seeds: gives the inputs of seeds, by number. labels: of the seeds, None where there is none.

    A model votes on a row where it gives the row's seed its label (or any label, where it has none); more than half of
    the votes decide. Models whose main output is not one score a class never vote.
    """

    def __init__(
        self, models: Mapping[str, Any], seeds: Callable[[Indices], Rows], labels: Sequence[str | None]
    ) -> None:
        self._models = list(models.values())
        self._seeds, self._labels = seeds, labels
        self._answers = np.full((len(self._models), len(labels)), UNSURE - 1, np.int64)

    def refused(self, rows: Rows, seeds: Indices) -> NDArray[np.bool_]:
        """(B,) rows that most votes say have lost their label; False where nobody votes."""
        against, votes = np.zeros(len(seeds), np.int64), np.zeros(len(seeds), np.int64)
        for number, model in enumerate(self._models):
            before = self._before(number, seeds)
            voting = before != UNSURE
            if voting.any():
                votes += voting
                against += voting & (_classes(model, rows) != before)
        refused: NDArray[np.bool_] = 2 * against > votes
        return refused

    def _before(self, number: int, seeds: Indices) -> Indices:
        """What a model says of the seeds, UNSURE where that is not their label; asked once for each seed."""
        unknown = np.unique(seeds[self._answers[number, seeds] < UNSURE])
        if len(unknown):
            model = self._models[number]
            classes = _classes(model, self._seeds(unknown))
            for seed, answer in zip(unknown.tolist(), classes.tolist(), strict=True):
                label = self._labels[seed]
                right = answer >= 0 and (
                    label is None or (len(model.labels) > answer and model.labels[answer] == label)
                )
                self._answers[number, seed] = answer if right else UNSURE
        before: Indices = self._answers[number, seeds]
        return before


def _classes(model: Any, rows: Rows) -> Indices:
    """(B,) the class each row is given, UNSURE where the model raises or gives no scores."""
    execution = execute(model, rows)
    classes = np.full(len(rows), UNSURE, np.int64)
    output = None if execution.seen is None else execution.seen.outputs["main"]
    if isinstance(output, Tensor) and output.dim() == 2 and output.shape[1] > 1:
        classes[execution.ran] = output.argmax(1).cpu().numpy()
    return classes
