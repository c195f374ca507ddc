"""Seeds by number: on disk as they were first given, in a process from 0 and without gaps, whatever is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from mlfuzz.corpus.entry import Entry, EntryRow

Rows = NDArray[np.int64]


class Numbering:
    """known: numbers on disk of the seeds that are here, in order. taken: all that entries name, of lost seeds too.

    A new seed gets a number that no entry names: what descends from a lost seed never becomes another's descendant.
    """

    def __init__(self, known: Iterable[int], taken: Iterable[int]) -> None:
        self._stored = list(known)
        self._here = {number: at for at, number in enumerate(self._stored)}
        self._next = 1 + max(taken, default=-1)

    def here(self, number: int) -> int:
        """In this process; -1 of a seed that is lost."""
        return self._here.get(number, -1)

    def stored(self, entry: Entry) -> int:
        """The number on disk of the seed of an entry about to be written; an entry without a parent is a new seed."""
        if entry.parent is not None:
            return self._stored[entry.seed]
        self._take_in(number := self._next)
        return number

    def admits(self, row: EntryRow) -> bool:
        """Whether a row just read has its seed here, or is one."""
        if row.parent is None:
            self._take_in(row.seed)
        return row.seed in self._here

    def _take_in(self, number: int) -> None:
        if number not in self._here:
            self._here[number] = len(self._stored)
            self._stored.append(number)
            self._next = max(self._next, number + 1)


def rooted(seeds: Rows, parents: Rows, orphans: Collection[int]) -> tuple[Numbering, Rows]:
    """The numbering of the seeds that are here, and the rows that descend from them or are one.

    seeds: numbers on disk. parents: -1 of a seed, and of the `orphans`, whose parents are lost.
    """
    first: dict[int, int] = {}
    for row in np.flatnonzero(parents < 0).tolist():
        if row not in orphans:
            first.setdefault(int(seeds[row]), row)
    linked = parents >= 0
    linked[[*first.values(), *orphans]] = True
    kept = np.flatnonzero(linked & np.isin(seeds, list(first)))
    return Numbering(first, seeds.tolist()), kept
