"""What a leaking run has left: in a folder of temporary files of its own, and in memory that Python code has taken."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from mlfuzz.codefuzz.failure.bucketing import OWN

PREFIX = "mlfuzz-code-"
"""Of all folders for code under test; the number of a process follows."""

FRAMES = 24


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[str]:
    """A folder in which temporary files are made from now on, by nobody else; it goes with what is in it.

    Its name says whose it is: where this process is killed, the next session clears it away.
    """
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def traced(run: Callable[[], Any], runs: int) -> list[tuple[str, int]]:
    """Where the memory that stays was taken by Python code, outermost first; nothing for native code."""
    tracemalloc = importlib.import_module("tracemalloc")
    tracemalloc.start(FRAMES)
    run()
    first = tracemalloc.take_snapshot()
    for _ in range(runs):
        run()
    own = (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, OWN + "/*"))
    taken = tracemalloc.take_snapshot().filter_traces(own).compare_to(first.filter_traces(own), "traceback")
    grown = [one for one in taken if one.count_diff >= runs / 2]
    if not grown:
        return []
    return [(frame.filename, frame.lineno) for frame in max(grown, key=lambda one: one.size_diff).traceback]
