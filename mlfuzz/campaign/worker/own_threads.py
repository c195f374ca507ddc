"""torch's threads, whose number belongs to the process: a campaign computes on its own, and gives them back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

THREADS = 1
"""A batch is many small calls: with two threads on a machine that does other things too, digits ran at 80 inputs/s in
batches of 8 instead of 2,100 in batches of 256. `mlfuzz fuzz` gives each worker one as well, and a finding is judged
on one: other numbers add up in another order."""


@contextmanager
def threads_for(count: int) -> Iterator[None]:
    """Within, torch computes on so many threads; afterwards on as many as before, whatever ended it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def usable_cores() -> int:
    """Those that this process may run on, at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
