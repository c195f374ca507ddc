"""A source of chance for many rows, each from its own seed: the numbers of Python's `Random(seed)`, in less time.

`Random(seed)` is seeded twice and asks what kind of a seed it has; `sample`, `choice` and `randrange` ask what kind of
arguments they have, and call a function for each number. Operators draw a few numbers a row, so that is most of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


class Chance(Random):
    """Begins anew at each row's seed with `seed`; then every method gives what that of `Random(seed)` gives."""

    def seed(self, a: Any = None, version: int = 2) -> None:
        if type(a) is int:
            super(Random, self).seed(a)  # what Random.seed does for a whole number, in the end
            self.gauss_next = None
        else:
            super().seed(a, version)

    def sample(self, population: Sequence[T], k: int, *, counts: Iterable[int] | None = None) -> list[T]:
        """`k` of the population in the order in which they are drawn. Source: CPython's `Random.sample`."""
        n = len(population)
        if counts is not None or not 0 <= k <= n:
            return super().sample(population, k, counts=counts)
        bits = self.getrandbits
        found = []
        if n <= _room_of_set(k):
            pool = list(population)
            for left in range(n, n - k, -1):
                width = left.bit_length()
                at = bits(width)
                while at >= left:
                    at = bits(width)
                found.append(pool[at])
                pool[at] = pool[left - 1]
            return found
        width, taken = n.bit_length(), set()
        for _ in range(k):
            at = bits(width)
            while at >= n or at in taken:
                at = bits(width)
            taken.add(at)
            found.append(population[at])
        return found

    def choice(self, seq: Any) -> Any:
        n = len(seq)
        if not n:
            return super().choice(seq)
        width = n.bit_length()
        at = self.getrandbits(width)
        while at >= n:
            at = self.getrandbits(width)
        return seq[at]

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        n = 0 if stop is None or step != 1 else stop - start
        if n <= 0:
            return super().randrange(start, stop, step)
        width = n.bit_length()
        at = self.getrandbits(width)
        while at >= n:
            at = self.getrandbits(width)
        return start + at


@cache
def _room_of_set(k: int) -> int:
    """Up to so many of which `k` are drawn, a list of those left takes less memory than a set of those taken."""
    return 21 + (4 ** math.ceil(math.log(k * 3, 4)) if k > 5 else 0)
