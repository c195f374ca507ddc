"""A coverage criterion: features of rows in, gain of each row out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.observation import Observation
from mlfuzz.registry import Registry

Features = NDArray[np.float32]
State = dict[str, NDArray[Any]]

FIT = "fit."
"""What `fit` found stands under names that begin so; restoring these alone gives a criterion as `fit` left it."""


class Criterion(Protocol):
    """Laws: observing a batch gives what its rows give one by one; a second time gains 0; restore loses nothing;
    merge commutes where `monotone`. `mlfuzz.testing.criteria` holds any criterion to them.

    `embed` runs on the device and is pure; its rows travel to the host in the batch's one packed copy, are stored with
    kept entries, and are what `observe` and a later restart work on.
    """

    @property
    def name(self) -> str: ...

    @property
    def monotone(self) -> bool:
        """Whether what is covered only grows, whatever the order."""

    def fit(self, seen: Observation) -> None:
        """Calibrate on the seeds and their first mutants; called once, before anything else, unless restored."""

    def embed(self, seen: Observation) -> Tensor:
        """(B, P) float32: what this criterion looks at."""

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        """Gains (B,) >= 0; folds the rows in.

        parents: features of each row's parent, an entry that gained or was loaded; NaN where it has none.
        Rows with a non-finite feature gain 0 and are not folded in.
        """

    def load(self, features: Features) -> None:
        """Fold in rows without judging them: entries at a restart, and entries that were kept for another reason."""

    def tune(self) -> None:
        """Between batches: adapt thresholds to the rate of acceptance."""

    def covered(self) -> Mapping[str, float]:
        """Figures for people: {"entries": 412, "radius": 0.31} or {"share": 0.38}."""

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...

    def merge(self, state: State) -> None:
        """Fold in another worker's state."""


CRITERIA: Registry[Callable[..., Criterion]] = Registry(
    "coverage criterion",
    plural="coverage criteria",
    shipped=(
        "mlfuzz.coverage.novelty",
        "mlfuzz.coverage.none",
        "mlfuzz.coverage.neuron",
        "mlfuzz.coverage.sections",
        "mlfuzz.coverage.boundary",
        "mlfuzz.coverage.topk",
        "mlfuzz.coverage.surprise",
        "mlfuzz.coverage.likelihood",
        "mlfuzz.coverage.combine",
    ),
)
