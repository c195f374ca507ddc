"""No coverage: nothing is ever new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, Features, State
from mlfuzz.observation import Observation


class Nothing:
    """Gains nothing, looks at nothing and costs nothing: for baselines that must not be guided by coverage."""

    name = "none"
    monotone = True

    def __init__(self, **_: Any) -> None: ...

    def fit(self, seen: Observation) -> None: ...

    def embed(self, seen: Observation) -> Tensor:
        return seen.activations.new_zeros((len(seen.activations), 1))

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        return np.zeros(len(features), np.float32)

    def load(self, features: Features) -> None: ...

    def tune(self) -> None: ...

    def covered(self) -> Mapping[str, float]:
        return {}

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None: ...

    def merge(self, state: State) -> None: ...


CRITERIA.add("none", Nothing)
