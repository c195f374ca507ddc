"""Steps that led somewhere: the one that made each of the latest entries, and the best of the last batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Batch, Indices
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.param import columns_of
from mlfuzz.mutators.schedule.slices import Slice
from mlfuzz.mutators.schedule.weights import PER_ROW_COST

REMEMBERED = 4096
"""Entries; those before them are seldom picked."""

BEST = 8
"""Steps of a batch that are held for others to borrow."""

HELD = 32


class StepReuse:
    """What may be done once more: to the entry it made (again), or to another one (borrowed).

    slices: so many operators a batch at most, each way: each costs as much as a slice of the plan's own.
    Of operators that look at the row (`propose`) nothing is held: their parameters fit no other row. Nor of those that
    work a row at a time: a batch of codecs' steps would take longer than the model.
    """

    def __init__(self, mutators: Sequence[Mutator], *, slices: int = 2) -> None:
        self._slices = slices
        self._mutators = {part.name: part for part in mutators if part.propose is None and part.cost < PER_ROW_COST}
        self._steps: dict[int, Mutation] = {}
        self._best: deque[Mutation] = deque(maxlen=HELD)

    def note(self, row: int, step: Mutation) -> None:
        """This entry was made by that step."""
        if step.name in self._mutators:
            self._steps[row] = step
            if len(self._steps) > REMEMBERED:
                del self._steps[next(iter(self._steps))]

    def rank(self, batch: Batch, rows: Indices, values: NDArray[np.float64]) -> None:
        """Hold the last steps of the best rows of a batch; values (rows,): what each row is worth, 0: nothing."""
        few = min(BEST, len(rows))
        for at in np.argpartition(-values, few - 1)[:few].tolist() if few else ():
            row = int(rows[at])
            of_row = (step for step in reversed(batch.steps) if step.start <= row < step.stop)
            last = next(of_row, None) if values[at] > 0 else None
            if last is not None and last.name in self._mutators:
                self._best.append(last.mutation(row))

    def arrange(
        self, picked: Indices, again: int, borrowed: int, rng: np.random.Generator
    ) -> tuple[Indices, list[Slice], int]:
        """`picked` with rows at the front whose step is known, a slice for each operator, and how many are again.

        again, borrowed: so many rows at most have the step that made them once more, and a held one.
        """
        known = self._known(picked, again) if again else []
        steps = [self._steps[int(picked[at])] for at in known]
        rest = np.delete(np.arange(len(picked)), known)
        others = rest[: borrowed if self._best else 0]
        lent = self._lent(len(others), rng) if len(others) else []
        front, slices = _grouped(known, steps, self._mutators, 0)
        front_lent, slices_lent = _grouped(others.tolist(), lent, self._mutators, len(front))
        order = np.concatenate([front, front_lent, rest[len(others) :]]).astype(np.int64)
        return picked[order], slices + slices_lent, len(front)

    def _known(self, picked: Indices, most: int) -> list[int]:
        """Positions of up to `most` rows whose step is known, of the first few operators met."""
        found: list[int] = []
        operators: set[str] = set()
        for at, row in enumerate(picked[: 4 * most].tolist()):
            step = self._steps.get(row)
            if step is not None and (step.name in operators or len(operators) < self._slices):
                operators.add(step.name)
                found.append(at)
        return found[:most]

    def _lent(self, n: int, rng: np.random.Generator) -> list[Mutation]:
        """n held steps, of the operators of a few drawn from them all."""
        drawn = {self._best[number].name for number in rng.integers(0, len(self._best), self._slices).tolist()}
        held = [step for step in self._best if step.name in drawn]
        return [held[number] for number in rng.integers(0, len(held), n).tolist()]


def _grouped(
    rows: Sequence[int], steps: Sequence[Mutation], mutators: dict[str, Mutator], start: int
) -> tuple[list[int], list[Slice]]:
    """The rows by operator, and a slice of each operator's from `start` on."""
    groups: dict[str, list[int]] = {}
    for at, step in enumerate(steps):
        groups.setdefault(step.name, []).append(at)
    order, slices = [], []
    for name, members in groups.items():
        part = mutators[name]
        columns = columns_of(dict(part.space), [steps[at].params for at in members])
        slices.append(Slice(part, start, start + len(members), columns))  # type: ignore[arg-type]
        start += len(members)
        order += [rows[at] for at in members]
    return order, slices
