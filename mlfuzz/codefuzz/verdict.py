"""One input alone in a fresh fork: what became of it, with time and memory measured. No torch, no numpy.

Time and memory seen while fuzzing are suspicions: another input may have left the memory, another process the
delay. What is said of an input is what it does alone.
"""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec

from mlfuzz.codefuzz import aftermath
from mlfuzz.codefuzz.declaration import Declaration
from mlfuzz.codefuzz.hang import Patience, Sampler
from mlfuzz.codefuzz.keys import Territory
from mlfuzz.codefuzz.link import ALONE, Link
from mlfuzz.codefuzz.outcome import FINE, Outcome
from mlfuzz.codefuzz.recorder import CAPACITY, STARTED
from mlfuzz.codefuzz.slot import Slot
from mlfuzz.errors import BadInputError

PATIENCE = 2.0
"""A run alone may take so many times the limit: an input that ends in that time is slow, another hangs."""

TIGHT = 0.8
"""With so much of the memory that it took, an input that takes too much runs out where it takes most."""

START_SECONDS = 20.0

STACK_MEBIBYTES = 64
OVERFLOW_MEBIBYTES = 24.0
"""A native stack overflow takes all the stack it is given: with 64 MiB of it, it dies with so much more memory."""

FIELDS = ("kind", "type", "message", "traceback", "group", "bucket", "seconds", "mebibytes")


class Court:
    """Runs inputs alone. territory: sorts frames; leaky: inputs that were found to leave memory behind."""

    def __init__(self, link: Link, declaration: Declaration, territory: Territory, *, confined: bool) -> None:
        self.link, self.declaration, self.territory, self.confined = link, declaration, territory, confined
        self.leaky: set[bytes] = set()

    def judge(self, payload: bytes) -> Outcome:
        """What this input does, after as many runs as it takes to tell. Raises BadInputError where it is too large."""
        if len(payload) > CAPACITY:
            raise BadInputError("too large", f"{len(payload)} bytes, at most {CAPACITY}")
        outcome = self.run(payload)
        if outcome.kind == "crash" and outcome.type in ("SIGSEGV", "SIGBUS") and self._overflows(payload, outcome):
            outcome = _renamed(outcome, "overflow")
        if outcome.signal or outcome.status is not None:  # the peak of the whole process says nothing of the input
            return msgspec.structs.replace(outcome, mebibytes=math.nan)
        if outcome.kind in (*FINE, "memory-error") and outcome.mebibytes > self.declaration.mebibytes:
            return self._memory(payload, outcome)
        if outcome.kind in FINE and outcome.seconds > self.declaration.seconds:
            return self._slow(payload, outcome)
        return outcome

    def run(self, payload: bytes, *, patience: float = PATIENCE, limit: float = 0.0, **job: Any) -> Outcome:
        """One run in a fork. patience: how many times the limit it may take; job: for the worker.

        limit: seconds, another one than the harness's: what hangs after less time is seen to stand where it stands.
        """
        link = self.link
        slot = link.slots[ALONE]
        slot.flight.load(payload)
        link.fork(ALONE, {"name": "alone", **job})
        limit = limit or self.declaration.seconds
        sampler = Sampler(slot, limit)
        begun = 0.0
        allowance: Patience | None = None
        started = time.monotonic()
        try:
            while not slot.inbox and slot.death is None:
                now = time.monotonic()
                if not begun and slot.flight.head[STARTED]:
                    begun, allowance = now, Patience(slot.pid, patience * limit)
                if allowance is not None and allowance.over(now - begun):
                    return self._hang(slot, sampler, now - begun)
                if not begun and now - started > START_SECONDS:
                    return self._hang(slot, sampler, now - started)
                link.pump(sampler.step(now - begun) if begun else 0.005)
        finally:
            if slot.death is None and not slot.inbox:
                link.end(slot)
        if slot.inbox:
            told, _ = slot.inbox.popleft()
            slot.collect()  # what it printed before it told; its exit need not be waited for
            return self._told(told, slot, sampler)
        assert slot.death is not None
        outcome = aftermath.outcome_of(slot.death, slot, self.territory)
        return msgspec.structs.replace(outcome, mebibytes=slot.death.mebibytes)

    def _told(self, told: dict[str, Any], slot: Slot, sampler: Sampler) -> Outcome:
        outcome = outcome_from(told, slot.ring.text())
        if outcome.kind in FINE and outcome.seconds > self.declaration.seconds:
            where = sampler.placed(self.territory)
            slow = aftermath.located("slow", "", where, message=_took(outcome.seconds, self.declaration.seconds))
            return msgspec.structs.replace(
                outcome, frames=slow.frames, group=slow.group, bucket=slow.bucket, message=slow.message,
                traceback=sampler.text,
            )  # fmt: skip
        return outcome

    def _hang(self, slot: Slot, sampler: Sampler, seconds: float) -> Outcome:
        sampler.finish(self.link)
        self.link.end(slot)
        outcome = aftermath.located(
            "hang", "", sampler.placed(self.territory), traceback=sampler.text, output=slot.ring.text(),
            message=f"not finished after {seconds:.2f} s; the limit is {self.declaration.seconds:g} s",
        )  # fmt: skip
        return msgspec.structs.replace(outcome, seconds=seconds)

    def _overflows(self, payload: bytes, outcome: Outcome) -> bool:
        """Whether it dies of too little stack: given more, it takes more or lives."""
        again = self.run(payload, stack=STACK_MEBIBYTES << 20)
        if again.kind == "hang":
            return False
        return again.kind in FINE or again.mebibytes - outcome.mebibytes > OVERFLOW_MEBIBYTES

    def _memory(self, payload: bytes, outcome: Outcome) -> Outcome:
        """A peak above the limit; where it runs out when it is held to the limit gives the key.

        A MemoryError without such a peak stays the target's own: it was refused four times the limit at once.
        """
        tight = self.run(payload, mebibytes=TIGHT * outcome.mebibytes) if self.confined else outcome
        if tight.kind == "memory-error":
            place = tight.group.partition(":")[2].partition(":")[2]
            group = f"memory::{place}"
            bucket = f"memory::{tight.bucket.partition(':')[2].partition(':')[2]}"
        else:
            group = bucket = f"memory::{self.declaration.name}"
        return Outcome(
            kind="memory", frames=tight.frames, traceback=tight.traceback, group=group, bucket=bucket,
            seconds=outcome.seconds, mebibytes=outcome.mebibytes, output=outcome.output,
            message=f"took {outcome.mebibytes:.0f} MiB; the limit is {self.declaration.mebibytes} MiB",
        )  # fmt: skip

    def _slow(self, payload: bytes, outcome: Outcome) -> Outcome:
        """The least of three times: the machine may have been busy."""
        best = outcome
        for _ in range(2):
            again = self.run(payload)
            if again.kind != outcome.kind:
                return again if again.kind != "hang" else msgspec.structs.replace(best, kind="slow")
            best = min(best, again, key=lambda one: one.seconds)
            if best.seconds <= self.declaration.seconds:
                return msgspec.structs.replace(best, frames=(), group="", bucket="", message="", traceback="")
        return msgspec.structs.replace(best, kind="slow", message=_took(best.seconds, self.declaration.seconds))


def outcome_from(told: dict[str, Any], output: str) -> Outcome:
    """The outcome that a worker told."""
    fields = {name: told[name] for name in FIELDS if name in told}
    return Outcome(**fields, frames=tuple(told.get("frames", ())), causes=tuple(told.get("causes", ())), output=output)


def _renamed(outcome: Outcome, kind: str) -> Outcome:
    return msgspec.structs.replace(
        outcome, kind=kind, group=f"{kind}{outcome.group[len(outcome.kind):]}",
        bucket=f"{kind}{outcome.bucket[len(outcome.kind):]}", message="the native stack is used up",
    )  # fmt: skip


def _took(seconds: float, limit: float) -> str:
    return f"took {seconds:.2f} s; the limit is {limit:g} s" if math.isfinite(seconds) else ""
