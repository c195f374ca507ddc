"""DeepTest's rule: the newest entry first, until ten tries at it have failed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import ConfigError
from mlfuzz.schedulers.base import SCHEDULERS, Gains, Keys, Margins, News, Rows
from mlfuzz.schedulers.entries import reach


class Stack:
    """A stack of entries: the topmost are tried until `tries` of an entry's children have gained nothing; then it goes.

    Seeds are pushed in their order, so the last comes first. A batch works on as many entries from the top as have
    tries left for it; of one row it is the published algorithm. An empty stack, where that ends, is filled again.
    Source: Tian et al., DeepTest, ICSE 2018, algorithm 1 (maxFailedTries; 10 in the released guided/ scripts).
    Raises ConfigError where tries is below 1.
    """

    name = "stack"
    _failed: Rows
    _stack: list[int]
    _size: int

    def __init__(self, *, tries: int = 10) -> None:
        if tries < 1:
            raise ConfigError(f"scheduler stack: tries must be 1 or more, not {tries}")
        self.tries = tries
        self._clear()

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        start = self._size
        self._size += len(seeds)
        self._failed = reach(self._failed, self._size, 0)
        self._stack += range(start, self._size)

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        if not self._stack:
            self._stack = list(range(self._size))
            self._failed[:] = 0
        top = np.asarray(self._stack[: -n - 1 : -1], np.int64)
        picked: Rows = np.repeat(top, self.tries - self._failed[top])[:n]
        return np.resize(picked, n)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        return np.zeros(len(seeds), np.bool_)

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None:
        np.add.at(self._failed, picked[gains <= 0], 1)
        done = set(picked[self._failed[picked] >= self.tries].tolist())
        if done:
            # Only what was picked can be done: everything else lies below it, or was pushed since.
            self._stack = [row for row in self._stack if row not in done]

    def retire(self, seeds: Rows) -> None: ...

    def state(self) -> dict[str, NDArray[Any]]:
        return {"stack": np.asarray(self._stack, np.int64), "failed": self._failed[: self._size].copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        known, size = len(state["failed"]), max(self._size, len(state["failed"]))
        self._failed = reach(np.zeros(0, np.int64), size, 0)
        self._failed[:known] = state["failed"]
        self._stack = [*state["stack"].tolist(), *range(known, size)]
        self._size = size

    def _clear(self) -> None:
        self._size = 0
        self._failed = np.zeros(0, np.int64)
        self._stack = []


SCHEDULERS.add("stack", Stack)
