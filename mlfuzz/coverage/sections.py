"""k-multisection neuron coverage: where in its usual range a unit has been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, Features
from mlfuzz.coverage.bucketed import Bucketed
from mlfuzz.coverage.buckets import Buckets, Gains
from mlfuzz.coverage.features import Layer, extractor
from mlfuzz.coverage.ranges import Ranges
from mlfuzz.errors import ConfigError


class Sections:
    """Slots of a unit: 0 below its range, 1 .. k the sections, k + 1 above. The outer two do not count."""

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ConfigError(f"kmnc: k must be at least 1, not {k}")
        self.ranges, self._k = Ranges(), k

    def fit(self, values: Tensor) -> None:
        self.ranges.fit(values)

    def embed(self, values: Tensor) -> Tensor:
        low, high, _ = self.ranges.on(values.device)
        scale = torch.where(high > low, self._k / (high - low), torch.zeros_like(low))
        places = (values - low).mul_(scale).floor_().add_(1.0).clamp_(0.0, float(self._k))
        # Added as numbers: masks cost ten times as much. What is above its range stands in the last section by now.
        above = torch.gt(values, high, out=torch.empty_like(values))
        return places.add_(above).add_(values, alpha=0.0)

    def empty(self, width: int) -> Buckets:
        closed = np.zeros((width, self._k + 2), np.bool_)
        closed[:, [0, -1]] = True
        closed[self.ranges.empty_units()] = True
        return Buckets(width, self._k + 2, closed=closed)

    def cover(self, buckets: Buckets, features: Features) -> Gains:
        return buckets.place(features)

    def state(self) -> dict[str, NDArray[Any]]:
        return self.ranges.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.ranges.restore(state)


def sections(*, k: int = 1000, layers: Sequence[Layer] = (), columns: slice | None = None) -> Bucketed:
    """KMNC: the share of the k equal sections of the units' ranges that some input has reached.

    A section is closed below and open above, the last one closed. A unit with an empty range has none.
    One byte a section: 10 MB at 10,000 units. layers: not looked at.
    Source: Ma et al., DeepGauge, ASE 2018, section 3.1.1.
    """
    return Bucketed("kmnc", Sections(k), extract=extractor("pooled", columns=columns))


CRITERIA.add("kmnc", sections)
