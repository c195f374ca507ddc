"""Neuron coverage: which units have been active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, Features
from mlfuzz.coverage.bucketed import Bucketed
from mlfuzz.coverage.buckets import Buckets, Gains
from mlfuzz.coverage.features import Layer, extractor, spans
from mlfuzz.errors import ConfigError


class Active:
    """A unit is active where its value, scaled to [0, 1] over its layer in the same input, exceeds `threshold`."""

    def __init__(self, threshold: float, layers: Sequence[Layer]) -> None:
        if not 0.0 <= threshold < 1.0:
            raise ConfigError(f"nc: threshold must lie in [0, 1), not {threshold}")
        self._threshold, self._layers = threshold, tuple(layers)

    def fit(self, values: Tensor) -> None:
        """Nothing to profile: each input is scaled by itself."""

    def embed(self, values: Tensor) -> Tensor:
        active = torch.empty_like(values)
        for span in spans(self._layers, values.shape[1]):
            layer = values[:, span]
            # Not aminmax: along rows it takes 15 times as long as the two.
            low, high = layer.amin(1, keepdim=True), layer.amax(1, keepdim=True)
            # Compared unscaled: one pass less, and a layer of equal values divides nothing by 0. It has none active.
            torch.gt(layer, low + self._threshold * (high - low), out=active[:, span])
        # 0 x values: a row that is not finite becomes NaN, and is left out.
        return active.add_(values, alpha=0.0)

    def empty(self, width: int) -> Buckets:
        return Buckets(width)

    def cover(self, buckets: Buckets, features: Features) -> Gains:
        return buckets.flag(features > 0)

    def state(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Nothing was profiled."""


def neuron_coverage(*, threshold: float = 0.2, layers: Sequence[Layer] = (), columns: slice | None = None) -> Bucketed:
    """NC: the share of units that some input has activated.

    threshold: on values scaled over the layer, in [0, 1); 0.2 as in DeepTest. Units here are means over space or
    time, as DeepXplore takes them; its scaling is over the layer's single values, this one over its units.
    Source: Pei et al., DeepXplore, SOSP 2017, section 4.1; Tian et al., DeepTest, ICSE 2018, section 4.
    """
    return Bucketed("nc", Active(threshold, layers), extract=extractor("pooled", columns=columns))


CRITERIA.add("nc", neuron_coverage)
