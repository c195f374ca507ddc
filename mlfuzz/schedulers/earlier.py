"""Schedulers of plugins that were written before keys and news were arguments: run as before, with a word to say so."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import Gains, Informed, Keys, Margins, News, Rows, Scheduler

ARGUMENTS = {
    "grow": ("seeds", "gains", "margins", "keys"),
    "keep": ("seeds", "margins", "keys"),
    "reward": ("picked", "gains", "margins", "keys", "news"),
}


class Earlier:
    """Today's protocol over a scheduler that lacks the newer arguments; what it did not know then it is not given.

    An `inform` of its own is told keys and news before each call, as it was.
    """

    def __init__(self, inner: Any, lacking: list[str]) -> None:
        self._inner, self._lacking = inner, lacking

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        self._call("grow", (seeds, gains, margins), keys)

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = self._call("keep", (seeds, margins), keys)
        return kept

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None:
        self._call("reward", (picked, gains, margins), keys, news)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _call(self, name: str, known: tuple[Any, ...], keys: Keys, *news: News) -> Any:
        method = getattr(self._inner, name)
        if name not in self._lacking:
            return method(*known, keys, *news)
        if isinstance(self._inner, Informed):
            self._inner.inform(keys, *(news or (np.zeros(len(keys)),)))
        return method(*known)


def up_to_date(scheduler: Any) -> tuple[Scheduler, str]:
    """The scheduler under today's protocol, and what its author should write: "" where nothing is to be done."""
    lacking = [name for name, arguments in ARGUMENTS.items() if not _takes(getattr(scheduler, name), len(arguments))]
    if not lacking:
        return scheduler, ""
    lines = "; ".join(f"def {name}(self, {', '.join(ARGUMENTS[name])})" for name in lacking)
    message = (
        f"scheduler {scheduler.name} is written for an earlier mlfuzz and is not told how rows fail; write: {lines}"
    )
    return Earlier(scheduler, lacking), message


def _takes(method: Any, count: int) -> bool:
    try:
        inspect.signature(method).bind(*[None] * count)
    except TypeError:
        return False
    return True
