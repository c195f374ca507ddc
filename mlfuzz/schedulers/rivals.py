"""Margins by what a row fails as, or would fail as: a seed that was told a 3 may still be made a 7."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlfuzz.schedulers.base import Keys, Margins, Rows

RIVALS = 16
"""Keys of an oracle that are told apart for each seed, by their remainder: all of ten digits, and of a thousand classes
more than a seed is ever near."""


def rivals(oracles: int) -> int:
    """Columns for so many oracles."""
    return oracles * RIVALS


def column_of(oracles: Rows, keys: Keys) -> Rows:
    """The column of each (oracle, key)."""
    column: Rows = oracles * RIVALS + keys % RIVALS
    return column


def by_rival(margins: Margins, keys: Keys) -> tuple[Margins, Rows]:
    """The margins (n, oracles), NaN where the key is unknown (-1), and the column of each (n, oracles).

    Of a row all other columns would be NaN: a table as wide as that is sixteen times the work.
    """
    known = np.where(keys >= 0, margins, np.float32(np.nan))
    return known, column_of(np.arange(margins.shape[1]), np.maximum(keys, 0))


def by_every_rival(margins: Margins) -> Margins:
    """(n, columns): as near to every rival as to the nearest. What a seed is, before it was mutated."""
    return np.repeat(margins, RIVALS, axis=1)


def failing(margins: Margins, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the failures."""
    rows, oracles = np.nonzero(margins > 0)
    return rows, column_of(oracles, keys[rows, oracles])
