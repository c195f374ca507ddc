"""The supervisor of a fuzzing worker: starts it, watches it, asks what killed it, and starts it again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.corpus.corpus_directory import WorkCorpus
from mlfuzz.codefuzz.corpus.dictionary import recommended
from mlfuzz.codefuzz.engine.libfuzzer_options import FLAGS, STATUS
from mlfuzz.codefuzz.engine.session_memory import SessionMemory
from mlfuzz.codefuzz.executor import exit_classifier
from mlfuzz.codefuzz.executor.batch_run import BatchRunner
from mlfuzz.codefuzz.executor.hang import Sampler
from mlfuzz.codefuzz.executor.isolated_run import IsolatedRunner, outcome_from
from mlfuzz.codefuzz.executor.leak import leaks
from mlfuzz.codefuzz.failure import sanitizer_report
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.forkserver.client import FUZZ, ForkServerClient
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.harness.engine import FuzzProgress, OnAgain, OnFailure, OnProgress
from mlfuzz.codefuzz.runtime.exit_status import DAMAGED, SPENT, UNTELLABLE
from mlfuzz.codefuzz.runtime.flight_recorder import BASE, CLOSED, FAILED, READY, REFUSED, RETURNED, STARTED
from mlfuzz.codefuzz.runtime.held import MEMORY
from mlfuzz.codefuzz.runtime.input_threads import EXHAUSTED
from mlfuzz.codefuzz.runtime.input_threads import SECONDS as THREAD_SECONDS
from mlfuzz.codefuzz.runtime.rounds import unpacked
from mlfuzz.errors import WorkerLostError
from mlfuzz.run_deadline import RunDeadline

POLL_SECONDS = 0.05
PROGRESS_SECONDS = 0.25
SYNC_SECONDS = 1.0
CROWDED_SECONDS = 1.0
"""A worker in which something is used up that no input takes alone lives at least so long, then another begins anew."""

NEWEST = 3
"""So many inputs of each turn are looked at that do not fail."""

LEAK_SECONDS = 60.0
LEAK_CANDIDATES = 6
"""So often, and on so many inputs of the corpus, a worker that has grown is searched for who leaves memory behind."""

LEAK_SERIES, LEAK_REPEATS = 128, 20
"""Inputs that ran before something was used up, each of which is looked at, where it is memory after so many runs."""

EARLY_SHARE = 0.25
"""Of the limit: an input that stands where others have hung is ended so early."""

EARLY_SECONDS = 1.5
"""libFuzzer ends so long before its time is up: only then it says which words were useful. It counts whole seconds, and
goes on for one after its limit."""

TURN_SECONDS = 0.5
"""Less than that is not worth another worker."""

SPARES = True
"""Whether a worker leaves forks that go on for it when it dies."""

SEARCH_SECONDS = 10.0
"""For which of the inputs since a worker's last look has damaged its process."""

ALERT_SECONDS = 5.0
"""A worker that looks after each input lives so long: long enough to run a corpus again."""

STILLBORN = 60
"""So many deaths in a row, each within a few runs: the harness dies of everything."""


class FuzzRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of `fuzz` asks for. seconds, runs: limits; flags: more of libFuzzer's."""

    corpus: Path
    seconds: float
    runs: int
    seed: int
    flags: tuple[str, ...]
    known: tuple[str, ...]


class FuzzSession:
    """One call of `Session.fuzz`."""

    def __init__(
        self, link: ForkServerClient, runner: IsolatedRunner, memory: SessionMemory, request: FuzzRequest,
        on_failure: OnFailure, on_progress: OnProgress, stop: Callable[[], bool],
        on_again: OnAgain = lambda payload, outcome: None,
    ) -> None:  # fmt: skip
        self.link, self.runner, self.memory, self.request = link, runner, memory, request
        link.turns += 1  # each call draws other numbers: the same ones on the same corpus would find nothing more
        self.on_failure, self.on_progress, self.stop, self.on_again = on_failure, on_progress, stop, on_again
        self.slot = link.slots[FUZZ]
        self.work = WorkCorpus(link.scratch, request.corpus, runner.declaration.length)
        self.known = set(request.known)
        self.began = time.monotonic()
        self.fuzzing = 0.0
        self.executions = self.restarts = self.failures = self.edges = self.features = self.units = 0
        self.stillborn = self.broken = 0
        self.measured = self.done = False
        self._crowded, self._retired = "", False
        self.words: list[bytes] = []
        self._killer = b""
        self._heard = self._alert = False
        self._allowance: RunDeadline | None = None
        self._reported = self._synced = 0.0
        self._seen, self._since, self._looked = (-1, False), 0.0, (-1, False)

    def run(self) -> FuzzProgress:
        """Until a limit is reached or somebody says stop."""
        try:
            while not self._over():
                self._life()
                self._count()
                self.restarts += 1
        finally:
            if self.slot.pid and self.slot.death is None:
                self.link.end(self.slot)
                self._count()
            self.link.drop_spare(self.slot)
            self.work.collect()
        self._heed()
        self.restarts = max(0, self.restarts - 1)
        progress = self.progress()
        self.on_progress(progress)
        return progress

    def progress(self) -> FuzzProgress:
        head = self.slot.flight.head
        return FuzzProgress(
            executions=self.executions + self.slot.flight.runs, edges=self.edges, features=self.features,
            corpus=self.units, fuzzing=self.fuzzing, seconds=time.monotonic() - self.began, restarts=self.restarts,
            failures=self.failures + head[FAILED], measured=self.measured,
            words=tuple(self.words),
        )  # fmt: skip

    def _over(self) -> bool:
        if self.done or time.monotonic() - self.began >= self.request.seconds or self.stop():
            return True
        return bool(self.request.runs) and self.executions + self.slot.flight.runs >= self.request.runs

    def _count(self) -> None:
        """Take over the counters of a worker that has ended."""
        head = self.slot.flight.head
        self.executions += self.slot.flight.runs
        self.failures += head[FAILED]
        for word in (STARTED, CLOSED, FAILED, REFUSED, RETURNED):
            head[word] = 0

    def _start(self) -> None:
        """A worker in the slot: the spare of the one that has died, or a new one."""
        killer, self._killer = self._killer, b""
        known = sorted(self.known | self.memory.silenced)
        listens = self._heard or not self.memory.unheard  # a spare does what its worker did, and no more
        if killer and listens and self.link.take_over(self.slot, {"known": known}, killer):
            return
        self._heard = self.memory.unheard
        self._alert, self.memory.alert = self.memory.alert, False
        left = [f"-runs={max(1, self.request.runs - self.executions)}"] if self.request.runs else []
        limit = int(self.request.seconds - (time.monotonic() - self.began) - EARLY_SECONDS)
        left += [f"-max_total_time={limit}"] if limit > 0 else []
        self.link.fork(FUZZ, {
            "name": "fuzz", "spares": SPARES, "heard": self.memory.unheard, "known": known,
            "room": self.memory.room, "alert": self._alert,
            "poison": [one.hex() for one in self.memory.poison],
            "flags": [*self.work.arguments(), *FLAGS, *self.request.flags, *left, f"-seed={self._seed()}",
                      f"-max_len={self.runner.declaration.length}", f"-artifact_prefix={self.link.scratch / 'work'}/"],
        })  # fmt: skip

    def _life(self) -> None:
        """One worker, from its start to its end."""
        self._start()
        slot = self.slot
        self._crowded, self._retired = "", False
        then = born = time.monotonic()
        self._seen, self._since, self._looked = (-1, False), born, (-1, False)
        while slot.death is None:
            self.link.pump(min(POLL_SECONDS, self.runner.declaration.seconds / 4))
            then = self._clock(then)
            while slot.inbox:
                self._failure(slot)
                then = time.monotonic()
            self._status()
            if self._over():
                self.link.end(slot)
                return
            if self._hangs(slot) or self._hangs_again(slot):
                if self._hang(slot):
                    return
                continue
            if self._alert and then - born > ALERT_SECONDS:
                self._retire(slot)
                return
            spent = bool(self._crowded) and then - born > CROWDED_SECONDS
            if (self._tell() or spent) and self._grows(slot):
                self._grown(slot)
                return
            if spent:
                self.link.end(slot)
                return
        if not self._retired:
            self._death(slot)

    def _seed(self) -> int:
        """libFuzzer takes 0 for the time of day."""
        return (self.request.seed + self.restarts * 7919 + (self.link.turns - 1) * 104729) % (1 << 31) or 1

    def _clock(self, then: float) -> float:
        now = time.monotonic()
        if self.slot.flight.head[READY]:
            self.fuzzing += now - then
        return now

    def _failure(self, slot: WorkerHandle) -> None:
        """A new bucket that the worker has caught; it waits for the answer. Or it has left a spare."""
        message, payload = slot.inbox.popleft()
        if "spare" in message:
            self.link.keep_spare(slot, message["spare"])
            return
        if "left" in message:
            self._left(slot, message["left"], payload)
            return
        outcome = outcome_from(message, slot.ring.text())
        if message.get("known"):  # another way to a bucket, or how often: nobody waits for an answer
            if outcome.bucket in self.known:  # else its worker knows it, and it was no failure: one of the sandbox
                self.on_again(payload, outcome)
            return
        if outcome.kind == "damage":
            found = self._damaged(outcome, payload)
            if not found and self.memory.alert:
                self._retire(slot)
            else:
                slot.answer({"again": not found})
            self._seen = (-1, False)
            return
        if message.get("altered"):
            self._altered(slot, outcome, payload)
            return
        if outcome.kind in ("memory-error", "thread") or EXHAUSTED in outcome.message:
            outcome = self._alone(outcome, payload)
        elif outcome.bucket not in self.known:
            outcome = self.runner.cleared(payload, outcome)
        if outcome.failed:
            self._report(payload, outcome)
        elif outcome.kind == "barred":
            self.on_failure(payload, outcome)
        hidden = bool(outcome.refusals) and not (outcome.failed and outcome.bucket == message["bucket"])
        slot.answer({"again": hidden and self.memory.bar(message["bucket"])})
        self._seen = (-1, False)  # its time begins anew

    def _altered(self, slot: WorkerHandle, outcome: Outcome, payload: bytes) -> None:
        """What failed in a process that this input or one before it had changed: it counts where it fails alone."""
        alone = self.runner.execute(payload)
        if alone.failed:
            self._report(payload, alone)
        elif alone.kind == "barred":
            self.on_failure(payload, alone)
        again = alone.bucket != outcome.bucket and self.memory.bar(outcome.bucket)
        slot.answer({"again": again})
        self._seen = (-1, False)

    def _damaged(self, outcome: Outcome, payload: bytes) -> bool:
        """Whether it was found which of many inputs has damaged a worker. payload: all of them, packed."""
        if outcome.bucket in self.known or outcome.bucket in self.memory.provisional:
            return True
        until = time.monotonic() + SEARCH_SECONDS
        inputs = list(dict.fromkeys(unpacked(payload)))
        for data, record in zip(inputs, BatchRunner(self.runner).run(inputs), strict=False):
            if record.outcome.kind == "damage":
                alone = self.runner.execute(data)
                if alone.kind == "damage":
                    self.memory.quarantine(data)
                    self.memory.provisional.add(outcome.bucket)
                    self._report(data, alone)
                    return True
            if time.monotonic() > until or self.stop():
                break
        self.memory.alert = not self._alert and self.memory.bar(outcome.bucket)
        return not self.memory.alert

    def _left(self, slot: WorkerHandle, kind: str, payload: bytes) -> None:
        """The inputs of a worker have left much of a kind behind: another goes on, and it is looked for who does it.

        payload: those that ran last, packed.
        """
        self._retire(slot)
        recent = list(dict.fromkeys([*unpacked(payload), *self.work.latest(LEAK_CANDIDATES)]))[:LEAK_SERIES]
        series = BatchRunner(self.runner, held=True, repeats=LEAK_REPEATS if kind == MEMORY else 0)
        records = zip(recent, series.run(recent), strict=False)
        left = {data: record.left.get(kind, 0) for data, record in records}
        suspects = sorted((data for data in left if left[data] > 0), key=lambda data: -left[data])
        self._leaking(suspects[:LEAK_CANDIDATES])
        self.memory.room *= 2  # also where it was found: other inputs do the same, and each search takes seconds

    def _retire(self, slot: WorkerHandle) -> None:
        """End a worker that has done nothing wrong; a new one goes on."""
        self._retired = True
        self.link.end(slot)
        self.link.drop_spare(slot)

    def _alone(self, outcome: Outcome, payload: bytes) -> Outcome:
        """What an input does alone that may have paid for others: for their threads, or for what they have used up."""
        if outcome.bucket in self.memory.crowded:
            self._crowded = outcome.kind
            return Outcome(kind="ok")
        alone = self.runner.execute(payload)
        if outcome.kind == "thread":
            return alone
        if alone.failed:
            self.memory.silenced.add(outcome.bucket)  # the verdict may have another bucket; each life would ask again
        elif alone.kind != "barred":
            self.memory.crowded.add(outcome.bucket)
            self._crowded = outcome.kind
            self._seek(payload)
        return alone

    def _report(self, payload: bytes, outcome: Outcome) -> None:
        if outcome.bucket in self.known:
            return
        self.known.add(outcome.bucket)
        self.on_failure(payload, outcome)

    def _death(self, slot: WorkerHandle) -> None:
        """What killed the worker, unless it has ended of its own."""
        assert slot.death is not None
        while slot.inbox:
            self._failure(slot)
        head = slot.flight.head
        runs = slot.flight.runs
        running = slot.flight.running
        if not running and (runs == 0 or slot.death.status == 0):
            self._ended(slot)
            return
        self.stillborn = self.stillborn + 1 if runs < 3 else 0
        if slot.death.code == SPENT and not running:
            self.link.drop_spare(slot)  # it may be in the same state
            return
        payload = slot.flight.payload
        if slot.death.code == DAMAGED and (words := slot.last_words()):
            head[FAILED] += 1
            self._damaged(outcome_from(words, slot.ring.text()), payload)
            self.link.drop_spare(slot)
            return
        first = exit_classifier.outcome_of(slot.death, slot, self.runner.territory)
        head[FAILED] += 1
        unheard = self.memory.unheard
        self.memory.unheard = unheard or slot.damaged or slot.death.code == UNTELLABLE
        silenced = not running and slot.death.code == UNTELLABLE
        if (slot.damaged or silenced) and not unheard:  # several may have run since: the next worker looks after each
            return
        self._quarantine(payload)
        if first.bucket in self.known or first.bucket in self.memory.provisional:
            if first.bucket in self.known:
                self.on_again(payload, first)
            return
        outcome = self.runner.execute(payload)
        if outcome.failed:
            self.memory.provisional.add(first.bucket)
            self._report(payload, outcome)
        elif outcome.kind == "barred":
            self.memory.bar(first.bucket)
            self.on_failure(payload, outcome)
        elif self._worn(slot):
            self._seek(payload)
        elif running and first.kind != "killed":
            self._report(payload, first)
        elif not running:
            self._broken(slot)
        if self.stillborn >= STILLBORN:
            raise WorkerLostError(f"{self.stillborn} workers in a row died of their first inputs: {first.message}")

    def _ended(self, slot: WorkerHandle) -> None:
        assert slot.death is not None
        if slot.death.status == 0 and slot.flight.runs:
            self.words = recommended(slot.ring.data) or self.words
            left = self.request.seconds - (time.monotonic() - self.began)
            self.done = left < EARLY_SECONDS + TURN_SECONDS
            return
        self._broken(slot)

    def _broken(self, slot: WorkerHandle) -> None:
        """It has ended between two inputs, and none of them does that alone."""
        self.broken += 1
        if self.broken >= 3:
            raise WorkerLostError(f"libFuzzer ends of itself:\n{slot.ring.text(2000).strip()}")

    def _hangs(self, slot: WorkerHandle) -> bool:
        now = time.monotonic()
        if slot.flight.phase != self._seen or not slot.flight.running:
            self._seen, self._since = slot.flight.phase, now
            left = THREAD_SECONDS if slot.flight.returned else 0.0
            self._allowance = RunDeadline(slot.pid, self.runner.declaration.seconds + left)
            return False
        over = self._allowance is not None and self._allowance.over()
        return over and not (
            sanitizer_report.begun(slot.ring.data) and now - self._since < sanitizer_report.REPORT_SECONDS
        )

    def _hangs_again(self, slot: WorkerHandle) -> bool:
        """Whether an input that takes long stands where others have hung: it need not have its whole time."""
        early = EARLY_SHARE * self.runner.declaration.seconds
        if not self.memory.hung or self._looked == self._seen or time.monotonic() - self._since < early:
            return False
        self._looked = self._seen
        sampler = Sampler(slot, self.runner.declaration.seconds)
        sampler.finish(self.link)
        if not slot.flight.running or slot.flight.phase != self._seen:
            return False
        return exit_classifier.located("hang", "", sampler.placed(self.runner.territory)).group in self.memory.hung

    def _hang(self, slot: WorkerHandle) -> bool:
        """Take stacks, end it, and see what the input does alone; False where it has ended of its own just now."""
        payload = slot.flight.payload
        if slot.flight.phase != self._seen or not slot.flight.running:
            return False
        sampler = Sampler(slot, self.runner.declaration.seconds)
        sampler.finish(self.link)  # which may end its wait, and let the next one begin: it is this one all the same
        self.link.end(slot)
        slot.flight.head[FAILED] += 1
        self._quarantine(payload)
        where = exit_classifier.located("hang", "", sampler.placed(self.runner.territory))
        if where.group in self.memory.hung or where.bucket in self.known or where.bucket in self.memory.provisional:
            return True
        outcome = (self.runner.bare or self.runner.execute)(payload)
        if outcome.failed:
            self.memory.provisional.add(where.bucket)
            if outcome.kind == "hang":
                self.memory.hung.add(where.group)
            self._report(payload, outcome)
        else:  # also what takes so long only while its edges are counted: the next may be worth a look, and not each
            self.memory.bar(where.bucket)
            if outcome.kind == "barred":
                self.on_failure(payload, outcome)
        return True

    def _worn(self, slot: WorkerHandle) -> bool:
        """Whether a dead worker had used up what many inputs had left in it: the last one is not to blame."""
        assert slot.death is not None
        if self._crowded or slot.death.code == UNTELLABLE:
            return True
        # Native code that is given no memory gives up by abort or exit; a bad access is a fault of its own.
        gave_up = slot.death.signal in (0, signal.SIGABRT)
        return gave_up and self._above_base(slot, slot.death.mebibytes)

    def _grows(self, slot: WorkerHandle) -> bool:
        """Whether the worker holds more than the limit above what it began with: somebody leaves memory behind."""
        return self._above_base(slot, slot.resident())

    def _above_base(self, slot: WorkerHandle, mebibytes: float) -> bool:
        """Whether that is more than the limit above what the worker needs; not where no input has left anything yet."""
        base = slot.flight.head[BASE] / 1024
        return bool(base) and mebibytes - base > self.runner.declaration.mebibytes

    def _grown(self, slot: WorkerHandle) -> None:
        """Look for who leaves it. The next worker begins anew."""
        running = slot.flight.running
        payload = slot.flight.payload
        self.link.end(slot)
        if running:
            outcome = self.runner.execute(payload)
            if outcome.failed:  # or each worker that runs the corpus would end at it
                self.memory.quarantine(payload)
                self._report(payload, outcome)
                return
        self._seek(payload)

    def _seek(self, payload: bytes) -> None:
        """Look for an input that leaves memory behind at each run: this one, and some of the corpus."""
        if time.monotonic() - self.memory.searched < LEAK_SECONDS:
            return
        self.memory.searched = time.monotonic()
        self._leaking([payload, *self.work.latest(LEAK_CANDIDATES)])

    def _leaking(self, candidates: Sequence[bytes]) -> bool:
        """Whether one of them leaves something behind at each run; it is told."""
        for candidate in candidates:
            leak = leaks(self.runner, candidate)
            if leak is not None and leak.failed:
                self.runner.leaky.add(candidate)
                self._report(candidate, leak)
                return True
            if leak is not None:
                self.on_failure(candidate, leak)
        return False

    def _heed(self) -> None:
        """Look at a few of the newest inputs for what the sandbox refuses them: code may catch that and go on."""
        if not self.runner.guarded or self.stop():
            return
        for payload in self.work.latest(NEWEST):
            if payload in self.memory.looked:
                continue
            self.memory.looked.add(payload)
            outcome = self.runner.doubted(payload, Outcome(kind="ok"))
            if outcome.failed:
                self._report(payload, outcome)
            elif outcome.refusals:
                self.on_failure(payload, outcome)

    def _quarantine(self, payload: bytes) -> None:
        self.memory.quarantine(payload)
        self._killer = payload

    def _status(self) -> None:
        """libFuzzer's own count of edges, features and corpus files."""
        head, _, self.slot.lines = self.slot.lines.rpartition(b"\n")
        for match in STATUS.finditer(head):
            edges, features, units = (int(one or 0) for one in match.groups())
            self.edges, self.features = max(self.edges, edges), max(self.features, features)
            self.units = units or self.units
            self.measured = True

    def _tell(self) -> bool:
        """Progress and new files, now and then; whether it was time."""
        now = time.monotonic()
        if now - self._synced >= SYNC_SECONDS:
            self._synced = now
            self.work.collect()
        if now - self._reported < PROGRESS_SECONDS:
            return False
        self._reported = now
        self.on_progress(self.progress())
        return True
