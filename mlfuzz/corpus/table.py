"""Columns that grow: an array that entries are appended to, one by one and in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_ROWS = 1024


class Scalars:
    """A column of numbers (n,), grown by doubling."""

    def __init__(self, kind: type[np.generic], *, fill: float = 0) -> None:
        self._data = np.full(FIRST_ROWS, fill, kind)
        self._fill = fill
        self._count = 0

    @property
    def view(self) -> NDArray[Any]:
        """(n,): no copy, and stale once rows are appended."""
        return self._data[: self._count]

    def extend(self, values: Sequence[Any] | NDArray[Any]) -> None:
        """Append values."""
        start, self._count = self._count, self._count + len(values)
        if self._count > len(self._data):
            self._data = _longer(self._data, self._count, self._fill)
        self._data[start : self._count] = values

    def take(self, rows: NDArray[np.int64]) -> None:
        """Keep these rows only, in this order."""
        self._data[: len(rows)], self._count = self._data[rows], len(rows)

    def append(self, value: float) -> None:
        """Append one value."""
        if self._count == len(self._data):
            self._data = _longer(self._data, self._count + 1, self._fill)
        self._data[self._count] = value
        self._count += 1


class Vectors:
    """A column of float32 vectors (n, width), grown by doubling; the first one that is not empty gives a width of 0.

    One of another width is stored as NaN throughout: it was measured by something else.
    """

    def __init__(self, width: int = 0) -> None:
        self._data: NDArray[np.float32] = np.full((0, width), np.nan, np.float32)
        self._count = 0

    @property
    def view(self) -> NDArray[np.float32]:
        """(n, width): no copy, and stale once rows are appended."""
        return self._data[: self._count]

    @property
    def width(self) -> int:
        """0 while all are empty."""
        return int(self._data.shape[1])

    def extend(self, rows: Sequence[Sequence[float | None] | NDArray[np.float32]]) -> None:
        """Append rows; None becomes NaN."""
        widths = set(map(len, rows))
        start = self._grow(len(rows), max(widths, default=0))
        if widths == {self.width} and self.width:
            self._data[start : self._count] = _joined(rows, self.width)
            return
        for at, row in enumerate(rows if self.width else (), start):
            self._data[at] = np.asarray(row, np.float32) if len(row) == self.width else np.nan

    def extend_bytes(self, rows: Sequence[bytes]) -> None:
        """Append rows as their little-endian bytes."""
        sizes = set(map(len, rows))
        start = self._grow(len(rows), max(sizes, default=0) // 4)
        if sizes == {4 * self.width} and self.width:
            self._data[start : self._count] = np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), self.width)
            return
        for at, row in enumerate(rows, start):
            if self.width:
                self._data[at] = np.frombuffer(row, "<f4") if len(row) == 4 * self.width else np.nan

    def take(self, rows: NDArray[np.int64]) -> None:
        """Keep these rows only, in this order."""
        self._data[: len(rows)], self._count = self._data[rows], len(rows)

    def put(self, row: int, values: NDArray[np.float32]) -> bool:
        """Replace one row; False where its width is another."""
        self._grow(0, len(values))
        if len(values) != self.width:
            return False
        self._data[row] = values
        return True

    def _grow(self, count: int, width: int) -> int:
        """Make room for `count` more rows; where the first of them stands."""
        if width and not self.width:
            self._data = np.full((max(self._count, FIRST_ROWS), width), np.nan, np.float32)
        start, self._count = self._count, self._count + count
        if self._count > len(self._data):
            self._data = _longer(self._data, self._count, np.nan)
        return start


def _joined(rows: Sequence[Sequence[float | None] | NDArray[np.float32]], width: int) -> Any:
    """Rows of one width as an array: number by number, a fifth of the time that numpy takes for lists of lists."""
    try:
        return np.fromiter(chain.from_iterable(rows), np.float32, len(rows) * width).reshape(len(rows), width)
    except TypeError:  # None, of an oracle that did not judge
        return rows


def _longer(data: NDArray[Any], count: int, fill: float) -> NDArray[Any]:
    longer = np.full((max(count, 2 * len(data)), *data.shape[1:]), fill, data.dtype)
    longer[: len(data)] = data
    return longer
