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
    return _growth(seen, rounds, warm + sum(rounds))


def _rounds(start: Held, first: Held, warm: int, room: float) -> int:
    """Runs of each third, by what each of the first has left behind."""
    if max(first.more(start).values()) >= LEAST_COUNT * warm:
        return FEW
    each = max(first.resident - start.resident, first.reserved - start.reserved) / warm
    if each < LARGE_KIB:
        return MOST
    return max(LEAST, min(ENOUGH, int(2 * SHARE * room / 3 / each)))


def _growth(seen: list[Held], rounds: list[int], runs: int) -> Growth | None:
    """seen: after the first runs and after each third; rounds: runs of each third."""
    pairs = list(zip(seen[1:], seen[2:], rounds[1:], strict=False))
    for kind in seen[0].counts:
        each = [after.more(before)[kind] / count for before, after, count in pairs]
        if min(each) >= LEAST_COUNT:
            return Growth(kind, sum(each) / 2, runs)
    for least, sizes in (
        (LEAST_KIB, [(after.resident - before.resident) / count for before, after, count in pairs]),
        (LEAST_RESERVED_KIB, [(after.reserved - before.reserved) / count for before, after, count in pairs]),
    ):
        if min(sizes) >= least:
            return Growth("", sum(sizes) / 2, runs)
    return None
