"""Neural coverage by covariance (NLC): how widely, and how much together, the units of a layer vary.

Source: Yuan, Pang and Wang, Revisiting Neuron Coverage for DNN Testing: A Layer-Wise and Distribution-Aware Criterion,
ICSE 2023. Here for comparison: what it covers can shrink, depends on the order of rows, and a row may gain twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, FIT, Features, State
from mlfuzz.coverage.features import Layer, extractor, spans
from mlfuzz.coverage.finite import finite_rows
from mlfuzz.observation import Observation

Sums = NDArray[np.float64]


class Covariance:
    """A row gains by how much the layers' mean absolute covariance grows if it is taken in; if none does, it is not.

    Rows are judged one after the other: 20-100 microseconds each for layers of about 100 units, and the square of it
    for wider ones. Figures: nlc (the sum over layers), rows (taken in).
    """

    name = "nlc"
    monotone = False

    def __init__(self, *, layers: Sequence[Layer] = (), columns: slice | None = None) -> None:
        self._extract, self._layers = extractor("pooled", columns=columns), tuple(layers)
        self._shift: Sums = np.zeros(0)
        self._rows = 0
        self._sums: list[Sums] = []
        self._squares: list[Sums] = []
        self._fitted: State = {}

    def fit(self, seen: Observation) -> None:
        """The first covariance is that of these rows."""
        features = self._extract(seen).cpu().numpy()
        rows = features[finite_rows(features)].astype(np.float64)
        self._start(rows.mean(0) if len(rows) else np.zeros(features.shape[1]))
        self._rows = len(rows)
        for span, total, square in zip(self._spans(), self._sums, self._squares, strict=True):
            centred = rows[:, span] - self._shift[span]
            total += centred.sum(0)
            square += centred.T @ centred
        self._fitted = {FIT + name: part for name, part in self._moments().items()}

    def embed(self, seen: Observation) -> Tensor:
        return self._extract(seen)

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        gains = np.zeros(len(features), np.float32)
        for row in np.flatnonzero(finite_rows(features)):
            gains[row] = self._take(features[row], always=False)
        return gains

    def load(self, features: Features) -> None:
        for row in features[finite_rows(features)]:
            self._take(row, always=True)

    def tune(self) -> None:
        """Nothing here adapts."""

    def covered(self) -> Mapping[str, float]:
        spread = sum(_spread(self._rows, *part) for part in zip(self._sums, self._squares, strict=True))
        return {"nlc": float(spread), "rows": float(self._rows)}

    def state(self) -> State:
        return {**self._fitted, **self._moments()} if self._sums else {}

    def restore(self, state: State) -> None:
        self._fitted = {name: part for name, part in state.items() if name.startswith(FIT)}
        moments = state if "sums" in state else {name.removeprefix(FIT): part for name, part in self._fitted.items()}
        if "sums" in moments:
            self._start(np.array(moments["shift"], np.float64))
            self._add(moments, 1)

    def merge(self, state: State) -> None:
        """Adds what the other took in since the fit that both share."""
        if "sums" in state:
            self._add(state, 1)
            self._add({name.removeprefix(FIT): part for name, part in state.items() if name.startswith(FIT)}, -1)

    def _take(self, row: Features, *, always: bool) -> float:
        if not self._sums:
            self._start(np.zeros(len(row)))
        gain, taken = 0.0, []
        for at, span in enumerate(self._spans()):
            centred = row[span].astype(np.float64) - self._shift[span]
            total, square = self._sums[at] + centred, self._squares[at] + np.outer(centred, centred)
            before = _spread(self._rows, self._sums[at], self._squares[at])
            gain += max(0.0, _spread(self._rows + 1, total, square) - before)
            taken.append((total, square))
        gain = float(min(np.float32(gain), np.finfo(np.float32).max))
        if always or gain > 0.0:
            self._sums, self._squares = [part[0] for part in taken], [part[1] for part in taken]
            self._rows += 1
        return gain

    def _start(self, shift: Sums) -> None:
        widths = [span.stop - span.start for span in spans(self._layers, len(shift))]
        self._shift, self._rows = shift, 0
        self._sums = [np.zeros(width) for width in widths]
        self._squares = [np.zeros((width, width)) for width in widths]

    def _spans(self) -> list[slice]:
        return spans(self._layers, len(self._shift))

    def _moments(self) -> State:
        return {
            "shift": self._shift.copy(),
            "rows": np.array(self._rows),
            "sums": np.concatenate(self._sums),
            "squares": np.concatenate([square.ravel() for square in self._squares]),
        }

    def _add(self, moments: State, sign: int) -> None:
        self._rows += sign * int(moments["rows"])
        done = 0
        for at, span in enumerate(self._spans()):
            width = span.stop - span.start
            self._sums[at] = self._sums[at] + sign * moments["sums"][span]
            square = moments["squares"][done : done + width * width].reshape(width, width)
            self._squares[at] = self._squares[at] + sign * square
            done += width * width


def _spread(rows: int, total: Sums, square: Sums) -> float:
    """Mean absolute covariance of a layer, from sums about a common shift."""
    if rows < 2:
        return 0.0
    mean = total / rows
    return float(np.abs(square / rows - np.outer(mean, mean)).mean())


CRITERIA.add("nlc", Covariance)
