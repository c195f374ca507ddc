"""Small observations of every kind of output, for laws about oracles: what was seen, of which seeds, in which batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices, Step, TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.observation import Observation, Output, Ragged

ROWS = 8


@dataclass(frozen=True, slots=True)
class Example:
    """seen: of B rows. reference: of their seeds, row by row. wrong: (B,) which rows were made to fail, or None."""

    seen: Observation
    reference: Observation
    batch: Batch
    wrong: NDArray[np.bool_] | None = None

    def take(self, rows: Indices) -> Example:
        """Rows by position; the batch's steps are cut to match where they cover all of it."""
        wrong = None if self.wrong is None else self.wrong[rows]
        return Example(self.seen.take(rows), self.reference.take(rows), taken(self.batch, rows), wrong)


def scores(classes: int = 5) -> Example:
    """Logits (B, classes); the odd rows answer with another class than their seed."""
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn((ROWS, classes), generator=generator)
    wrong = np.arange(ROWS) % 2 == 1
    seen = torch.where(torch.from_numpy(wrong)[:, None], reference.roll(1, dims=1), reference * 1.1)
    return Example(observation(seen), observation(reference), batch(), wrong)


def values(width: int = 1, *, change: float = 1.0) -> Example:
    """Numbers (B, width); the odd rows are off by `change`, the even ones by a hundredth of it."""
    generator = torch.Generator().manual_seed(1)
    reference = torch.randn((ROWS, width), generator=generator)
    wrong = np.arange(ROWS) % 2 == 1
    seen = reference + torch.where(torch.from_numpy(wrong), change, 0.01 * change)[:, None]
    return Example(observation(seen), observation(reference), batch(), wrong)


def nonfinite() -> Example:
    """Logits and activations; row 1 has NaN in its output, 3 infinity, 5 NaN in a layer, 7 minus infinity in one."""
    good = scores()
    main, layers = good.reference.main.clone(), torch.randn((ROWS, 4), generator=torch.Generator().manual_seed(2))
    reference = observation(main, layers)
    main, layers = main.clone(), layers.clone()
    main[1, 2], main[3, 0], layers[5, 1], layers[7, 3] = torch.nan, torch.inf, torch.nan, -torch.inf
    return Example(observation(main, layers), reference, batch(), good.wrong)


def observation(main: Output, activations: Tensor | None = None) -> Observation:
    """Of rows whose main output this is; activations: four units of zeros where none are given."""
    length = len(main) if not isinstance(main, Ragged) else len(main.values)
    return Observation({"main": main}, torch.zeros((length, 4)) if activations is None else activations)


def batch(rows: int = ROWS, *, steps: Sequence[Step] = (), **fields: Any) -> Batch:
    """A batch of so many rows, each a child of its own seed, by operators that keep the label."""
    numbers = np.arange(rows, dtype=np.int64)
    whole = Batch(
        TensorRows(torch.zeros((rows, 1, 1, 1)), Image(size=(1, 1))), numbers, numbers, np.zeros((rows, 1), np.float32),
        np.ones(rows, np.bool_), tuple(steps),
    )  # fmt: skip
    return replace(whole, **fields)


def step(name: str, columns: Mapping[str, Sequence[float]]) -> Step:
    """One operator over a whole batch."""
    length = len(next(iter(columns.values())))
    return Step(name, 1, 0, length, {key: np.asarray(column, np.float32) for key, column in columns.items()})


def taken(whole: Batch, rows: Indices) -> Batch:
    """Some rows of a batch; steps that cover all of it stay with their rows, others are left out."""
    steps = [
        Step(step.name, step.version, 0, len(rows), {name: np.asarray(c)[rows] for name, c in step.columns.items()})
        for step in whole.steps
        if (step.start, step.stop) == (0, len(whole))
    ]
    return replace(
        whole, rows=whole.rows.take(rows), parents=whole.parents[rows], seeds=whole.seeds[rows],
        loads=whole.loads[rows], invariant=whole.invariant[rows], steps=tuple(steps),
    )  # fmt: skip
