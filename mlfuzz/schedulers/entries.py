"""The corpus as a scheduler sees it: three growing columns, and the first row of each seed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import Margins, Rows

T = TypeVar("T", bound=np.generic)


class Column(Generic[T]):
    """An array (size, *width) that grows at its end; n rows cost O(n), since room is doubled."""

    def __init__(self, dtype: type[T], width: tuple[int, ...] = ()) -> None:
        self._room: NDArray[T] = np.empty((64, *width), dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> NDArray[T]:
        """A view of what is there; valid until the next `extend`."""
        return self._room[: self._size]

    def extend(self, values: NDArray[Any]) -> None:
        needed = self._size + len(values)
        if needed > len(self._room):
            room = np.empty((max(needed, 2 * len(self._room)), *self._room.shape[1:]), self._room.dtype)
            room[: self._size] = self.values
            self._room = room
        self._room[self._size : needed] = values
        self._size = needed


class Entries:
    """Seeds, gains and margins of all rows in row order; `firsts` are the seeds' own rows.

    A seed's own row is the first that grew for it.
    """

    def __init__(self) -> None:
        self._clear(0)

    def __len__(self) -> int:
        return len(self._seeds)

    @property
    def seeds(self) -> Rows:
        return self._seeds.values

    @property
    def gains(self) -> NDArray[np.float32]:
        return self._gains.values

    @property
    def margins(self) -> Margins:
        return self._margins.values

    @property
    def firsts(self) -> Rows:
        """The seeds' own rows, ascending."""
        return self._firsts.values

    def grow(self, seeds: Rows, gains: NDArray[np.float32], margins: Margins) -> Rows:
        """Rows at the end; gives their row numbers. The number of oracles is set by the first that come."""
        if not len(self):
            self._clear(margins.shape[1])
        start = len(self)
        self._seeds.extend(seeds)
        self._gains.extend(gains)
        self._margins.extend(margins)
        self._note_firsts(seeds, start)
        return np.arange(start, len(self), dtype=np.int64)

    def first_of(self, seeds: Rows) -> Rows:
        """The own row of each of these seeds, which must have grown."""
        return self._first_of[seeds]

    def state(self) -> dict[str, NDArray[Any]]:
        return {"seeds": self.seeds.copy(), "gains": self.gains.copy(), "margins": self.margins.copy()}

    def history(self, state: dict[str, NDArray[Any]]) -> list[tuple[Rows, NDArray[np.float32], Margins]]:
        """What to grow, in order, to go on from `state`: its rows, then those that grew here beyond them.

        A restart reads more rows from the journal than the last checkpoint knew.
        """
        known = len(state["seeds"])
        later = (self.seeds[known:].copy(), self.gains[known:].copy(), self.margins[known:].copy())
        history = [(state["seeds"], state["gains"], state["margins"]), later]
        return [rows for rows in history if len(rows[0])]

    def _clear(self, oracles: int) -> None:
        self._seeds: Column[np.int64] = Column(np.int64)
        self._gains: Column[np.float32] = Column(np.float32)
        self._margins: Column[np.float32] = Column(np.float32, (oracles,))
        self._firsts: Column[np.int64] = Column(np.int64)
        self._first_of: Rows = np.full(0, -1, np.int64)

    def _note_firsts(self, seeds: Rows, start: int) -> None:
        self._first_of = reach(self._first_of, int(seeds.max(initial=-1)) + 1, -1)
        if (self._first_of[seeds] >= 0).all():
            return
        numbers, at = np.unique(seeds, return_index=True)
        new = self._first_of[numbers] < 0
        self._first_of[numbers[new]] = start + at[new]
        self._firsts.extend(np.sort(start + at[new]))


def reach(array: NDArray[T], size: int, fill: float) -> NDArray[T]:
    """`array` itself, or a longer copy (at least doubled) whose new rows hold `fill`, so that `size` rows are there."""
    if size <= len(array):
        return array
    longer = np.full((max(size, 2 * len(array)), *array.shape[1:]), fill, array.dtype)
    longer[: len(array)] = array
    return longer
