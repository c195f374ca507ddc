"""A first look at a harness: a few seeds, quickly, to see what only shows when it runs. No torch, no numpy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.declaration import Declaration
from mlfuzz.codefuzz.link import ALONE, Link
from mlfuzz.codefuzz.workcorpus import LARGEST, ordinary, read
from mlfuzz.errors import BadInputError

SEEDS = 6
SECONDS = 1.0


class Glimpse(msgspec.Struct, frozen=True):
    """edges: reached together. modules: imported while it ran. strays: processes it started. runs: that ended."""

    edges: int = 0
    modules: frozenset[str] = frozenset()
    strays: int = 0
    runs: int = 0


def peek(link: Link, declaration: Declaration, project: Path, before: frozenset[str]) -> Glimpse:
    """Run the empty input and some seeds for at most a second; what they do wrong is for others to judge."""
    slot = link.fork(ALONE, {"name": "many", "edges": True})
    edges: set[int] = set()
    modules: frozenset[str] = frozenset()
    runs = forks = 0
    deadline = time.monotonic() + SECONDS
    for payload in [*_seeds(declaration, project), b""]:
        slot.answer({"run": 1}, payload)
        if not link.wait(lambda: bool(slot.inbox) or slot.death is not None, deadline - time.monotonic()):
            break
        if not slot.inbox:
            break
        edges.update(slot.inbox.popleft()[0].get("edges", ()))
        runs += 1
    else:
        slot.answer({"end": 1})
        link.wait(lambda: bool(slot.inbox) or slot.death is not None, 1.0)
        if slot.inbox:
            told = slot.inbox.popleft()[0]
            modules, forks = frozenset(told["modules"]) - before, told["forks"]
    death = link.end(slot)
    return Glimpse(len(edges), modules, forks + death.strays, runs)


def _seeds(declaration: Declaration, project: Path) -> Sequence[bytes]:
    """The smallest of the first seeds."""
    if not declaration.seeds:
        return []
    folder = project / declaration.seeds
    found = sorted(ordinary(folder), key=lambda one: one[1])[:SEEDS] if folder.is_dir() else []
    seeds = []
    for path, _ in found:
        try:
            seeds.append(read(path, most=LARGEST)[: declaration.length])
        except BadInputError:
            continue
    return seeds
