"""Boundary coverage: which units have left their usual range."""

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


class Corners:
    """-1 where a unit is below its range widened by `sigmas` standard deviations, 1 above it, else 0."""

    def __init__(self, sigmas: float, *, lower: bool) -> None:
        if not sigmas >= 0.0:
            raise ConfigError(f"boundary coverage: sigmas must be 0 or more, not {sigmas}")
        self.ranges, self._sigmas, self._lower = Ranges(), sigmas, lower

    def fit(self, values: Tensor) -> None:
        self.ranges.fit(values)

    def embed(self, values: Tensor) -> Tensor:
        low, high, spread = self.ranges.on(values.device)
        sides = torch.gt(values, high + self._sigmas * spread, out=torch.empty_like(values))
        if self._lower:
            sides.sub_(torch.lt(values, low - self._sigmas * spread, out=torch.empty_like(values)))
        return sides.add_(values, alpha=0.0)

    def empty(self, width: int) -> Buckets:
        return Buckets(2 * width if self._lower else width)

    def cover(self, buckets: Buckets, features: Features) -> Gains:
        above = features > 0
        return buckets.flag(np.concatenate([above, features < 0], axis=1) if self._lower else above)

    def state(self) -> dict[str, NDArray[Any]]:
        return self.ranges.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.ranges.restore(state)


def boundary(*, sigmas: float = 0.0, layers: Sequence[Layer] = (), columns: slice | None = None) -> Bucketed:
    """NBC: the share of the units' two corners, below and above their ranges, that some input has reached.

    sigmas: how far beyond the range a corner begins, in the unit's standard deviations (DeepGauge tries 0, 0.5 and 1).
    layers: not looked at. Source: Ma et al., DeepGauge, ASE 2018, section 3.1.2.
    """
    return Bucketed("nbc", Corners(sigmas, lower=True), extract=extractor("pooled", columns=columns))


def strong_activation(*, sigmas: float = 0.0, layers: Sequence[Layer] = (), columns: slice | None = None) -> Bucketed:
    """SNAC: the share of units that some input has driven above their range. Arguments as `boundary`.

    Source: Ma et al., DeepGauge, ASE 2018, section 3.1.3.
    """
    return Bucketed("snac", Corners(sigmas, lower=False), extract=extractor("pooled", columns=columns))


CRITERIA.add("nbc", boundary)
CRITERIA.add("snac", strong_activation)
