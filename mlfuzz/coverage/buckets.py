"""Buckets that are empty or hit: the one accumulator under all criteria that count units, sections or patterns.

A unit's buckets stand side by side, and a batch is folded in unit by unit: 2-3 ns a unit and input at 1,000 buckets a
unit, against 12-32 for a scatter in the batch's own order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Gains = NDArray[np.float32]

_ROWS = 250
"""Rows a block: their numbers fit beside 0 (empty) and 1 (hit) in the byte that a bucket has."""

_UNITS = 512
"""Units a block: their places and buckets stay in the second-level cache."""


class Buckets:
    """units x slots buckets. A row's gain is how many it is the first to hit; within a batch, the earlier row's.

    closed: (units, slots) or (slots,) bool: buckets that do not count, whoever hits them.
    """

    def __init__(self, units: int, slots: int = 1, *, closed: NDArray[np.bool_] | None = None) -> None:
        self._closed = np.broadcast_to(np.zeros(1, np.bool_) if closed is None else closed, (units, slots))
        self._hit = self._closed.astype(np.uint8, order="C")
        self._slots = slots
        self._shut = int(np.count_nonzero(self._hit))

    @property
    def open(self) -> int:
        """Buckets that count."""
        return self._hit.size - self._shut

    @property
    def covered(self) -> int:
        """Of these, the ones that are hit."""
        return int(np.count_nonzero(self._hit)) - self._shut

    @property
    def share(self) -> float:
        return self.covered / self.open if self.open else 0.0

    def by_unit(self) -> NDArray[np.float64]:
        """Share of each unit's open buckets that are hit, (units,); 0 where a unit has none."""
        hit = (self._hit.astype(np.bool_) & ~self._closed).sum(1)
        return np.asarray(hit / np.maximum(1, self._slots - self._closed.sum(1)))

    def place(self, places: NDArray[np.float32]) -> Gains:
        """Each row (B, units) hits one slot of every unit. places: whole numbers in [0, slots)."""
        gains = np.zeros(len(places), np.float32)
        for start in range(0, len(places), _ROWS):
            for unit in range(0, places.shape[1], _UNITS):
                block = places[start : start + _ROWS, unit : unit + _UNITS]
                flat = block.T.astype(np.int64, order="C")
                flat += (np.arange(unit, unit + block.shape[1]) * self._slots)[:, None]
                gains[start : start + block.shape[0]] += self._mark(flat, rows_last=True)
        return gains

    def flag(self, hits: NDArray[np.bool_]) -> Gains:
        """One bucket a unit (slots = 1): each row hits the units where `hits` (B, units) is true."""
        gains = np.zeros(len(hits), np.float32)
        waiting = np.flatnonzero(self._hit[:, 0] == 0)
        if len(waiting) and len(hits):
            sought = hits[:, waiting]
            first = sought.argmax(0)
            new = sought[first, np.arange(len(waiting))]
            self._hit[waiting[new], 0] = 1
            gains += np.bincount(first[new], minlength=len(hits)).astype(np.float32)
        return gains

    def pick(self, chosen: NDArray[np.int64]) -> Gains:
        """Each row (B, K) hits K different buckets, given as unit * slots + slot."""
        gains = np.zeros(len(chosen), np.float32)
        for start in range(0, len(chosen), _ROWS):
            block = chosen[start : start + _ROWS]
            gains[start : start + len(block)] = self._mark(block, rows_last=False)
        return gains

    def bits(self) -> NDArray[np.uint8]:
        """The hit buckets, eight in a byte."""
        return np.packbits(self._hit)

    def absorb(self, bits: NDArray[np.uint8]) -> None:
        """Take in the buckets that another accumulator of the same shape has hit."""
        self._hit |= np.unpackbits(bits, count=self._hit.size).reshape(self._hit.shape)

    def _mark(self, flat: NDArray[np.int64], *, rows_last: bool) -> NDArray[np.int64]:
        """Gains of a block: flat (units, rows) or (rows, K) bucket numbers; no row names a bucket twice."""
        hit = self._hit.reshape(-1)
        rows = flat.shape[1] if rows_last else flat.shape[0]
        seen = hit.take(flat)
        if not seen.size or seen.min():
            return np.zeros(rows, np.int64)
        empty = np.flatnonzero(seen == 0)
        owner = (empty % rows if rows_last else empty // flat.shape[1]).astype(np.uint8)
        buckets = flat.reshape(-1)[empty]
        # Of several rows that hit a bucket the last one written stays: written backwards, that is the first row.
        mark = owner + np.uint8(2)
        hit[buckets[::-1]] = mark[::-1]
        won = hit[buckets] == mark
        hit[buckets] = 1
        return np.bincount(owner[won], minlength=rows)
