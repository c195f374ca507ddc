"""Top-k coverage: which units have led their layer, and in which company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, Features, State
from mlfuzz.coverage.bucketed import Bucketed
from mlfuzz.coverage.buckets import Buckets, Gains
from mlfuzz.coverage.features import Layer, extractor, spans, units
from mlfuzz.coverage.finite import finite_rows
from mlfuzz.errors import ConfigError, UsageError
from mlfuzz.observation import Observation


def leaders(values: Tensor, k: int, layers: Sequence[Layer]) -> Tensor:
    """The k most active units of each layer as column numbers (B, layers x k), rising within a layer.

    A layer of fewer units gives all of them. NaN in rows that are not finite.
    """
    found = []
    for span in spans(layers, values.shape[1]):
        layer = values[:, span]
        top = torch.topk(layer, min(k, layer.shape[1]), dim=1, sorted=False).indices
        found.append(top.sort(1).values + span.start)
    return torch.cat(found, 1).to(torch.float32).add_((values * 0.0).sum(1, keepdim=True))


class Leaders:
    """Hits the units that are among the `k` most active of their layer. Column numbers are exact up to 2**24 units."""

    def __init__(self, k: int, layers: Sequence[Layer]) -> None:
        self._k, self._layers, self._units = _checked(k), tuple(layers), 0

    def fit(self, values: Tensor) -> None:
        self._units = values.shape[1]

    def embed(self, values: Tensor) -> Tensor:
        return leaders(values, self._k, self._layers)

    def empty(self, width: int) -> Buckets:
        if not self._units:
            raise UsageError("tknc: the number of units is not known yet: call fit() or restore() first")
        return Buckets(self._units)

    def cover(self, buckets: Buckets, features: Features) -> Gains:
        return buckets.pick(features.astype(np.int64))

    def state(self) -> dict[str, NDArray[Any]]:
        return {"units": np.array(self._units)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._units = int(state.get("units", 0))


class Patterns:
    """TKNP: a row gains 1 where its set of leaders has not been seen. Patterns are kept as 64-bit hashes.

    Figures: patterns.
    """

    name = "tknp"
    monotone = True

    def __init__(self, k: int, layers: Sequence[Layer], columns: slice | None) -> None:
        self._k, self._layers, self._columns = _checked(k), tuple(layers), columns
        self._known = np.empty(0, np.uint64)

    def fit(self, seen: Observation) -> None:
        """Nothing to profile."""

    def embed(self, seen: Observation) -> Tensor:
        return leaders(units(seen, self._columns), self._k, self._layers)

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        gains, finite = np.zeros(len(features), np.float32), np.flatnonzero(finite_rows(features))
        keys, first = np.unique(_hashes(features[finite]), return_index=True)
        new = ~np.isin(keys, self._known, assume_unique=True)
        gains[finite[first[new]]] = 1.0
        self._known = np.union1d(self._known, keys[new]) if new.any() else self._known
        return gains

    def load(self, features: Features) -> None:
        self.observe(features, None)

    def tune(self) -> None:
        """Nothing here adapts."""

    def covered(self) -> Mapping[str, float]:
        return {"patterns": float(len(self._known))}

    def state(self) -> State:
        return {"patterns": self._known.copy()}

    def restore(self, state: State) -> None:
        self._known = np.array(state.get("patterns", ()), np.uint64)

    def merge(self, state: State) -> None:
        self._known = np.union1d(self._known, np.array(state.get("patterns", ()), np.uint64))


def top_k(*, k: int = 2, layers: Sequence[Layer] = (), columns: slice | None = None) -> Bucketed:
    """TKNC: the share of units that some input has put among the k most active of their layer.

    Source: Ma et al., DeepGauge, ASE 2018, section 3.2.1 (k of 1, 2 and 3).
    """
    return Bucketed("tknc", Leaders(k, layers), extract=extractor("pooled", columns=columns))


def top_k_patterns(*, k: int = 2, layers: Sequence[Layer] = (), columns: slice | None = None) -> Patterns:
    """TKNP: the number of different sets of the k most active units of all layers.

    Source: Ma et al., DeepGauge, ASE 2018, section 3.2.2.
    """
    return Patterns(k, layers, columns)


def _checked(k: int) -> int:
    if k < 1:
        raise ConfigError(f"top-k coverage: k must be at least 1, not {k}")
    return k


def _hashes(features: Features) -> NDArray[np.uint64]:
    """One number a row: multiply-and-mix over its columns (the mixer of SplitMix64: Steele et al., OOPSLA 2014)."""
    hashes = np.zeros(len(features), np.uint64)
    for column in features.T:
        mixed = (hashes ^ column.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes = mixed ^ (mixed >> np.uint64(31))
    return hashes


CRITERIA.add("tknc", top_k)
CRITERIA.add("tknp", top_k_patterns)
