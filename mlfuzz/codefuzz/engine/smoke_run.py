"""A first look at a harness: a few seeds, quickly, to see what only shows when it runs. No torch, no numpy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.corpus.corpus_directory import LARGEST, ordinary, read
from mlfuzz.codefuzz.forkserver.client import ALONE, Link
from mlfuzz.errors import BadInputError

SAMPLES = 6
SECONDS = 1.0


class Glimpse(msgspec.Struct, frozen=True):
    """edges: reached together. modules: imported while it ran. strays: processes it started. runs: that ended.

    called: modules whose code ran without being the harness's own; see `calls`.
    """

    edges: frozenset[int] = frozenset()
    called: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    strays: int = 0
    runs: int = 0


def peek(link: Link, payloads: Sequence[bytes], before: frozenset[str] = frozenset()) -> Glimpse:
    """Run some inputs for at most a second; what they do wrong is for others to judge."""
    slot = link.fork(ALONE, {"name": "many", "edges": True, "calls": True})
    edges: set[int] = set()
    called: set[str] = set()
    modules: frozenset[str] = frozenset()
    runs = forks = 0
    deadline = time.monotonic() + SECONDS
    for payload in payloads:
        slot.answer({"run": 1}, payload)
        if not link.wait(lambda: bool(slot.inbox) or slot.death is not None, deadline - time.monotonic()):
            break
        if not slot.inbox:
            break
        seen = slot.inbox.popleft()[0]
        edges.update(seen.get("edges", ()))
        called.update(seen.get("called", ()))
        runs += 1
    else:
        slot.answer({"end": 1})
        link.wait(lambda: bool(slot.inbox) or slot.death is not None, 1.0)
        if slot.inbox:
            told = slot.inbox.popleft()[0]
            modules, forks = frozenset(told["modules"]) - before, told["forks"]
    death = link.end(slot)
    return Glimpse(frozenset(edges), frozenset(called), modules, forks + death.strays, runs)


def samples(folder: Path, length: int, *, most: int = SAMPLES) -> list[bytes]:
    """The smallest of a folder's files, and the empty input."""
    found = sorted(ordinary(folder), key=lambda one: one[1])[:most]
    seeds = []
    for path, _ in found:
        with contextlib.suppress(BadInputError):
            seeds.append(read(path, most=LARGEST)[:length])
    return [*seeds, b""]
