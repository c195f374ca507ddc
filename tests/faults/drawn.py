"""Which cases of a matrix of faults a test runs: another part with each commit, the same part for one commit.

A matrix is a module of tests/faults/matrices with PROMISE, one sentence; cases(), their names; and
broken(case, folder), which runs one in an empty folder and says what went wrong, "" where the promise was kept.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pytest

T = TypeVar("T")

MATRICES = Path(__file__).parent / "matrices"


class Matrix(Protocol):
    """One kind of fault: its cases, and what is promised in each."""

    PROMISE: str

    def cases(self) -> list[str]:
        """Names of all cases, in a fixed order."""
        ...

    def broken(self, case: str, folder: Path) -> str:
        """What went wrong in this case, run in an empty folder; "" where the promise was kept."""
        ...


def drawn(cases: Sequence[T], count: int, *, by: str = "") -> list[T]:
    """`count` of the cases, in their order, drawn by the commit's hash.

    by: draws in its place. Outside of a checkout the draw is always the same.
    """
    by = by or commit()
    ranked = sorted(range(len(cases)), key=lambda row: hashlib.sha256(f"{by}/{row}".encode()).digest())
    return [cases[row] for row in sorted(ranked[:count])]


def sampled(cases: Iterable[T], count: int) -> list[Any]:
    """All of them for a table of pytest's: `count` run with every commit, the others where they are asked for."""
    every = list(cases)
    chosen = drawn(every, count)
    return [one if one in chosen else pytest.param(one, marks=pytest.mark.manual) for one in every]


def turn(name: str, of: int = 2) -> bool:
    """Whether it is the turn of a test of minutes: at one commit of so many, at random."""
    return drawn(range(of), 1, by=f"{commit()}/{name}") == [0]


def skip_others(items: Sequence[pytest.Item]) -> None:
    """Tests marked `turns(n)` run at one commit of n; all of them do with EVERY_TURN set."""
    if os.environ.get("EVERY_TURN"):
        return
    for item in items:
        mark = item.get_closest_marker("turns")
        if mark is not None and not turn(item.nodeid, *mark.args):
            item.add_marker(pytest.mark.skip(reason=f"runs at one commit of {mark.args[0]}; EVERY_TURN=1 runs all"))


def matrix(name: str) -> Matrix:
    """One matrix by the name of its file."""
    full = f"faults.matrices.{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, MATRICES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return cast(Matrix, sys.modules[full])


@cache
def commit() -> str:
    """Of this checkout; "" outside of one."""
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() if found.returncode == 0 else ""
