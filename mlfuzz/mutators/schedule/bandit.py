"""What the plan learns of its operators: which find something, at what cost, and whether to draw anew at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.bandit import Bandit, Shares
from mlfuzz.batch import Indices, Step
from mlfuzz.mutators.schedule.dear import DEAR_SHARE, SAVED, capped, in_proportion, taken

ANEW, AGAIN, BORROWED, STACKED = range(4)
"""A step drawn anew; the step that made the parent, once more (what Hooke and Jeeves, J. ACM 8, 1961, call a pattern
move: it doubles the pace of a climb); a step that others have fared well with lately; more than one step drawn anew, as
in AFL's havoc stage: seldom of use to a climb, but what two operators break together is another fault than what either
breaks alone."""

MOST_REPEATED = 64
"""Rows of a batch at most that take a step again, and that borrow one: each costs Python of its own."""

LEAST_STACKED = 0.25
"""Of a batch, where rows are stacked at all: a smaller share is saved up, since a slice costs what it costs."""

FLOOR = 0.005
"""Of the rows, for each operator, however little it finds."""

ANEW_FLOOR, STACKED_FLOOR = 0.1, 0.1
"""Of the rows: one step drawn anew, and several, the latter where a step costs next to nothing beside the model."""

FAULT, RECORD, GAIN = 1.0, 1.0, 0.02
"""Worth of what a row brings, as kinds of events: a new fault, a nearer miss that was kept, new coverage."""

DEARER = 10.0
"""How much a step counts against a forward pass: what is won by dear operators must be well worth a slower loop."""

LOTS = 8
"""Of the operators; each is an eighth of what is left above the floors."""

WAY_LOTS = 4

LEARNT = 0.75
"""Of the rows, that go where the lots say; the others keep to the shares by cost alone."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How many rows of a batch take their parents' step again, borrow one, and take more than one."""

    again: int = 0
    borrowed: int = 0
    stacked: int = 0


class OperatorBandit:
    """Shares of operators and of ways for the next batch; `learn` is told what became of the last.

    weights: shares by cost alone, (operators,); each operator keeps a quarter of it, and not less than the floor that
    it was given there. costs: of an operator's step, in forward passes of one input, (operators,). step: of an average
    step with its part of the fixed costs, in the same unit: what one step more costs. dear: (operators,) those that
    have only so much of the time together (`dear.DEAR_SHARE`) unless they find in proportion; None: none of them.
    """

    def __init__(
        self, names: Sequence[str], weights: Shares, costs: Shares, *, step: float = 0.0,
        dear: NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        self._number = {name: number for number, name in enumerate(names)}
        floors = np.minimum(weights, np.maximum(FLOOR, (1.0 - LEARNT) * weights))
        worths = (FAULT, RECORD, GAIN)
        self._operators = Bandit(len(names), worths, costs=1.0 + DEARER * costs, floors=floors)
        self._costs, self._least = costs, np.minimum(weights, FLOOR)
        self._dear = np.zeros(len(names), np.bool_) if dear is None else dear
        self._saved = 0.0
        self.elsewhere = 0.0
        """Of the time: what searches take that do not find in proportion."""
        one = 1.0 + step
        self._ways = Bandit(
            4,
            worths,
            costs=np.asarray([one, one, one, one + step]),
            floors=np.asarray([ANEW_FLOOR, 0.0, 0.0, STACKED_FLOOR / one**2]),
        )

    def weights(self, rng: np.random.Generator) -> Shares:
        """Of the operators in the next batch."""
        shares = self._operators.shares(rng, lots=LOTS)
        if not self._dear.any():
            return shares
        held = self._dear & ~in_proportion(self._operators.values(), self._operators.rows, self._costs, self._dear)
        room = max(0.0, DEAR_SHARE - self.elsewhere)
        shares = capped(shares, self._least, self._costs, held, room=min(1.0, room + self._saved))
        self._saved = float(np.clip(self._saved + room - taken(shares, self._costs, held), 0.0, SAVED * room))
        return shares

    def ways(self, batch: int, rng: np.random.Generator) -> Ways:
        """What the rows of the next batch are made by."""
        shares = self._ways.shares(rng, lots=WAY_LOTS)
        again, borrowed = (min(MOST_REPEATED, round(batch * float(share))) for share in shares[AGAIN:STACKED])
        stacked = float(shares[STACKED])
        if stacked < LEAST_STACKED:
            stacked = LEAST_STACKED if rng.random() < stacked / LEAST_STACKED else 0.0
        return Ways(again, borrowed, round(batch * stacked))

    def learn(
        self, steps: Sequence[Step], rows: Indices, events: NDArray[np.floating[Any]], *, again: int, borrowed: int,
        stacked: tuple[int, int] = (0, 0),
    ) -> None:  # fmt: skip
        """What a batch brought. rows: positions that ran, ascending. events: of each of them, (rows, kinds).

        again, borrowed: so many rows at the front took a step again, so many behind them borrowed one. stacked: the
        rows from, and up to, that took more than one.
        """
        operators = np.zeros(max(step.stop for step in steps), np.int64)
        for step in steps:  # of several steps the last stands for the row
            operators[step.start : step.stop] = self._number[step.name]
        self._operators.learn(operators[rows], events)
        taken = np.full(len(operators), ANEW, np.int64)
        taken[:again], taken[again : again + borrowed], taken[slice(*stacked)] = AGAIN, BORROWED, STACKED
        self._ways.learn(taken[rows], events)

    def state(self) -> dict[str, NDArray[Any]]:
        parts = {"operators": self._operators, "ways": self._ways}
        learnt = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state().items()}
        return {**learnt, "dear.saved": np.asarray(self._saved)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self._saved = float(state.get("dear.saved", 0.0))
        for name, part in (("operators", self._operators), ("ways", self._ways)):
            part.restore({key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{name}.")})
