"""Several criteria at once: their features side by side, their gains added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.base import CRITERIA, FIT, Criterion, Features, State
from mlfuzz.coverage.features import Layer
from mlfuzz.coverage.finite import finite_rows
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.registry import made


class Combined:
    """Gains where any of its parts does: the sum. A row that is not finite for one part is left out by all.

    Figures and arrays of state carry the part's name or number in front.
    """

    def __init__(self, parts: Sequence[Criterion]) -> None:
        if not parts:
            raise ConfigError("mixed coverage: name at least one part")
        self.parts = tuple(parts)
        self.name = "+".join(part.name for part in parts)
        self._widths: tuple[int, ...] = ()

    @property
    def monotone(self) -> bool:
        return all(part.monotone for part in self.parts)

    def fit(self, seen: Observation) -> None:
        for part in self.parts:
            part.fit(seen)
        self.embed(seen.take(np.arange(1)))

    def embed(self, seen: Observation) -> Tensor:
        columns = [part.embed(seen) for part in self.parts]
        self._widths = tuple(column.shape[1] for column in columns)
        return torch.cat(columns, 1)

    def observe(self, features: Features, parents: Features | None) -> NDArray[np.float32]:
        gains = np.zeros(len(features), np.float32)
        finite = np.flatnonzero(finite_rows(features))
        whole = features if len(finite) == len(features) else features[finite]
        before = parents if parents is None or whole is features else parents[finite]
        for part, columns in zip(self.parts, self._columns(features.shape[1]), strict=True):
            theirs = None if before is None else np.ascontiguousarray(before[:, columns])
            gains[finite] += part.observe(np.ascontiguousarray(whole[:, columns]), theirs)
        return gains

    def load(self, features: Features) -> None:
        whole = features[finite_rows(features)]
        for part, columns in zip(self.parts, self._columns(features.shape[1]), strict=True):
            part.load(np.ascontiguousarray(whole[:, columns]))

    def tune(self) -> None:
        for part in self.parts:
            part.tune()

    def covered(self) -> Mapping[str, float]:
        return {f"{part.name}.{name}": value for part in self.parts for name, value in part.covered().items()}

    def state(self) -> State:
        state: State = {FIT + "widths": np.array(self._widths, np.int64)}
        for at, part in enumerate(self.parts):
            state |= {_inside(at, name): value for name, value in part.state().items()}
        return state

    def restore(self, state: State) -> None:
        self._widths = tuple(int(width) for width in state.get(FIT + "widths", ()))
        for part, theirs in zip(self.parts, self._split(state), strict=True):
            part.restore(theirs)

    def merge(self, state: State) -> None:
        for part, theirs in zip(self.parts, self._split(state), strict=True):
            part.merge(theirs)

    def _columns(self, width: int) -> list[slice]:
        if sum(self._widths) != width:
            raise ConfigError(
                f"{self.name}: features of {width} columns, fitted on {sum(self._widths)}; calibrate again"
            )
        ends = np.cumsum(self._widths).tolist()
        return [slice(end - part, end) for end, part in zip(ends, self._widths, strict=True)]

    def _split(self, state: State) -> list[State]:
        return [
            {
                name.replace(f"{at}/", "", 1): value
                for name, value in state.items()
                if name.removeprefix(FIT).startswith(f"{at}/")
            }
            for at in range(len(self.parts))
        ]


def mixed(
    *, parts: Sequence[str | Mapping[str, Any]] = ("novelty", "nc"), layers: Sequence[Layer] = (), **shared: Any
) -> Combined:
    """Several criteria by name, or by tables of a name and arguments: {"name": "kmnc", "k": 100}.

    shared: arguments that all parts take. Raises UnknownNameError.
    """
    tables = [{"name": part} if isinstance(part, str) else dict(part) for part in parts]
    return Combined([made(CRITERIA, {**shared, **table}, layers=layers) for table in tables])


def _inside(at: int, name: str) -> str:
    return f"{FIT}{at}/{name.removeprefix(FIT)}" if name.startswith(FIT) else f"{at}/{name}"


CRITERIA.add("mixed", mixed)
