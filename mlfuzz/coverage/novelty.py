"""Nearest-neighbour novelty: a row is new where nothing known is within a radius of it.

Source: Odena, Olsson, Andersen and Goodfellow, TensorFuzz, ICML 2019, section 3.3. Theirs is a fixed threshold on the
squared distance of raw outputs; 1.0 admits more than 99.9 % of mutants where logits are large. Here features are
standardised and the radius holds a rate, unless a number is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage import embedding
from mlfuzz.coverage.base import CRITERIA, FIT, Features, State
from mlfuzz.coverage.distance import Squares, first_of_their_kind, norms_of, squared, usable
from mlfuzz.coverage.embedding import Embedding
from mlfuzz.coverage.features import Layer, extractor
from mlfuzz.coverage.index import EXACT, Index
from mlfuzz.coverage.radius import TARGET_RATE, Radius
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation

GAIN_LIMIT = 10.0
"""A row may be infinitely far from everything; its gain must not be."""

_CALIBRATED_ON = 2048


class Novelty:
    """Gain of a new row: its distance to what is known, in radii, from 1 to GAIN_LIMIT; of any other row 0.

    Known is what lies within the radius of an entry, of its own parent, or of a new row earlier in its batch. A row
    that was kept for another reason (its margin) counts for its own children; `load` it, to count for all.
    features, columns, layers: as `extractor` takes them. standardise: False for distances in the features' own units.
    radius: a distance (TensorFuzz's threshold is its square), or "auto" for one that holds `target_rate`.
    Figures: entries, radius, acceptance (of all rows), accepting (of about the last 4,096: where it stays far above
    the target, the radius means nothing), tier (0: every distance exact, 1: a graph for all but the latest).
    """

    name = "novelty"

    def __init__(
        self,
        *,
        features: str = "pooled",
        layers: Sequence[Layer] = (),
        columns: slice | None = None,
        radius: float | Literal["auto"] = "auto",
        target_rate: float = TARGET_RATE,
        standardise: bool = True,
        exact: int = EXACT,
    ) -> None:
        if isinstance(radius, str) and radius != "auto":
            raise ConfigError(f"novelty: radius must be 'auto' or a number from 0 on, not {radius!r}")
        self._extract = extractor(features, layers=layers, columns=columns)
        self._standardise, self._exact = standardise, exact
        self._embedding: Embedding | None = None
        self._index: Index | None = None
        self.radius = Radius(None if isinstance(radius, str) else float(radius), target=target_rate)

    @property
    def monotone(self) -> bool:
        """Only with a fixed radius: one that shrinks uncovers."""
        return not self.radius.adapts

    def fit(self, seen: Observation) -> None:
        """Scale, components and first radius. Seeds with some of their mutants say most; one seed is enough."""
        features = self._extract(seen)
        self._embedding = embedding.fit(features) if self._standardise else embedding.identity(features.shape[1])
        rows = self._embedding.embed(features).cpu().numpy()
        rows = rows[usable(rows)][-_CALIBRATED_ON:]
        if not self.radius.start(_to_others(rows)) and len(rows):
            # Nothing to compare with. Too wide rather than too narrow: the first batch will say better.
            self.radius.guess(max(0.1 * float(np.sqrt(norms_of(rows).max())), float(np.sqrt(rows.shape[1]))))

    def embed(self, seen: Observation) -> Tensor:
        features = self._extract(seen)
        if self._embedding is None:
            self._embedding = embedding.identity(features.shape[1])
        return self._embedding.embed(features)

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        index, limit = self._indexed(features.shape[1]), np.float32(self.radius.value**2)
        gains, finite = np.zeros(len(features), np.float32), usable(features)
        near = np.full(len(features), np.inf, np.float32)
        if parents is not None:
            with np.errstate(invalid="ignore", over="ignore"):
                near = np.fmin(near, squared(features, parents))
        open_rows = np.flatnonzero(finite & (near > limit))
        enough = 0.0 if self.radius.collects else float(limit)
        near[open_rows] = np.minimum(near[open_rows], index.nearest(features[open_rows], enough=enough))
        open_rows = open_rows[near[open_rows] > limit]
        if len(open_rows):
            chosen, between = first_of_their_kind(features[open_rows], float(limit))
            open_rows = open_rows[chosen]
            index.add(features[open_rows])
            near[open_rows] = np.minimum(near[open_rows], between)
            with np.errstate(divide="ignore"):
                gains[open_rows] = np.clip(np.sqrt(near[open_rows]) / np.float32(self.radius.value), 1.0, GAIN_LIMIT)
        self.radius.count(len(open_rows), near[finite])
        return gains

    def load(self, features: Features) -> None:
        index = self._indexed(features.shape[1])
        index.add(features[usable(features)])
        index.consolidate()

    def tune(self) -> None:
        self.radius.step()
        if self._index is not None:
            self._index.consolidate()

    def covered(self) -> Mapping[str, float]:
        index, radius = self._index, self.radius
        return {
            "entries": 0.0 if index is None else float(len(index)),
            "radius": radius.value,
            "acceptance": radius.accepted / max(1, radius.rows),
            "accepting": radius.recent,
            "tier": 0.0 if index is None or not index.consolidated else 1.0,
        }

    def state(self) -> State:
        state: State = dict(self.radius.state())
        if self._embedding is not None:
            state[FIT + "radius"] = self.radius.first
            state |= {FIT + name: part for name, part in self._embedding.state().items()}
        if self._index is not None:
            state |= {"vectors": self._index.vectors.copy(), "settled": np.array(self._index.consolidated)}
        return state

    def restore(self, state: State) -> None:
        fitted = {name.removeprefix(FIT): part for name, part in state.items() if name.startswith(FIT)}
        if fitted:
            self.radius.begin(fitted.pop("radius"))
            self._embedding = Embedding.restore(fitted)
        if "radius" in state:
            self.radius.restore(state)
        if self._index is not None and np.array_equal(self._index.vectors, state.get("vectors", ())):
            return  # of what `load` has taken in just now, the graph would be built once more
        self._index = None
        if "vectors" in state:
            self._indexed(state["vectors"].shape[1]).add(np.ascontiguousarray(state["vectors"], np.float32))
            self._indexed(state["vectors"].shape[1]).consolidate(int(state["settled"]))

    def merge(self, state: State) -> None:
        """Takes in the other's entries that this one does not hold already. Each worker keeps its own radius."""
        theirs = np.ascontiguousarray(state.get("vectors", np.empty((0, 0))), np.float32)
        if len(theirs):
            index = self._indexed(theirs.shape[1])
            index.add(theirs[index.nearest(theirs) > 0.0])
            index.consolidate()

    def _indexed(self, width: int) -> Index:
        if self._index is None:
            self._index = Index(width, exact=self._exact)
        return self._index


def _to_others(rows: Features) -> Squares:
    """Squared distance of each row to the nearest other one; infinity where there is none."""
    if len(rows) < 2:
        return np.full(len(rows), np.inf, np.float32)
    apart = torch.cdist(torch.from_numpy(rows), torch.from_numpy(rows)).fill_diagonal_(float("inf"))
    return apart.amin(1).square().numpy()


CRITERIA.add("novelty", Novelty)
