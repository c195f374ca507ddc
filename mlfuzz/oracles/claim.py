"""What a relation may claim of an answer, row by row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from torch import Tensor

from mlfuzz.errors import ConfigError
from mlfuzz.mutation import Chain

Expect: TypeAlias = Callable[[Tensor, Chain], Tensor]
"""The seed's answer (values,) and the chain in; the answer that the mutant should get (values,) out. Pure."""

NAMED: dict[str, Expect] = {
    "same": lambda before, chain: before,
    "negate": lambda before, chain: -before,
    "reverse": lambda before, chain: before.flip(0),
}
"""Equivariances by name: unchanged, negated (a mirrored steering angle), in reverse order (left and right swapped)."""


class Claim(Protocol):
    """One kind of relation, on one row."""

    def margin(self, before: Tensor, after: Tensor, chain: Chain) -> float:
        """> 0 where the relation is broken, NaN where it says nothing. before, after: (values,) finite."""

    def expected(self, before: Tensor, chain: Chain) -> Any:
        """For people: a class number, a value or a sentence."""


@dataclass(frozen=True, slots=True)
class Classes:
    """The class of the mutant is the seed's, or where `becomes` sends it."""

    becomes: tuple[int, ...] = ()

    def margin(self, before: Tensor, after: Tensor, chain: Chain) -> float:
        if len(after) < 2:
            raise ConfigError("a relation between classes needs a score a class (of: leave it out)")
        expected = self.expected(before, chain)
        others = after.clone()
        others[expected] = -math.inf
        return float(others.max() - after[expected])

    def expected(self, before: Tensor, chain: Chain) -> int:
        number = int(before.argmax())
        return self.becomes[number] if self.becomes else number


@dataclass(frozen=True, slots=True)
class Bounded:
    """The answer moves by at most `bound`."""

    bound: float

    def margin(self, before: Tensor, after: Tensor, chain: Chain) -> float:
        return _rms(after - before) - self.bound

    def expected(self, before: Tensor, chain: Chain) -> str:
        return f"within {self.bound:g} of {plain(before)}"


@dataclass(frozen=True, slots=True)
class Monotone:
    """The answer does not go against a parameter."""

    parameter: str
    within: float
    sign: float
    neutral: float

    def margin(self, before: Tensor, after: Tensor, chain: Chain) -> float:
        direction = self._direction(chain)
        return math.nan if direction == 0 else direction * float(before.mean() - after.mean()) - self.within

    def expected(self, before: Tensor, chain: Chain) -> str:
        bound = "at least" if self._direction(chain) > 0 else "at most"
        return f"{bound} {float(before.mean()):.4g}"

    def _direction(self, chain: Chain) -> float:
        """1 where the answer may only rise, -1 where it may only fall, 0 where the chain goes both ways or nowhere."""
        values = [step.params[self.parameter] for step in chain if self.parameter in step.params]
        signs = {math.copysign(1.0, value - self.neutral) for value in values
                 if isinstance(value, int | float) and value != self.neutral}  # fmt: skip
        return signs.pop() * self.sign if len(signs) == 1 else 0.0


@dataclass(frozen=True, slots=True)
class Equivariant:
    """The answer is a known function of the seed's."""

    expect: Expect
    within: float

    def margin(self, before: Tensor, after: Tensor, chain: Chain) -> float:
        return _rms(after - self.expect(before, chain)) - self.within

    def expected(self, before: Tensor, chain: Chain) -> Any:
        return plain(self.expect(before, chain))


def claim_of(
    name: str, invariant: bool, bounded: float | None, monotone: str, equivariant: str | Sequence[int] | Expect | None,
    within: float, sign: float, neutral: float,
) -> Claim:  # fmt: skip
    if invariant:
        return Classes()
    if bounded is not None:
        return Bounded(bounded)
    if monotone:
        return Monotone(monotone, within, sign, neutral)
    if callable(equivariant):
        return Equivariant(equivariant, within)
    if isinstance(equivariant, str):
        if equivariant not in NAMED:
            raise ConfigError(f"relation {name}: equivariant is one of {', '.join(NAMED)}, not {equivariant!r}")
        return Equivariant(NAMED[equivariant], within)
    becomes = tuple(equivariant or ())
    if sorted(becomes) != list(range(len(becomes))) or len(becomes) < 2:
        raise ConfigError(f"relation {name}: a list of class numbers holds each once, not {list(becomes)}")
    return Classes(becomes)


def plain(values: Tensor) -> float | list[float]:
    """One number as a number, several (at most 32) as a list."""
    numbers = [round(float(value), 6) for value in values[:32]]
    return numbers[0] if len(numbers) == 1 else numbers


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
