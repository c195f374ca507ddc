"""What memory a run leaves behind, when it is made many times: a cache fills once, a leak goes on."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from itertools import pairwise

from mlfuzz.codefuzz.runtime.cpu_wait import waited

LEAST_KIB = 0.5
"""A run: less is noise of the allocator's."""

WARM, MOST = 20, 300
"""Runs that fill caches before anything is measured, and runs of each third."""


def grown(run: Callable[[], object], resident: Callable[[], float], *, seconds: float) -> tuple[float, float]:
    """KiB that each run of the second and of the third third has left behind; both must be above `LEAST_KIB`.

    resident: MiB that the process holds now. seconds: of its own time; fewer runs tell less.
    """
    began, idle = time.monotonic(), waited()

    def spent() -> float:
        return time.monotonic() - began - (waited() - idle)

    for _ in range(WARM):
        run()
    rounds, sizes = 0, []
    for _ in range(3):
        sizes.append(resident())
        third = spent() + (seconds - spent()) / 3
        count = 0
        while count < MOST and (spent() < third or count < 3):
            run()
            count += 1
        rounds = max(rounds, count)
    gc.collect()
    sizes.append(resident())
    second, last = ((after - before) * 1024 / rounds for before, after in pairwise(sizes[1:]))
    return second, last
