"""What a run leaves behind, when it is made many times: a cache fills once, a leak goes on."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

from mlfuzz.codefuzz.runtime.cpu_wait import waited
from mlfuzz.codefuzz.runtime.held import Held, held

LEAST_KIB = 0.5
"""Of memory a run: less is noise of the allocator's."""

LEAST_RESERVED_KIB = 64.0
"""Of address space a run, where none of it is used: an allocator takes it in large pieces."""

LEAST_COUNT = 0.5
"""Of what is counted a run."""

WARM, MOST, LEAST = 20, 300, 3
"""Runs that fill caches before anything is measured; runs of each third, and the fewest."""

FEW = 10
"""Runs of each third where the first ones have left something behind that is counted: each may be a process."""

LARGE_KIB, ENOUGH = 64.0, 20
"""Where each of the first runs has left so much memory behind, so many a third are enough."""

RUNNING = frozenset({"threads", "processes"})
LINGER_SECONDS = 4.0
"""Kinds that may end of themselves, and how long they are given for it: until then nobody can say that they stay."""

CLOCK, SLEEP = time.monotonic, time.sleep
"""The genuine ones: an input may have replaced them."""

SHARE = 0.2
"""Of the room for memory: so much the first runs may take, and the thirds together twice that."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What each run leaves behind. kind: "" of memory, else of what is counted; amount: KiB, or their number.

    runs: made for it. None where `grown` finds nothing.
    """

    kind: str
    amount: float
    runs: int


def grown(run: Callable[[], object], *, seconds: float, room: float, folder: str = "") -> Growth | None:
    """What grows in the second and in the third third of the runs alike; None where nothing does.

    seconds: of its own time; fewer runs tell less. room: KiB of memory that may be taken. folder: of temporary files.
    How many runs there are follows from what the first ones leave behind.
    """
    began, idle = time.monotonic(), waited()

    def spent() -> float:
        return time.monotonic() - began - (waited() - idle)

    def look() -> Held:
        gc.collect()
        return held(folder)

    start = first = look()
    warm = 0
    while warm < WARM and (spent() < seconds / 4 or warm < LEAST):
        run()
        warm += 1
        first = held(folder)
        if max(first.reserved - start.reserved, first.resident - start.resident) > SHARE * room:
            break
        if warm >= LEAST and max(first.more(start).values()) >= LEAST_COUNT * warm:
            break
    first = look()
    count = _rounds(start, first, warm, room)
    seen, rounds = [first], []
    for third in range(3):
        until, runs = spent() + (seconds - spent()) / (3 - third), 0
        while runs < count and (spent() < until or runs < LEAST):
            run()
            runs += 1
        rounds.append(runs)
        seen.append(look())
    return _growth(seen, rounds, warm + sum(rounds), lambda kind: _ends(kind, first, sum(rounds), folder))


def _rounds(start: Held, first: Held, warm: int, room: float) -> int:
    """Runs of each third, by what each of the first has left behind."""
    if max(first.more(start).values()) >= LEAST_COUNT * warm:
        return FEW
    each = max(first.resident - start.resident, first.reserved - start.reserved) / warm
    if each < LARGE_KIB:
        return MOST
    return max(LEAST, min(ENOUGH, int(2 * SHARE * room / 3 / each)))


def _ends(kind: str, before: Held, runs: int, folder: str) -> bool:
    """Whether most of what so many runs have left behind is gone within its time."""
    until = CLOCK() + LINGER_SECONDS
    while held(folder).more(before)[kind] >= LEAST_COUNT * runs:
        if CLOCK() > until:
            return False
        SLEEP(0.05)
    return True


def _growth(seen: list[Held], rounds: list[int], runs: int, ends: Callable[[str], bool]) -> Growth | None:
    """seen: after the first runs and after each third; rounds: runs of each third. ends: whether a kind goes again."""
    pairs = list(zip(seen[1:], seen[2:], rounds[1:], strict=False))
    ran_on = False
    for kind in seen[0].counts:
        each = [after.more(before)[kind] / count for before, after, count in pairs]
        if min(each) < LEAST_COUNT:
            continue
        if kind not in RUNNING or not ends(kind):
            return Growth(kind, sum(each) / 2, runs)
        ran_on = True
    if ran_on:  # its stacks were part of the memory, and the allocator keeps some of them: nothing can be said of that
        return None
    for least, sizes in (
        (LEAST_KIB, [(after.resident - before.resident) / count for before, after, count in pairs]),
        (LEAST_RESERVED_KIB, [(after.reserved - before.reserved) / count for before, after, count in pairs]),
    ):
        if min(sizes) >= least:
            return Growth("", sum(sizes) / 2, runs)
    return None
