"""Which row an entry has, by its number in its life: an array, since a life numbers its entries one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SPARSE = 1024
"""A number further than this beyond twice those that are there goes into a dictionary: a record that was damaged, or
forged, must not ask for memory."""


class RowNumbers:
    """Number of an entry in one life -> its row. Numbers and rows are 0 or more."""

    def __init__(self) -> None:
        self._rows = np.full(SPARSE, -1, np.int32)
        self._far: dict[int, int] = {}
        self._count = 0

    def get(self, number: int) -> int:
        """The row, -1 where there is none."""
        if 0 <= number < len(self._rows):
            return int(self._rows[number])
        return self._far.get(number, -1)

    def put(self, number: int, row: int) -> None:
        """Note a row."""
        if not 0 <= number < len(self._rows) and not self._grow(number):
            self._far[number] = row
            return
        self._count += 1
        self._rows[number] = row

    def put_many(self, numbers: NDArray[np.int64], rows: Sequence[int] | NDArray[np.int64]) -> None:
        """Note rows."""
        for number, row in zip(numbers.tolist(), rows, strict=True):
            self.put(number, int(row))

    def _grow(self, number: int) -> bool:
        """Make room up to a number; False where it lies too far out."""
        if not 0 <= number < 2 * self._count + 2 * SPARSE:
            return False
        longer = np.full(max(number + 1, 2 * len(self._rows)), -1, np.int32)
        longer[: len(self._rows)] = self._rows
        self._rows = longer
        for far in [far for far in self._far if 0 <= far < len(longer)]:
            longer[far] = self._far.pop(far)
            self._count += 1
        return True
