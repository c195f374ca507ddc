"""Seeds before fuzzing: read with care, run once each, sorted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.corpus.corpus_directory import LARGEST, ordinary, read
from mlfuzz.codefuzz.executor.batch_run import BatchRunner
from mlfuzz.codefuzz.executor.isolated_run import IsolatedRunner
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.forkserver.client import ALONE, ForkServerClient
from mlfuzz.codefuzz.harness.engine import Screened
from mlfuzz.codefuzz.harness.sidecars import is_archive, members
from mlfuzz.errors import BadInputError

FEW = 3
"""From so many seeds on it is a word worth saying that all of them fail."""

LOOKED_AT = 32
"""So many that do not fail are looked at for what the sandbox refuses them: a few milliseconds each."""


def screen(runner: IsolatedRunner, files: Sequence[Path], *, blind: bool, own: frozenset[int]) -> Screened:
    """Run each seed. Those longer than the harness's length run as libFuzzer cuts them.

    blind: no coverage is expected; own: edges of the harness's own file, which are none of the target's.
    """
    refused: list[tuple[str, str]] = []
    readable: list[tuple[str, bytes]] = []
    for path in files:
        try:
            readable.append((str(path), read(path, most=LARGEST)[: runner.declaration.length]))
        except BadInputError as error:
            refused.append((str(path), error.reason))
    usable: list[str] = []
    failing: list[tuple[str, Outcome]] = []
    barred: list[tuple[str, Outcome]] = []
    edges: set[int] = set()
    genuine: set[str] = set()
    began = time.monotonic()
    every = list(BatchRunner(runner, edges=True).run([data for _, data in readable]))
    for (name, data), seen in zip(readable, every, strict=True):
        edges |= seen.edges
        outcome = seen.outcome
        if outcome.failed and outcome.bucket not in genuine:  # one failure of a kind is enough to show whose it is
            outcome = runner.cleared(data, outcome)
            genuine |= {seen.outcome.bucket} if outcome.failed and not outcome.refusals else set()
        if outcome.failed:
            failing.append((name, outcome))
            continue
        if len(usable) < LOOKED_AT:
            outcome = runner.doubted(data, outcome)
        if outcome.failed:
            failing.append((name, outcome))
            continue
        usable.append(name)
        barred += [(name, outcome)] if outcome.refusals else []
    warnings = _warnings(usable, failing, refused, edges=len(edges - own), blind=blind)
    return Screened(
        usable=tuple(usable), failing=tuple(failing), refused=tuple(refused), barred=tuple(barred),
        edges=len(edges), warnings=warnings, seconds=time.monotonic() - began,
    )  # fmt: skip


def _warnings(
    usable: list[str], failing: list[tuple[str, Outcome]], refused: list[tuple[str, str]], *, edges: int, blind: bool
) -> tuple[str, ...]:
    found = []
    if len(failing) >= FEW and not usable:
        kinds = sorted({f"{outcome.kind} {outcome.type}".strip() for _, outcome in failing})
        found.append(
            f"every seed fails ({', '.join(kinds[:4])}): the harness itself is at fault, or lacks an `allowed`"
        )
    if usable and not edges and not blind:
        found.append("the seeds reach no instrumented code: name the package in `instrument`, import it by name")
    if refused and not usable and not failing:
        found.append(f"no seed can be read: {refused[0][1]}")
    return tuple(found)


SAMPLES = 6
SECONDS = 1.0


class SmokeRun(msgspec.Struct, frozen=True):
    """edges: reached together. modules: imported while it ran. strays: processes it started. runs: that ended.

    called: modules whose code ran without being the harness's own; see `calls`.
    """

    edges: frozenset[int] = frozenset()
    called: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    strays: int = 0
    runs: int = 0


def peek(link: ForkServerClient, payloads: Sequence[bytes], before: frozenset[str] = frozenset()) -> SmokeRun:
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
            message = slot.inbox.popleft()[0]
            modules, forks = frozenset(message["modules"]) - before, message["forks"]
    death = link.end(slot)
    return SmokeRun(frozenset(edges), frozenset(called), modules, forks + death.strays, runs)


def samples(folder: Path, length: int, *, most: int = SAMPLES) -> list[bytes]:
    """The smallest of a folder's files, and the empty input."""
    if is_archive(folder):
        return [*(data[:length] for _, data in islice(members(folder), most)), b""]
    found = sorted(ordinary(folder), key=lambda one: one[1])[:most]
    seeds = []
    for path, _ in found:
        with contextlib.suppress(BadInputError):
            seeds.append(read(path, most=LARGEST)[:length])
    return [*seeds, b""]
