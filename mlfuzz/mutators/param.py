"""Parameter spaces of mutators: how a column is drawn on the host, and which values are simpler.

Drawn on the host: a device's generator gives other numbers on another device, and a finding must replay there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.mutation import Value

Drawn: TypeAlias = NDArray[np.generic]


class Param(Protocol):
    """The space of one parameter.

    unit: in words, for people ("degrees", "dB", "px"; "seed" is hidden).
    neutral: the value that changes nothing, or None.
    sums: the limit that this parameter counts towards over a whole chain ("rotation", "shift"), or "".
    """

    @property
    def unit(self) -> str: ...

    @property
    def neutral(self) -> Value | None: ...

    @property
    def sums(self) -> str: ...

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        """n values, as they are recorded (float32, int64 or str)."""

    def severity(self, values: Drawn) -> NDArray[np.float32]:
        """How far from neutral, in [0, 1] of the range; 0 for parameters without a neutral value."""

    def milder(self, values: Drawn, share: NDArray[np.float32]) -> Drawn:
        """Each value moved so that its severity is `share` (in [0, 1]) of what it was."""

    def simpler(self, value: Value) -> Iterator[Value]:
        """Candidates a shrinker may try instead, simplest first; finite, never `value` itself."""

    def admits(self, value: Value) -> bool:
        """Whether a recorded value is of the right type and finite; it may lie outside the range drawn from."""


@dataclass(frozen=True, slots=True)
class Real:
    """A float32 in [low, high], drawn evenly."""

    low: float
    high: float
    neutral: float | None = None
    unit: str = ""
    sums: str = ""

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        return rng.uniform(self.low, self.high, n).astype(np.float32)

    def severity(self, values: Drawn) -> NDArray[np.float32]:
        if self.neutral is None:
            return np.zeros(len(values), np.float32)
        return _share(values.astype(np.float64) - self.neutral, self.low - self.neutral, self.high - self.neutral)

    def milder(self, values: Drawn, share: NDArray[np.float32]) -> Drawn:
        if self.neutral is None:
            return values
        return (self.neutral + (values.astype(np.float64) - self.neutral) * share).astype(np.float32)

    def simpler(self, value: Value) -> Iterator[Value]:
        number = float(value)  # type: ignore[arg-type]  # admits() has said that it is a number
        anchor = self.neutral if self.neutral is not None else (self.low + self.high) / 2
        seen = {number}
        for candidate in (anchor, anchor + (number - anchor) / 2, *(round(number, digits) for digits in (0, 1, 2))):
            rounded = float(np.float32(candidate))
            if rounded not in seen:
                seen.add(rounded)
                yield rounded

    def admits(self, value: Value) -> bool:
        return isinstance(value, int | float) and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class LogReal:
    """A float32 in [low, high], both > 0, drawn evenly in its logarithm; neutral too must be > 0."""

    low: float
    high: float
    neutral: float | None = None
    unit: str = ""
    sums: str = ""

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        return np.exp(rng.uniform(math.log(self.low), math.log(self.high), n)).astype(np.float32)

    def severity(self, values: Drawn) -> NDArray[np.float32]:
        if self.neutral is None:
            return np.zeros(len(values), np.float32)
        distance = np.log(np.maximum(values.astype(np.float64), 1e-30) / self.neutral)
        return _share(distance, math.log(self.low / self.neutral), math.log(self.high / self.neutral))

    def milder(self, values: Drawn, share: NDArray[np.float32]) -> Drawn:
        if self.neutral is None:
            return values
        return (self.neutral * (values.astype(np.float64) / self.neutral) ** share).astype(np.float32)

    def simpler(self, value: Value) -> Iterator[Value]:
        return (number for number in Real(self.low, self.high, self.neutral).simpler(value) if self.admits(number))

    def admits(self, value: Value) -> bool:
        return isinstance(value, int | float) and math.isfinite(value) and value > 0


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer in [low, high], both included."""

    low: int
    high: int
    neutral: int | None = None
    unit: str = ""
    sums: str = ""

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        return rng.integers(self.low, self.high + 1, n)

    def severity(self, values: Drawn) -> NDArray[np.float32]:
        if self.neutral is None:
            return np.zeros(len(values), np.float32)
        return _share(values.astype(np.float64) - self.neutral, self.low - self.neutral, self.high - self.neutral)

    def milder(self, values: Drawn, share: NDArray[np.float32]) -> Drawn:
        if self.neutral is None:
            return values
        return np.trunc(self.neutral + (values.astype(np.float64) - self.neutral) * share).astype(np.int64)

    def simpler(self, value: Value) -> Iterator[Value]:
        number = int(value)  # type: ignore[arg-type]  # admits() has said that it is a number
        anchor = self.neutral if self.neutral is not None else self.low
        seen = {number}
        for candidate in (anchor, anchor + (number - anchor) // 2, number - (1 if number > anchor else -1)):
            if candidate not in seen:
                seen.add(candidate)
                yield candidate

    def admits(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)


class _WithoutScale:
    """No value of these is further from neutral than another: their severity is 0."""

    __slots__ = ()

    def severity(self, values: Drawn) -> NDArray[np.float32]:
        return np.zeros(len(values), np.float32)

    def milder(self, values: Drawn, share: NDArray[np.float32]) -> Drawn:
        return values


@dataclass(frozen=True, slots=True)
class Choice(_WithoutScale):
    """One of a few values of one type; the first is the simplest."""

    values: tuple[str | int | float, ...]
    neutral: str | int | float | None = None
    unit: str = ""
    sums: str = ""

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        return np.asarray(self.values)[rng.integers(0, len(self.values), n)]

    def simpler(self, value: Value) -> Iterator[Value]:
        for candidate in self.values:
            if candidate == value:
                return
            yield candidate

    def admits(self, value: Value) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class Seed(_WithoutScale):
    """Where a row's noise comes from: a number below 2**31, for `mutators/noise.py`."""

    unit: str = "seed"
    neutral: None = None
    sums: str = ""

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        return rng.integers(0, 2**31, n)

    def simpler(self, value: Value) -> Iterator[Value]:
        return iter([seed for seed in range(4) if seed != value])

    def admits(self, value: Value) -> bool:
        return isinstance(value, int) and 0 <= value < 2**31


class _Recorded(_WithoutScale):
    """Values that no column is drawn of, and none of which is simpler than another."""

    __slots__ = ()

    def draw(self, n: int, rng: np.random.Generator) -> Drawn:
        raise TypeError(f"a parameter of {type(self).__name__} is recorded, never drawn")

    def simpler(self, value: Value) -> Iterator[Value]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Blob(_Recorded):
    """The digest of stored content (64 hex digits): never drawn, only recorded by searches."""

    unit: str = "blob"
    neutral: None = None
    sums: str = ""

    def admits(self, value: Value) -> bool:
        return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Sites(_Recorded):
    """Positions or strings that `propose` chose for each row: recorded, never drawn. Simpler: fewer of them."""

    unit: str = ""
    neutral: None = None
    sums: str = ""

    def admits(self, value: Value) -> bool:
        return isinstance(value, list)


def columns_of(space: dict[str, Param], values: Sequence[dict[str, Value]]) -> dict[str, Drawn | list[Value]]:
    """Recorded parameters of n rows -> columns, with the types they were drawn in."""
    columns: dict[str, Drawn | list[Value]] = {}
    for name, param in space.items():
        column = [value[name] for value in values]
        columns[name] = column if isinstance(param, Sites) else _typed(param, column)
    return columns


def _typed(param: Param, column: list[Value]) -> Drawn:
    if isinstance(param, Real | LogReal):
        return np.asarray(column, np.float32)
    if isinstance(param, Integer | Seed):
        return np.asarray(column, np.int64)
    return np.asarray(column)


def _share(distance: NDArray[np.float64], low: float, high: float) -> NDArray[np.float32]:
    below, above = max(abs(low), 1e-12), max(abs(high), 1e-12)
    reach = above if below == above else np.where(distance < 0, below, above)
    return np.minimum(np.abs(distance) / reach, 1.0).astype(np.float32)
