"""Every criterion that counts buckets: a measure says which ones a row hits, the rest is written here once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import FIT, Features, State
from mlfuzz.coverage.buckets import Buckets, Gains
from mlfuzz.coverage.features import Extract, units
from mlfuzz.coverage.finite import finite_rows
from mlfuzz.observation import Observation

_CACHED = 1 << 19
"""Numbers that are measured at a time."""


class Measure(Protocol):
    """Units of a row in, buckets it hits out."""

    def fit(self, values: Tensor) -> None:
        """Profile the units' values (N, units), all finite."""

    def embed(self, values: Tensor) -> Tensor:
        """(B, units) -> (B, P) float32 from which `cover` knows the buckets; NaN in rows that are not finite.

        Row by row: a part of the rows gives its part of the answer.
        """

    def empty(self, width: int) -> Buckets:
        """The accumulator for features of that width, nothing hit."""

    def cover(self, buckets: Buckets, features: Features) -> Gains: ...

    def state(self) -> dict[str, NDArray[Any]]:
        """What `fit` found."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None: ...


class Bucketed:
    """A criterion whose gain is the number of buckets that a row is the first to hit.

    extract: what the measure is given; by default all units, or the outputs of a black box.
    Figures: share of the buckets that are hit, covered and buckets.
    """

    monotone = True

    def __init__(self, name: str, measure: Measure, *, extract: Extract = units) -> None:
        self.name = name
        self.measure = measure
        self._extract = extract
        self._buckets: Buckets | None = None
        self._width = 0

    def fit(self, seen: Observation) -> None:
        values = self._extract(seen)
        self.measure.fit(values[torch.isfinite(values).all(1)])

    def embed(self, seen: Observation) -> Tensor:
        values = self._extract(seen)
        rows = max(1, _CACHED // max(1, values.shape[1]))
        if values.device.type != "cpu" or len(values) <= rows:
            return self.measure.embed(values)
        # Measures go over their values up to eight times, which is dear outside the cache.
        return torch.cat([self.measure.embed(values[at : at + rows]) for at in range(0, len(values), rows)])

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        buckets = self.buckets(features.shape[1])
        finite = finite_rows(features)
        if finite.all():
            return self.measure.cover(buckets, features)
        gains = np.zeros(len(features), np.float32)
        gains[finite] = self.measure.cover(buckets, features[finite])
        return gains

    def load(self, features: Features) -> None:
        self.observe(features, None)

    def tune(self) -> None:
        """Nothing here adapts."""

    def covered(self) -> Mapping[str, float]:
        buckets = self._buckets
        if buckets is None:
            return {"share": 0.0, "covered": 0.0, "buckets": 0.0}
        return {"share": buckets.share, "covered": float(buckets.covered), "buckets": float(buckets.open)}

    def buckets(self, width: int) -> Buckets:
        """The accumulator; made at the first look. width: of the features."""
        if self._buckets is None:
            self._buckets, self._width = self.measure.empty(width), width
        return self._buckets

    def state(self) -> State:
        state: State = {FIT + name: part for name, part in self.measure.state().items()}
        if self._buckets is not None:
            state |= {"bits": self._buckets.bits(), "width": np.array(self._width)}
        return state

    def restore(self, state: State) -> None:
        self.measure.restore(_fitted(state))
        self._buckets = None
        self.merge(state)

    def merge(self, state: State) -> None:
        if "bits" in state:
            self.buckets(int(state["width"])).absorb(state["bits"])


def _fitted(state: State) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(FIT): part for name, part in state.items() if name.startswith(FIT)}
