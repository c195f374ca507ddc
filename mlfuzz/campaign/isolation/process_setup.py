"""What every process that runs a target sets up before it imports torch."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MMAP_BYTES = 1 << 30
TRIM_BYTES = (2 << 30) - 1
"""glibc hands every large activation back to the system and takes page faults for the next: 1.6-2.5 times slower."""


def child_environment(threads: int = 1) -> Mapping[str, str]:
    """The environment of a worker or probe: so many threads, unless the user has said otherwise."""
    environment = dict(os.environ)
    for name in THREADS:
        environment.setdefault(name, str(threads))
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def tune_malloc() -> None:
    """Keep freed memory in the process (glibc; nothing elsewhere)."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
