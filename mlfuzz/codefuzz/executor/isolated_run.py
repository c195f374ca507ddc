"""One input alone in a fresh fork: what became of it, with time and memory measured.

Time and memory seen while fuzzing are suspicions: another input may have left the memory, another process the
delay. What is said of an input is what it does alone.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from mlfuzz.codefuzz.executor import exit_classifier
from mlfuzz.codefuzz.executor.hang import Sampler
from mlfuzz.codefuzz.failure import sanitizer_report
from mlfuzz.codefuzz.failure.bucketing import FrameOwners
from mlfuzz.codefuzz.failure.outcome import FINE, Outcome
from mlfuzz.codefuzz.failure.sandbox_refusal import Refusal
from mlfuzz.codefuzz.forkserver.client import ALONE, ForkServerClient
from mlfuzz.codefuzz.forkserver.syscall_answers import SyscallAnswers
from mlfuzz.codefuzz.forkserver.syscall_supervisor import SyscallSupervisor
from mlfuzz.codefuzz.forkserver.throwaway_places import COPIED, helps, places
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.runtime.flight_recorder import CAPACITY
from mlfuzz.codefuzz.runtime.input_threads import SECONDS as THREAD_SECONDS
from mlfuzz.codefuzz.runtime.permissions import STANDARD, Permissions
from mlfuzz.errors import BadInputError, WorkerLostError
from mlfuzz.run_deadline import RunDeadline

PATIENCE = 2.0
"""A run alone may take so many times the limit: an input that ends in that time is slow, another hangs."""

TIGHT = 0.8
"""With so much of the memory that it took, an input that takes too much runs out where it takes most."""

START_SECONDS = 20.0

MOST_INNOCENT = 4096
"""Inputs that are remembered to have wanted nothing that is refused: they need not be watched once more."""

COPIES = 3
"""So many times an input that wants more is given a copy of more."""

UNSURE = frozenset({"hang", "slow", "memory", "memory-error", "killed", "thread", "unraisable"})
"""Kinds that a pretence may cause: somebody is waited for; and of what a thread raised, the causes are not known."""

STACK_MEBIBYTES = 64
OVERFLOW_MEBIBYTES = 24.0
"""A native stack overflow takes all the stack it is given: with 64 MiB of it, it dies with so much more memory."""

FIELDS = (
    "kind", "type", "message", "traceback", "group", "bucket", "seconds", "mebibytes", "system", "origin", "escapes",
    "times", "variants",
)  # fmt: skip


TIMED = frozenset({"hang", "slow"})


class IsolatedRunner:
    """Runs inputs alone. territory: sorts frames; leaky: inputs that were found to leave memory behind.

    copied: whether the last input that was watched ran in a throw-away copy. bare: the same without coverage, where
    there is one: counting edges may take several times as long as the code.
    """

    def __init__(
        self, link: ForkServerClient, declaration: Declaration, territory: FrameOwners, *, confined: bool
    ) -> None:
        self.link, self.declaration, self.territory, self.confined = link, declaration, territory, confined
        self.leaky: set[bytes] = set()
        self.bare: Callable[[bytes], Outcome] | None = None
        self._sandbox: frozenset[str] = frozenset()
        self._permitted = STANDARD
        self._answers: SyscallAnswers | None = None
        self._innocent: set[bytes] = set()
        self._copy: Sequence[str] | None = None
        self._inside = self.copied = False
        self._uncopied: set[tuple[str, ...]] = set()

    def watch(self, sandbox: Sequence[str], permitted: Permissions = STANDARD) -> None:
        """From now on a failure is none that comes of what a sandbox of these layers refuses. permitted: what it
        does not refuse."""
        self._permitted = permitted
        self._sandbox = frozenset(layer.partition("-")[0] for layer in sandbox)

    @property
    def guarded(self) -> bool:
        """Whether there is a sandbox that refuses anything."""
        return bool(self._sandbox & {"seccomp", "landlock"})

    @property
    def watching(self) -> bool:
        """Whether the worker that is forked now shall ask before it is refused anything."""
        return self._answers is not None and "seccomp" in self._sandbox

    def guard(self, slot: WorkerHandle) -> contextlib.AbstractContextManager[object]:
        """Who answers that worker, where it asks."""
        if self._answers is None or not self.watching:
            return contextlib.nullcontext()
        return SyscallSupervisor(self.link, slot, self._answers)

    def execute(self, payload: bytes) -> Outcome:
        """What this input does, after as many runs as it takes to tell. Raises BadInputError where it is too large."""
        outcome = self.cleared(payload, self._execute(payload))
        return self.bare(payload) if self.bare is not None and outcome.kind in TIMED else outcome

    def evaluate(self, payload: bytes) -> Outcome:
        """`execute`, and of an input that does not fail also what it would do if nothing were refused: it may have gone
        another way."""
        return self.doubted(payload, self.execute(payload))

    def doubted(self, payload: bytes, outcome: Outcome) -> Outcome:
        """What does not fail, with all that it was refused; as a failure where it fails in a way of its own once all of
        that is pretended."""
        if outcome.failed or outcome.kind == "barred" or not self.guarded or payload in self._innocent:
            return outcome
        again = self.watched(payload)
        if not again.refusals:
            self._acquit(payload)
            return outcome
        whole = all(one.pretended for one in again.refusals)
        own = again.failed and not again.system and again.kind not in UNSURE
        return again if whole and own else msgspec.structs.replace(outcome, refusals=again.refusals)

    def _acquit(self, payload: bytes) -> None:
        if len(self._innocent) < MOST_INNOCENT:
            self._innocent.add(payload)

    def cleared(
        self, payload: bytes, outcome: Outcome, *, execute: Callable[[bytes], Outcome] | None = None
    ) -> Outcome:
        """A failure, unless it comes of what the sandbox refuses: it must be there too where all of that is pretended.

        Another failure that shows only then counts as well, unless it may come of the pretence. execute: what shows the
        failure, where one run does not.
        """
        if not outcome.failed or not self.guarded or payload in self._innocent:
            return outcome
        again = self.watched(payload)
        if not again.refusals:
            self._acquit(payload)
            return outcome
        if execute is not None:  # what the one run was refused counts also where the others cannot be watched
            again = _refused(self.watched(payload, execute), again.refusals)
        whole = all(one.pretended for one in again.refusals)
        if whole and again.failed and (again.bucket == outcome.bucket or _own(again, outcome)):
            return again
        ran_through = whole and self.copied and not again.failed
        return msgspec.structs.replace(outcome, kind="barred", refusals=again.refusals, ran_through=ran_through)

    def watched(self, payload: bytes, execute: Callable[[bytes], Outcome] | None = None) -> Outcome:
        """What it does where nothing is refused: in a throw-away copy of what it wants to change, where this machine
        has such, else as far as it can be pretended. With all that the sandbox refuses.
        """
        outcome = self._asked(payload, execute)
        copy: tuple[str, ...] | None = None
        self.copied = False
        for _ in range(COPIES):
            wider = places(outcome.refusals)
            if wider == copy or wider in self._uncopied or not helps(outcome.refusals):
                break
            again = self._asked(payload, execute, wider)
            if not self._inside:
                self._uncopied.add(wider)
                break
            copy, self.copied = wider, True
            known = {(one.deed, one.what) for one in again.refusals}
            before = [one for one in outcome.refusals if (one.deed, one.what) not in known]
            done = [msgspec.structs.replace(one, pretended=True) for one in before if one.deed in COPIED]
            outcome = _refused(again, [*done, *(one for one in before if one.deed not in COPIED)])
        return outcome

    def _asked(
        self, payload: bytes, execute: Callable[[bytes], Outcome] | None, copy: Sequence[str] | None = None
    ) -> Outcome:
        """With all calls answered by us. copy: folders that it has a throw-away copy of."""
        self._copy = copy
        self._answers = SyscallAnswers(
            str(self.link.scratch / "work"), files="landlock" in self._sandbox, programs=not self.confined,
            permitted=self._permitted, copies=copy or (),
        )  # fmt: skip
        try:
            outcome = (execute or self._execute)(payload)
            self._inside = self._answers.inside
            return _refused(outcome, self._answers.notes)
        finally:
            self._answers = self._copy = None

    def _execute(self, payload: bytes) -> Outcome:
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
        slot = self._forked(payload, {"name": "alone", **job})
        limit = limit or self.declaration.seconds
        sampler = Sampler(slot, limit)
        with self.guard(slot):
            try:
                hung = self._awaited(slot, sampler, patience * limit)
            finally:
                if slot.death is None and not slot.inbox:
                    self.link.end(slot)
        if hung is not None:
            return hung
        if slot.inbox:
            message, _ = slot.inbox.popleft()
            slot.collect()  # what it printed before it told; its exit need not be waited for
            if not self.guarded:
                self.link.end(slot)  # it may have taken down who forks: that is this input's doing, not the next one's
            return self._reported(message, slot, sampler)
        assert slot.death is not None
        outcome = exit_classifier.outcome_of(slot.death, slot, self.territory)
        return msgspec.structs.replace(outcome, mebibytes=slot.death.mebibytes)

    def ask(self, payload: bytes, job: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """What a worker tells of another job with this input; {} where it ends, or has had its time, before that."""
        slot = self._forked(payload, job)
        patience = RunDeadline(slot.pid, seconds)
        with self.guard(slot):
            while not slot.inbox and slot.death is None and not patience.over():
                self.link.pump(0.05)
            reply: dict[str, Any] = slot.inbox.popleft()[0] if slot.inbox else {}
            output = slot.ring.text()
            death = self.link.end(slot)
        if exit_classifier.broken(death, slot):
            raise WorkerLostError(f"a worker has failed of itself:\n{output}")
        return {"output": output, **reply} if reply else {}

    def _forked(self, payload: bytes, job: dict[str, Any]) -> WorkerHandle:
        """A worker that has the input before it."""
        self.link.slots[ALONE].flight.load(payload)
        copy = {"copy": list(self._copy)} if self._copy is not None else {}
        return self.link.fork(ALONE, {"watched": self.watching, **copy, **job})

    def _awaited(self, slot: WorkerHandle, sampler: Sampler, seconds: float) -> Outcome | None:
        """Until a worker has told its outcome or is dead; a hang where it has had its time before that."""
        phase, since = (0, False), time.monotonic()
        allowance, writing = RunDeadline(slot.pid, START_SECONDS), False
        while not slot.inbox and slot.death is None:
            now = time.monotonic()
            if slot.flight.phase != phase:
                phase, since, writing = slot.flight.phase, now, False
                allowance = RunDeadline(slot.pid, seconds + (THREAD_SECONDS if phase[1] else 0.0))
            over = allowance.over()
            if phase[0] and not phase[1]:
                sampler.waited = allowance.waited
            if over:
                if not phase[0]:
                    raise WorkerLostError(f"a worker has not begun within {START_SECONDS:g} s of its own time")
                if writing:
                    self.link.end(slot)
                    return _unfinished(exit_classifier.outcome_of(slot.death, slot, self.territory))  # type: ignore[arg-type]
                if not sanitizer_report.begun(slot.ring.data):
                    return self._hang(slot, sampler, allowance.spent)
                allowance, writing = RunDeadline(slot.pid, sanitizer_report.REPORT_SECONDS), True
            if not phase[0]:
                self.link.pump(0.005)
            else:
                self.link.pump(0.01 if phase[1] else sampler.step(now - since))
        return None

    def _reported(self, message: dict[str, Any], slot: WorkerHandle, sampler: Sampler) -> Outcome:
        outcome = outcome_from(message, slot.ring.text())
        others = max(0.0, sampler.waited - message["waited"])  # its threads and programs have waited, and it for them
        outcome = msgspec.structs.replace(outcome, seconds=max(0.0, outcome.seconds - others))
        late = outcome.kind in FINE and outcome.seconds > self.declaration.seconds
        return self._stood(outcome, sampler) if late else outcome

    def _stood(self, outcome: Outcome, sampler: Sampler) -> Outcome:
        """A slow one, with where the sampler has seen it."""
        where = sampler.placed(self.territory)
        slow = exit_classifier.located("slow", "", where, message=_took(outcome.seconds, self.declaration.seconds))
        return msgspec.structs.replace(
            outcome, frames=slow.frames, group=slow.group, bucket=slow.bucket, message=slow.message,
            traceback=sampler.text,
        )  # fmt: skip

    def _place(self, payload: bytes, slow: Outcome) -> Outcome:
        """Where a slow input waits; as it was where that cannot be seen."""
        slot = self._forked(payload, {"name": "alone"})
        sampler = Sampler(slot, self.declaration.seconds, waiting=True)
        with self.guard(slot):
            self._awaited(slot, sampler, PATIENCE * self.declaration.seconds)
        self.link.end(slot)
        return self._stood(slow, sampler) if sampler.text else slow

    def _hang(self, slot: WorkerHandle, sampler: Sampler, seconds: float) -> Outcome:
        sampler.finish(self.link)
        self.link.end(slot)
        outcome = exit_classifier.located(
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
        if not best.frames:
            where = self._place(payload, best)
            best = msgspec.structs.replace(
                best, frames=where.frames, group=where.group, bucket=where.bucket, traceback=where.traceback
            )
        return msgspec.structs.replace(best, kind="slow", message=_took(best.seconds, self.declaration.seconds))


def outcome_from(message: dict[str, Any], output: str) -> Outcome:
    """The outcome that a worker told."""
    fields = {name: message[name] for name in FIELDS if name in message}
    refusals = tuple(Refusal(one["deed"], one["what"]) for one in message.get("refusals", ()))
    return Outcome(
        **fields, frames=tuple(message.get("frames", ())), causes=tuple(message.get("causes", ())), output=output,
        refusals=refusals,
    )  # fmt: skip


def _refused(outcome: Outcome, refusals: Iterable[Refusal]) -> Outcome:
    """The outcome with these refusals and its own."""
    return msgspec.structs.replace(outcome, refusals=tuple(dict.fromkeys((*refusals, *outcome.refusals))))


def _own(again: Outcome, refused: Outcome) -> bool:
    """Whether a failure that shows only where refusals are pretended is the target's. A pretence makes others too: a
    file is not there afterwards, somebody is waited for, or what failed at the first step fails at the second.
    """
    return not again.system and again.kind not in UNSURE and again.type not in (refused.type, *refused.causes)


def _unfinished(outcome: Outcome) -> Outcome:
    """What has crashed and was ended while its report was being written."""
    if outcome.kind == "sanitizer":
        return outcome
    group = "sanitizer:unfinished"
    message = f"it has crashed, and its report did not come within {sanitizer_report.REPORT_SECONDS:g} s"
    return Outcome(
        kind="sanitizer", type="unfinished", message=message, group=group, bucket=group, output=outcome.output
    )


def _renamed(outcome: Outcome, kind: str) -> Outcome:
    return msgspec.structs.replace(
        outcome, kind=kind, group=f"{kind}{outcome.group[len(outcome.kind):]}",
        bucket=f"{kind}{outcome.bucket[len(outcome.kind):]}", message="the native stack is used up",
    )  # fmt: skip


def _took(seconds: float, limit: float) -> str:
    return f"took {seconds:.2f} s; the limit is {limit:g} s" if math.isfinite(seconds) else ""
