"""Surprise coverage: how unlike the profiled rows of its own class a row is, in buckets of equal width.

Source: Kim, Feldt and Yoo, Guiding Deep Learning System Testing using Surprise Adequacy, ICSE 2019, section 3.4.
The class is the one that the target predicts: the place of the largest output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, Features
from mlfuzz.coverage.bucketed import Bucketed
from mlfuzz.coverage.buckets import Buckets, Gains
from mlfuzz.coverage.features import Layer, extractor, logits
from mlfuzz.coverage.traces import Density, Mahalanobis, NearestTraces, Profile
from mlfuzz.errors import ConfigError, UsageError
from mlfuzz.observation import Observation

MOST_TRACES = 4096
MOST_UNITS = 300
"""Of the units, those that vary most: densities over more say nothing, and cost their square."""

_USUAL = 0.95
_HEADROOM = 2.0


class Surprise:
    """A bucket for each of `count` equal parts of [low, high]; what is more surprising counts for nothing.

    high: None takes twice what 95 % of half the profiled rows stay below, against the other half. Not the most: a
    trace beside another class makes its neighbours' DSA as large as you like, and all others fall into one bucket.
    Values come with the class as their last column, as `with_class` puts it.
    """

    def __init__(self, profile: Profile, count: int, high: float | None) -> None:
        if count < 1:
            raise ConfigError(f"surprise: buckets must be at least 1, not {count}")
        self.profile, self._count, self._asked = profile, count, high
        self._range: tuple[float, float] | None = None
        self._chosen = torch.zeros(0, dtype=torch.int64)

    def fit(self, values: Tensor) -> None:
        rows = values[:: -(-len(values) // MOST_TRACES) or 1].detach().cpu()
        most = min(MOST_UNITS, rows.shape[1] - 1)
        spread = rows[:, :-1].std(0, correction=0) if len(rows) else torch.zeros(rows.shape[1] - 1)
        self._chosen = torch.topk(spread, most).indices.sort().values
        traces, classes = self._split(rows)
        self.profile.fit(traces[::2], classes[::2])
        held = self.profile.score(traces[1::2], classes[1::2])
        held = held[torch.isfinite(held)]
        low = min(0.0, float(held.min())) if len(held) else 0.0
        high = _HEADROOM * float(held.quantile(_USUAL)) if len(held) else 1.0
        self._range = (low, self._asked if self._asked is not None else max(high, low + 1e-6))
        self.profile.fit(traces, classes)

    def surprise(self, values: Tensor) -> Tensor:
        """(B,) of rows with their class; infinity for a class that was not profiled."""
        return self.profile.score(*self._split(values))

    def embed(self, values: Tensor) -> Tensor:
        if self._range is None:
            raise UsageError("surprise needs profiled rows: call fit() or restore() first")
        low, high = self._range
        places = (self.surprise(values) - low).mul_(self._count / (high - low)).floor_()
        return places.clamp_(0.0, float(self._count)).add_((values * 0.0).sum(1))[:, None]

    def empty(self, width: int) -> Buckets:
        return Buckets(1, self._count + 1, closed=np.arange(self._count + 1) == self._count)

    def cover(self, buckets: Buckets, features: Features) -> Gains:
        return buckets.place(features)

    def state(self) -> dict[str, NDArray[Any]]:
        if self._range is None:
            return {}
        parts = {name: part.cpu().numpy() for name, part in self.profile.state().items()}
        return {**parts, "range": np.array(self._range), "chosen": self._chosen.cpu().numpy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        if "range" not in state:
            return
        parts = {name: torch.from_numpy(part.copy()) for name, part in state.items()}
        low, high = parts.pop("range").tolist()
        self._range, self._chosen = (low, high), parts.pop("chosen")
        self.profile.restore(parts)

    def _split(self, values: Tensor) -> tuple[Tensor, Tensor]:
        self._chosen = self._chosen.to(values.device)
        # A row that is not finite has no class; what it scores is overwritten.
        classes = torch.nan_to_num(values[:, -1], nan=-1.0, posinf=-1.0, neginf=-1.0).to(torch.int64)
        return values.index_select(1, self._chosen), classes


def with_class(name: str, layers: Sequence[Layer], columns: slice | None) -> Callable[[Observation], Tensor]:
    """Features with the predicted class as one more column. name: "" for the last layer where layers are known."""
    chosen = extractor(name or ("penultimate" if layers else "pooled"), layers=layers, columns=columns)

    def extract(seen: Observation) -> Tensor:
        scores = logits(seen)
        # A score that is not finite makes its row so.
        label = scores.argmax(1).to(torch.float32) + (scores * 0.0).sum(1)
        return torch.cat([chosen(seen), label[:, None].to(seen.activations.device)], 1)

    return extract


def likelihood_surprise(
    *,
    buckets: int = 1000,
    high: float | None = None,
    features: str = "",
    layers: Sequence[Layer] = (),
    columns: slice | None = None,
) -> Bucketed:
    """LSC: the share of the buckets of likelihood-based surprise (LSA) that some input has hit.

    high: where the buckets end; None: by the profiled rows. features, layers, columns: as `extractor` takes them, by
    default the last layer. The covariance is shrunk, where the original drops units until it can be inverted.
    """
    return Bucketed("lsc", Surprise(Density(), buckets, high), extract=with_class(features, layers, columns))


def distance_surprise(
    *,
    buckets: int = 1000,
    high: float | None = None,
    features: str = "",
    layers: Sequence[Layer] = (),
    columns: slice | None = None,
) -> Bucketed:
    """DSC: the share of the buckets of distance-based surprise (DSA). Arguments as `likelihood_surprise`."""
    return Bucketed("dsc", Surprise(NearestTraces(), buckets, high), extract=with_class(features, layers, columns))


def mahalanobis_surprise(
    *,
    buckets: int = 1000,
    high: float | None = None,
    features: str = "",
    layers: Sequence[Layer] = (),
    columns: slice | None = None,
) -> Bucketed:
    """MDSC: the share of the buckets of Mahalanobis-based surprise (MDSA). Arguments as `likelihood_surprise`."""
    return Bucketed("mdsc", Surprise(Mahalanobis(), buckets, high), extract=with_class(features, layers, columns))


CRITERIA.add("lsc", likelihood_surprise)
CRITERIA.add("dsc", distance_surprise)
CRITERIA.add("mdsc", mahalanobis_surprise)
