"""What the plan learns of its operators: which find something, at what cost, and whether to draw anew at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.bandit import Bandit, Shares
from mlfuzz.batch import Indices, Step

ANEW, AGAIN, BORROWED = range(3)
"""A step drawn anew; the step that made the parent, once more (what Hooke and Jeeves, J. ACM 8, 1961, call a pattern
move: it doubles the pace of a climb); a step that others have fared well with lately. Stacks of 2, 4 and 8 steps, as in
AFL's havoc stage, were tried and never paid."""

MOST_REPEATED = 64
"""Rows of a batch at most that take a step again, and that borrow one: each costs Python of its own."""

FLOOR = 0.005
"""Of the rows, for each operator, however little it finds."""

FAULT, RECORD, GAIN = 1.0, 1.0, 0.02
"""Worth of what a row brings, as kinds of events: a new fault, a nearer miss that was kept, new coverage."""

DEARER = 10.0
"""How much a step counts against a forward pass: what is won by dear operators must be well worth a slower loop."""

LOTS = 8
"""Of the operators; each is an eighth of what is left above the floors."""

WAY_LOTS = 4

LEARNT = 0.75
"""Of the rows, that go where the lots say; the others keep to the shares by cost alone."""


class Dealer:
    """Shares of operators and of ways for the next batch; `learn` is told what became of the last.

    weights: shares by cost alone, (operators,); each operator keeps a quarter of it, and not less than the floor that
    it was given there. costs: of an operator's step, in forward passes of one input, (operators,).
    """

    def __init__(self, names: Sequence[str], weights: Shares, costs: Shares) -> None:
        self._number = {name: number for number, name in enumerate(names)}
        floors = np.minimum(weights, np.maximum(FLOOR, (1.0 - LEARNT) * weights))
        worths = (FAULT, RECORD, GAIN)
        self._operators = Bandit(len(names), worths, costs=1.0 + DEARER * costs, floors=floors)
        self._ways = Bandit(3, worths)

    def weights(self, rng: np.random.Generator) -> Shares:
        """Of the operators in the next batch."""
        return self._operators.shares(rng, lots=LOTS)

    def repeated(self, batch: int, rng: np.random.Generator) -> tuple[int, int]:
        """How many rows of a batch take their parents' step again, and how many borrow one."""
        shares = self._ways.shares(rng, lots=WAY_LOTS)
        again, borrowed = (min(MOST_REPEATED, round(batch * float(share))) for share in shares[AGAIN:])
        return again, borrowed

    def learn(
        self, steps: Sequence[Step], rows: Indices, events: NDArray[np.floating[Any]], *, again: int, borrowed: int
    ) -> None:  # fmt: skip
        """What a batch brought. rows: positions that ran, ascending. events: of each of them, (rows, kinds).

        again, borrowed: so many rows at the front took a step again, so many behind them borrowed one.
        """
        operators = np.zeros(max(step.stop for step in steps), np.int64)
        for step in steps:  # of several steps the last stands for the row
            operators[step.start : step.stop] = self._number[step.name]
        self._operators.learn(operators[rows], events)
        ways = np.full(len(operators), ANEW, np.int64)
        ways[:again], ways[again : again + borrowed] = AGAIN, BORROWED
        self._ways.learn(ways[rows], events)

    def state(self) -> dict[str, NDArray[Any]]:
        parts = {"operators": self._operators, "ways": self._ways}
        return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        for name, part in (("operators", self._operators), ("ways", self._ways)):
            part.restore({key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{name}.")})
