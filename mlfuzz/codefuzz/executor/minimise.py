"""A smaller input with the same bucket: in one process for what Python raises, in forks for what kills.

libFuzzer's own minimiser takes any failure for the same one and so drifts to another bug.
"""

from __future__ import annotations

import time

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, Simpler, smallest
from mlfuzz.codefuzz.executor.isolated_run import IsolatedRunner
from mlfuzz.codefuzz.executor.leak import leaks
from mlfuzz.codefuzz.forkserver.client import ALONE
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.runtime.input_threads import SECONDS as THREAD_SECONDS

IN_PROCESS = ("exception:", "group:", "assertion:", "recursion:", "exit:", "thread:", "unraisable:")
"""Buckets of what Python raises: an input may run after another in the same process."""

MOST_LIVES = 20

EARLY_SHARE, EARLY_SECONDS = 0.1, 0.05
"""Of its limit, and at least, an input is given that may hang: one that then stands in the same place is taken to."""

LONGER = 4.0
"""Times the time before, where what was found with it turned out to end after all."""


def minimise(
    runner: IsolatedRunner, payload: bytes, bucket: str, *, seconds: float, hints: Simpler | None = None
) -> bytes:
    """The smallest input found with that bucket; the same where none is."""
    deadline = time.monotonic() + seconds
    if bucket.startswith(IN_PROCESS):
        smaller = _within(runner, payload, bucket, deadline)
        # It may have held only in the company of the inputs before it.
        return smaller if smaller == payload or runner.execute(smaller).bucket == bucket else payload
    if bucket.startswith("hang:"):
        return _hanging(runner, payload, bucket, deadline, hints)
    return smallest(payload, lambda one: _once(runner, one, bucket), RunBudget(seconds), hints=hints)


def _hanging(runner: IsolatedRunner, payload: bytes, bucket: str, deadline: float, hints: Simpler | None) -> bytes:
    """Smaller, with a tenth of the limit for each try; what comes out is proved with all of it, beyond the deadline.

    At its whole limit each, a second would be enough for one or two tries.
    """
    limit = runner.declaration.seconds
    early = max(EARLY_SECONDS, EARLY_SHARE * limit)
    while early < limit:
        if _stands(runner, payload, bucket, early):
            smaller = smallest(
                payload, lambda one: _stands(runner, one, bucket, early), RunBudget(deadline - time.monotonic()),  # noqa: B023
                hints=hints,
            )  # fmt: skip
            if smaller == payload or _once(runner, smaller, bucket):
                return smaller
        if time.monotonic() > deadline:
            return payload
        early *= LONGER
    left = RunBudget(deadline - time.monotonic())
    return smallest(payload, lambda one: _once(runner, one, bucket), left, hints=hints)


def _stands(runner: IsolatedRunner, payload: bytes, bucket: str, seconds: float) -> bool:
    return runner.run(payload, patience=1.0, limit=seconds).bucket == bucket


def _once(runner: IsolatedRunner, payload: bytes, bucket: str) -> bool:
    kind = bucket.partition(":")[0]
    if kind == "leak":
        found = leaks(runner, payload)
        return found is not None and found.failed and found.bucket == bucket
    if kind in ("hang", "crash", "os-exit", "sanitizer", "killed"):
        return runner.run(payload, patience=1.0).bucket == bucket
    return runner.execute(payload).bucket == bucket


def _within(runner: IsolatedRunner, payload: bytes, bucket: str, deadline: float) -> bytes:
    """In a worker that tells each improvement; where an input kills it, another goes on from the best so far."""
    best = payload
    poison: list[str] = []
    for _ in range(MOST_LIVES):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        slot = runner.link.slots[ALONE]
        slot.flight.load(best)
        runner.link.fork(ALONE, {"name": "minimise", "bucket": bucket, "seconds": left, "poison": poison})
        best, finished = _follow(runner, slot, best, deadline)
        if finished:
            break
        poison.append(slot.flight.payload.hex())
    return best


def _follow(runner: IsolatedRunner, slot: WorkerHandle, best: bytes, deadline: float) -> tuple[bytes, bool]:
    """The best that the worker has told, and whether it came to its end."""
    seen, since = (-1, False), time.monotonic()
    finished = False
    while slot.death is None and not finished:
        runner.link.pump(0.02)
        now = time.monotonic()
        while slot.inbox:
            message, smaller = slot.inbox.popleft()
            best, finished = smaller, bool(message.get("end"))
        if slot.flight.phase != seen:
            seen, since = slot.flight.phase, now
        if now - since > runner.declaration.seconds + (THREAD_SECONDS if seen[1] else 0.0) or now > deadline + 1.0:
            break
    if slot.death is None:
        runner.link.wait(lambda: slot.death is not None, 0.5 if finished else 0.0)
    if slot.death is None:
        runner.link.end(slot)
    while slot.inbox:
        message, best = slot.inbox.popleft()
        finished = finished or bool(message.get("end"))
    return best, finished
