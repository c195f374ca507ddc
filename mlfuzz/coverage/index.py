"""The vectors that are covered, and how far a new one is from the nearest of them.

Exact while they are few; then a graph (HNSW: Malkov and Yashunin, TPAMI 2018) for all but the latest. Whatever it
answers is the distance to a real entry, so it can only err towards "novel": 0-0.1 % of queries, as what looks novel at
a first glance is looked at again. That errs a tenth as often as one look at effort 16, and costs a quarter less.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlfuzz.coverage.distance import Squares, Vectors, nearest, norms_of

EXACT = 4096
"""Up to so many entries a scan is as fast as the graph (9 microseconds a query)."""

LINKS = 16
BUILD_EFFORT = 40
GLANCE_EFFORT = 6
SEARCH_EFFORT = 48

GRAPH_BLOCK = 256
"""Vectors enter the graph in blocks of so many: it then follows from their order alone, not from how they came."""

AT_ONCE = EXACT // GRAPH_BLOCK
"""Blocks that may enter the graph in one go: as many as are there when the first graph is built. One takes 42 ms."""

CATCHING_UP = 4
"""Blocks in one go where more than AT_ONCE wait, as in a corpus taken up again: 100,000 entries at once would keep it
from its first batch for 16 s. Until then they are scanned, which is exact."""


class Index:
    """Grows by `add`, never shrinks. One thread gives the same answers in every run.

    width: coordinates of a vector. exact: up to so many entries no graph is built.
    """

    def __init__(self, width: int, *, exact: int = EXACT) -> None:
        self.width = width
        self._exact = exact
        self._vectors = np.empty((1024, width), np.float32)
        self._norms = np.empty(1024, np.float32)
        self._size = self._consolidated = 0
        self._graph: Any = None

    def __len__(self) -> int:
        return self._size

    @property
    def vectors(self) -> Vectors:
        """(N, width) in the order they were added; a view that `add` may leave behind."""
        return self._vectors[: self._size]

    @property
    def consolidated(self) -> int:
        """Entries in the graph; the rest are scanned."""
        return self._consolidated

    def nearest(self, queries: Vectors, *, enough: float = 0.0) -> Squares:
        """Squared distance of each finite query (n, width) to the nearest entry, (n,); infinity where none is there.

        enough: an entry within this squared distance is near enough, though another may be nearer still.
        """
        fresh = slice(self._consolidated, self._size)
        best = nearest(queries, self._vectors[fresh], self._norms[fresh], enough=enough)
        if self._graph is not None:
            for effort in (GLANCE_EFFORT, SEARCH_EFFORT):
                far = np.flatnonzero(best > enough)
                if len(far):
                    best[far] = np.minimum(best[far], self._searched(queries[far], effort))
        return best

    def add(self, vectors: Vectors) -> None:
        """Take in finite vectors (n, width). They are found exactly until `consolidate`."""
        size = self._size + len(vectors)
        if size > len(self._vectors):
            self._reserve(size)
        self._vectors[self._size : size] = vectors
        self._norms[self._size : size] = norms_of(self._vectors[self._size : size])
        self._size = size

    def consolidate(self, upto: int | None = None) -> None:
        """Between batches: move whole blocks into the graph, once there are too many to scan; of very many a few.

        upto: move in so many entries, whatever their number: as `consolidated` was, to restore an index.
        """
        if upto is None:
            if self._graph is None and self._size <= self._exact:
                return
            waiting = (self._size - self._consolidated) // GRAPH_BLOCK
            upto = self._consolidated + GRAPH_BLOCK * (waiting if waiting <= AT_ONCE else CATCHING_UP)
        for start in range(self._consolidated, upto - GRAPH_BLOCK + 1, GRAPH_BLOCK):
            self._extend(self._vectors[start : start + GRAPH_BLOCK])
            self._consolidated = start + GRAPH_BLOCK

    def _searched(self, queries: Vectors, effort: int) -> Squares:
        import faiss

        how = faiss.SearchParametersHNSW(efSearch=effort)  # type: ignore[attr-defined]  # made at import
        return np.asarray(self._graph.search(queries, 1, params=how)[0][:, 0], np.float32)

    def _reserve(self, size: int) -> None:
        room = max(size, 2 * len(self._vectors))
        vectors, norms = np.empty((room, self.width), np.float32), np.empty(room, np.float32)
        vectors[: self._size], norms[: self._size] = self._vectors[: self._size], self._norms[: self._size]
        self._vectors, self._norms = vectors, norms

    def _extend(self, block: Vectors) -> None:
        import faiss  # after torch, which `distance` has loaded: the two then share one OpenMP pool

        if self._graph is None:
            self._graph = faiss.IndexHNSWFlat(self.width, LINKS)
            self._graph.hnsw.efConstruction = BUILD_EFFORT
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # several threads would build another graph each time
        try:
            self._graph.add(block)
        finally:
            faiss.omp_set_num_threads(threads)
