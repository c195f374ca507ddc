"""A row at a time, on several threads: for real codecs, whose libraries let other threads run meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST_THREADS = 4
"""Several workers have the same idea, and a slice of a dear operator is a few rows."""


def each_row(work: Callable[[int], None], count: int) -> None:
    """work(0) ... work(count - 1), in any order and at the same time; each must touch its own row alone.

    Raises what the first of them raises. No thread outlives the call: a process that is forked later has none.
    """
    threads = min(MOST_THREADS, processors(), count)
    if threads < 2:
        for row in range(count):
            work(row)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(count)):
            pass


def processors() -> int:
    """That this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
