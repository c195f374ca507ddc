"""What a campaign's searches are after: an oracle's margin, by way of the boundary that leads there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices, Rows
from mlfuzz.campaign.isolation.flight_recorder import Phase
from mlfuzz.campaign.search.boundary import Seen, beyond
from mlfuzz.campaign.search.projection import ACROSS_SPAN, FREE_SPAN, SPAN
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle
from mlfuzz.targets.execute import execute

IN_VAIN = 64
"""Parents searched from without a hit, after which an objective comes up less often."""

RARELY = 8
"""... once in so many of its turns."""


@dataclass(slots=True)
class Objective:
    """An oracle to be made to fail by more than its floor.

    number: of the oracle. across: whether its failures lie along the boundary between two answers of the target (an
    oracle that compares two forms of it): then that is what is walked to. tried, found: parents. turns: offered.
    """

    number: int
    oracle: Oracle
    floor: float
    tried: int = 0
    found: int = 0
    turns: int = 0

    @property
    def compares(self) -> bool:
        """Whether it compares two forms of the target."""
        return bool(getattr(self.oracle, "variants", ()))

    @property
    def across(self) -> bool:
        return self.compares and bool(getattr(self.oracle, "crossable", True))

    @property
    def traced(self) -> bool:
        """Whether gradients lead to it: those of the target alone do not tell how far another form of it is apart."""
        return self.across or not self.compares

    @property
    def relative(self) -> bool:
        return self.oracle.relative

    @property
    def span(self) -> float:
        """How far a value may come from its seed where no limit says it."""
        return SPAN if self.relative else ACROSS_SPAN if self.compares else FREE_SPAN

    def due(self) -> bool:
        """Whether it is worth a turn; one in vain so far seldom is."""
        self.turns += 1
        return self.found > 0 or self.tried < IN_VAIN or self.turns % RARELY == 0

    def seen(self, seen: Observation, reference: Observation, batch: Batch) -> Seen:
        """What the oracle says of rows, and how far they are across the boundary."""
        hit = self.hit(seen, reference, batch)
        return Seen(self.gap(seen, reference, batch) if self.crosses(seen) else hit, hit)

    def gap(self, seen: Observation, reference: Observation, batch: Batch) -> Tensor:
        """How far rows are across the boundary (B,); differentiable where the oracle is."""
        scores = scores_of(seen)
        if scores is None or not self.crosses(seen):
            return self.hit(seen, reference, batch)
        return beyond(scores, _classes(reference))

    def hit(self, seen: Observation, reference: Observation, batch: Batch) -> Tensor:
        return self.oracle.check(seen, reference, batch).margin - self.floor

    def crosses(self, seen: Observation) -> bool:
        """Whether there is a boundary between classes to walk to."""
        return self.across and scores_of(seen) is not None


@dataclass(frozen=True, slots=True)
class Trials:
    """B parents that searches start from, and what judges the rows made of them.

    rows, seeds, parents: as in a batch. invariant: (B,) whether the label holds so far.
    beat: told what begins: "execute" before each forward pass, "mutate" after it.
    """

    target: Any
    all_seeds: Seeds
    rows: Rows
    parents: Indices
    seeds: Indices
    loads: NDArray[np.float32]
    invariant: NDArray[np.bool_]
    beat: Callable[[Phase], None]

    def batch(self, rows: Rows, which: Indices) -> Batch:
        return Batch(
            rows, self.parents[which], self.seeds[which], self.loads[which], self.invariant[which], chains=lambda _: ()
        )

    def evaluate(self, objective: Objective, rows: Rows, which: Indices) -> Seen:
        """One forward pass. A row that raises is a hit: the loop will make a finding of it."""
        self.beat("execute")
        execution = execute(self.target, rows)
        self.beat("mutate")  # what a search works out between two passes is not held against the target's deadline
        blank = torch.full((len(rows),), torch.nan, device=self.target.device)
        gap, hit = blank, blank.clone()
        if execution.seen is not None:
            ran = execution.ran
            seen = objective.seen(
                execution.seen, self.all_seeds.of(self.seeds[which[ran]]), self.batch(rows.take(ran), which[ran])
            )
            at = torch.from_numpy(ran).to(blank.device)
            gap, hit = gap.index_copy(0, at, seen.gap.float()), hit.index_copy(0, at, seen.hit.float())
        for row, _ in execution.crashes:
            hit[row] = torch.inf
        return Seen(gap, hit)

    def gap(self, objective: Objective, seen: Observation, which: Indices) -> Tensor:
        """The gap (B,) of what a traced target said."""
        reference = _plain(self.all_seeds.of(self.seeds[which]))
        return objective.gap(seen, reference, self.batch(self.rows.take(which), which))


def scores_of(seen: Observation) -> Tensor | None:
    """(B, classes) where the target gives scores, else None."""
    main = seen.outputs["main"]
    return main.float() if isinstance(main, Tensor) and main.dim() == 2 and main.shape[1] > 1 else None


def objectives(oracles: Sequence[Oracle], floors: Sequence[float], *, relative: bool) -> list[Objective]:
    """Those that a search can serve, judged on the device: first those that compare two forms of the target, last those
    that ask nothing but numbers, which few targets fail.

    relative: whether oracles that compare with the seed are among them: only where limits keep what is asked of them.
    """
    made = [
        Objective(number, oracle, floor)
        for number, (oracle, floor) in enumerate(zip(oracles, floors, strict=True))
        if oracle.where == "device" and (relative or not oracle.relative)
    ]
    return sorted(made, key=lambda one: (not one.compares, not one.relative))


def _plain(seen: Observation) -> Observation:
    """The same outputs as ordinary tensors: what was made in inference mode cannot be kept for a backward pass."""
    outputs = {name: output.clone() if isinstance(output, Tensor) else output for name, output in seen.outputs.items()}
    return Observation(outputs, seen.activations)


def _classes(reference: Observation) -> Tensor:
    scores = scores_of(reference)
    assert scores is not None
    return scores.argmax(1)
