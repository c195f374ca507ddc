"""A scheduler: which corpus entries to mutate next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mlfuzz.registry import Registry

Rows = NDArray[np.int64]
Gains = NDArray[np.float32]
Margins = NDArray[np.float32]
"""(n, oracles): each oracle's margin, NaN where it did not judge; higher is nearer to failing."""

Keys = NDArray[np.int64]
"""(n, oracles): equal for rows that fail in the same way; of a row that passes, how it would fail if it went on. All 0
where that is not known: of rows of an earlier life, or of another worker."""

News = NDArray[np.float64]
"""(n,): what a row's failures are worth as news; 0 where none of its kind is the first."""


class Scheduler(Protocol):
    """Row numbers are local to the process: 0 .. size-1, in the order of `grow`. All numpy, on the host.

    Of each batch: `keep`, then `grow` with what has become an entry, `retire`, `reward`. Of what a search found `keep`
    and `grow` alone. Each call is told all that it is about; whatever lasts is in the state.
    Laws: picks are rows that exist; the same state and generator give the same picks; restore(state()) picks the same.
    """

    @property
    def name(self) -> str: ...

    def grow(self, seeds: Rows, gains: Gains, margins: Margins, keys: Keys) -> None:
        """New rows at the end of the corpus: the seed each descends from, what it gained, how near it came to what."""

    def pick(self, n: int, rng: np.random.Generator) -> Rows:
        """n rows to mutate; repeats allowed."""

    def keep(self, seeds: Rows, margins: Margins, keys: Keys) -> NDArray[np.bool_]:
        """Which rows should become entries though they gained no coverage: they came nearer to failing."""

    def reward(self, picked: Rows, gains: Gains, margins: Margins, keys: Keys, news: News) -> None:
        """What became of the picked rows' children, in the order picked; may come a batch late."""

    def retire(self, seeds: Rows) -> None:
        """Seeds that have been broken: spend less on them."""

    def state(self) -> dict[str, NDArray[Any]]: ...

    def restore(self, state: dict[str, NDArray[Any]]) -> None: ...


@runtime_checkable
class Informed(Protocol):
    """A scheduler of before keys and news were arguments, which is told them ahead of each call; see earlier.py."""

    def inform(self, keys: Keys, news: News) -> None: ...


def no_keys(margins: Margins) -> Keys:
    """Keys of rows of which they are not known: every failure of an oracle is alike."""
    return np.zeros(margins.shape, np.int64)


SCHEDULERS: Registry[Callable[..., Scheduler]] = Registry(
    "scheduler",
    shipped=(
        "mlfuzz.schedulers.uniform",
        "mlfuzz.schedulers.recency",
        "mlfuzz.schedulers.walk",
        "mlfuzz.schedulers.greedy",
        "mlfuzz.schedulers.probability",
        "mlfuzz.schedulers.stack",
        "mlfuzz.schedulers.margin",
        "mlfuzz.schedulers.mixed",
    ),
)
