"""The shell: opens a campaign's directory, runs the loop within a budget, keeps what it learns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from mlfuzz.batch import Indices, shape_of
from mlfuzz.budget import Budget, disk_spent
from mlfuzz.campaign.confirm.severity import typical_margins
from mlfuzz.campaign.isolation.call_deadline import least_deadline
from mlfuzz.campaign.isolation.flight_recorder import Recorder
from mlfuzz.campaign.loop.candidates import Candidates, Origin
from mlfuzz.campaign.loop.counters import Counters
from mlfuzz.campaign.loop.label_vote import LabelVote
from mlfuzz.campaign.loop.loop import Loop
from mlfuzz.campaign.minimize.label_check import Validity, keep_label, load_validity
from mlfuzz.campaign.minimize.pipeline import confirm_finding, shrink_finding
from mlfuzz.campaign.search.scheduler import SearchScheduler, searcher_for
from mlfuzz.campaign.search.strategy import gradients_reach
from mlfuzz.campaign.setup.assemble import Assembly, Components, assemble, target_for
from mlfuzz.campaign.setup.calibration import calibration_key
from mlfuzz.campaign.setup.focus import Focus, focus_of
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.setup.seeds import Seeds, seed_flight
from mlfuzz.campaign.spec import WorkerSpec, banned_entries, keep_spec, set_aside_unreadable, spec_of
from mlfuzz.campaign.timetable import Timetable
from mlfuzz.campaign.worker.chance import OwnChance
from mlfuzz.campaign.worker.checkpoint import damage, last_state, measure_again, restore_state, save_state
from mlfuzz.campaign.worker.own_threads import THREADS, threads_for, usable_cores
from mlfuzz.campaign.worker.result import Result
from mlfuzz.campaign.worker.seed_facts import keep_seed_facts
from mlfuzz.campaign.worker.stats import LoopStats
from mlfuzz.campaign.worker.sync import CorpusSync
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import ConfigError, CorruptRecordError, LostInputError, SchemaError, StorageError
from mlfuzz.findings.environment import environment
from mlfuzz.findings.fingerprint import group
from mlfuzz.findings.store import FindingStore
from mlfuzz.interrupts import Interrupts
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.mutators.base import units
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.progress import Progress, Stats
from mlfuzz.registry import outdated
from mlfuzz.schedulers.base import no_keys
from mlfuzz.slices import SeedTable
from mlfuzz.slices import loads as seed_table
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.checkpoint import Checkpoint
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.storage.derived import earlier_stats, read_derived
from mlfuzz.storage.durable import clear_parts
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.workdir import Workdir, life_number
from mlfuzz.targets.digest import is_same, unverified_line
from mlfuzz.targets.plain import plain_parts
from mlfuzz.targets.surroundings import ARGV
from mlfuzz.targets.variants.base import AnyTarget, Varied, itself
from mlfuzz.targets.variants.cost import PER_BATCH
from mlfuzz.triage_queue import TriageQueue

PROGRESS_SECONDS = 2.0

LOOK_AGAIN = 1.05
"""So much longer a campaign is before it is asked again whether new faults are to be expected: by batches, not by the
clock, so that it ends at the same input whenever it is run."""
CHECKPOINT_SECONDS = 5.0

LEAST_TRIAGE_SECONDS = 10.0
"""For confirming and shrinking in this process where no time is given, when a quarter of the fuzzing is less: enough to
confirm what a small model breaks in its first minute, some hundred candidates of ten milliseconds each."""

EXCHANGE_SECONDS = 1.0
"""Where there are several workers, each takes in what the others have kept so often: of two workers, about one entry in
thirty is then found by both."""

WORKER_SHIFT = 32
"""Chance is keyed by the worker's number above these bits and by its life below."""


class Campaign:
    """One fuzzing effort with its directory; may be stopped and resumed.

    A live target object is fuzzed in the calling process: a crash or a hang of the model is then yours. For isolation
    name the target "module:attribute" and use `mlfuzz fuzz`, which runs this class in a supervised worker.
    """

    def __init__(
        self, workdir: Workdir, target: AnyTarget, spec: WorkerSpec, lock: Lock | None, *, worker: int = 0,
        workers: int = 1, timetable: Timetable | None = None, threads: int = THREADS,
    ) -> None:  # fmt: skip
        self._threads = threads
        self.workdir, self.target, self.spec = workdir, target, spec
        self.worker, self.workers, self.timetable = worker, workers, timetable
        self._lock = lock
        self.life = workdir.new_life(worker)
        self.recorder = Recorder(
            workdir.flight(self.life), deadline=spec.deadline,
            least=least_deadline(None if timetable is None else timetable.seconds),
        )  # fmt: skip
        reserve = Reserve(workdir.reserve)
        reserve.hold()
        self.findings = FindingStore(workdir.findings, reserve=reserve)
        self.warnings: list[str] = outdated()
        self.gone = 0
        self._stop: StopReason | None = None
        self._unmeasured: Sequence[int] = ()
        self._blobs = Blobs(workdir)
        self._chance = OwnChance(spec.seed)
        self._opened = False

    @classmethod
    def open(
        cls,
        directory: str | Path,
        target: AnyTarget,
        *,
        seeds: str | Path | None = None,
        spec: WorkerSpec | None = None,
        adopt: bool = False,
        guarded: bool = False,
        lock: bool = True,
        worker: int = 0,
        workers: int = 1,
        timetable: Timetable | None = None,
        threads: int = THREADS,
        **options: Any,
    ) -> Self:
        """Found a campaign in `directory`, or go on with the one that is there.

        seeds: folder or file; None: the target's own. options: fields of `WorkerSpec`, such as scheduler="random".
        adopt: go on although the target or the options have changed; the corpus is measured again where it must be.
        guarded: every batch is tried in a forked child first, for targets that take their process down (CPU only).
        worker, workers: its number and how many share the directory; the first one must have founded it before
        another is opened, and whoever starts them holds the lock and adds up their figures (`combined`).
        timetable: what time there is: of a slow target fewer seeds are then run, and less is measured.
        threads: of torch while this campaign computes, however many the process has; more pay for a model that keeps
        them busy by itself, on cores that nobody else uses.
        Raises CampaignBusyError, ConfigError, SeedError, TargetError.
        """
        if threads < 1:
            raise ConfigError(f"threads must be 1 or more, not {threads}")
        if spec is None:
            chosen = str(seeds if seeds is not None else target.seeds or "")
            spec = spec_of({"target": "", "name": target.name, "seeds": chosen, **options})
        workdir = Workdir.create(Path(directory))
        held = Lock.acquire(workdir.lock) if lock else None
        unreadable: list[str] = []
        campaign: Self | None = None
        try:
            if lock:
                clear_parts(workdir.root)
                set_aside_unreadable(workdir, unreadable.append)
            keep_spec(workdir, spec, target.digest, is_same=partial(is_same, target=target), adopt=adopt)
            campaign = cls(workdir, target, spec, held, worker=worker, workers=workers, timetable=timetable,
                           threads=threads)  # fmt: skip
            campaign.warnings += unreadable
            with threads_for(threads), campaign._chance.used():
                campaign._open(guarded=guarded)
        except BaseException:
            if campaign is not None:
                campaign.close()
            if held is not None:
                held.release()
            raise
        return campaign

    def _open(self, *, guarded: bool) -> None:
        self.recorder.phase("load")
        self.target = target_for(self.target, self.spec)
        self.corpus = Corpus.open(self.workdir, self.life, calibration=calibration_key(self.target, self.spec))
        self._opened = True
        expected = earlier_stats(self.workdir).entries
        self.gone = max(0, expected - len(self.corpus))
        left_out = self.corpus.root()
        if not self.worker:  # the others read the same journals
            self.warnings += damage(self.corpus, left_out, self.gone, expected)
        learnt = last_state(self.workdir.checkpoint(self.worker), self.corpus, self.warnings.append)
        self.pool = InputCache(self.target.modality, self.target.device, self._input)
        until = math.inf if self.timetable is None else self.timetable.prelude
        seeds = Seeds.prepared(self.target, self.spec, self.workdir, self.corpus, self.recorder, until=until)
        self.warnings += seeds.warnings
        if isinstance(self.target, Varied):
            self.target.most = PER_BATCH  # of the seeds each is measured alone, of what follows a few
        assembly = assemble(self.target, self.spec, self.workdir, seeds, guarded=guarded, record=self._record_seeds,
                            beat=self.recorder.phase, until=until)  # fmt: skip
        parts = assembly.parts
        self.warnings += assembly.warnings
        self.calibration, self.tally = assembly.calibration, Counters()
        if replaced := self.calibration.replaced:
            self.warnings.append(f"{replaced}; it is set aside and measured again")
            self.corpus.forget_vectors()
        if len(self.corpus):
            self._resume(parts, seeds, learnt)
        else:
            self._begin(assembly, seeds)
        self.candidates = self._candidates(parts, seeds)
        self._exchange = CorpusSync(self.corpus, self.pool, parts, self.findings, self.candidates, seeds.forms)
        CONTENTS.attach(self._blobs.find)
        if not self.worker:
            keep_seed_facts(self.workdir, seeds.seeds, self.target.modality)
        number = (self.worker << WORKER_SHIFT) + life_number(self.life)[1]
        in_turns = self._in_turns(guarded)
        if self.spec.overlap and in_turns:
            self.warnings.append(f"overlap: batches are made in turns, since {in_turns}")
        self.loop = Loop(
            parts, self.corpus, self.pool, seeds, self.candidates, self.tally, self.recorder, number,
            guarded=guarded, overlap=self.spec.overlap, threaded=not in_turns,
            searcher=self._searcher(parts, seeds, number), vote=self._vote(seeds), focus=self._focus(seeds),
        )  # fmt: skip
        seeds.release()
        self.loop.ban(self._banned())
        for row in self._unmeasured:
            self.loop.lose(row)
        if self.target.was_training:
            self.warnings.append("the model was in training mode; it is run in evaluation mode")
        if unseen := unverified_line(self.target):
            self.warnings.append(unseen)
        self.account = LoopStats(
            self.workdir, self.spec, self.loop, self.calibration, life=self.life, seeds=seeds.stats,
            warnings=self.warnings, gone=self.gone, part=self.worker if self.workers > 1 else None,
        )  # fmt: skip

    def _in_turns(self, guarded: bool) -> str:
        """Why no batch may be made beside one that runs; "" where it may."""
        if guarded:
            return "a guarded campaign forks a child for each"
        if self.workers >= usable_cores():
            return f"{self.workers} workers take all {usable_cores()} cores; use fewer workers, or leave it out"
        found = getattr(itself(self.target), "surroundings", None)
        set_again = sorted(set(found.theirs) - {ARGV}) if found is not None else []
        return f"the target needs settings of the whole process ({', '.join(set_again)})" if set_again else ""

    @property
    def stats(self) -> Stats:
        """Figures up to the last progress record."""
        return self.account.stats

    def _input(self, row: int) -> Payload:
        """Raises LostInputError."""
        try:
            return raw.loads(self.corpus.payload(row))
        except StorageError as error:
            raise LostInputError(row, str(error)) from error

    def _record_seeds(self, numbers: Sequence[int], mutated: Mutated) -> None:
        self.recorder.count(inputs=self.recorder.inputs + len(numbers), candidates=0)
        self.recorder.record(seed_flight(numbers, mutated.steps), shape_of(mutated.rows))

    def request_stop(self, reason: StopReason = StopReason.REQUESTED) -> None:
        """Finish the batch, save, and end; callable from a signal handler."""
        self._stop = self._stop or reason

    def run(
        self, budget: Budget, *, on_progress: Callable[[Progress], None] | None = None,
        interrupts: Interrupts | None = None, triage_here: bool = True,
    ) -> Result:  # fmt: skip
        """Fuzz until the budget is spent or a stop is requested; save; confirm and shrink.

        interrupts: who hears the signals of this process; None: nobody, `mlfuzz stop` alone is heeded.
        triage_here: confirm and shrink in this process, within a fifth of the time, or where none is given within a
        quarter of what fuzzing took, and 10 s at least; False where a probe does it.
        """
        with threads_for(self._threads), self._chance.used():
            return self._run(budget, on_progress, interrupts or Interrupts(self.workdir.stop_request), triage_here)

    def _run(
        self, budget: Budget, on_progress: Callable[[Progress], None] | None, interrupts: Interrupts, triage_here: bool
    ) -> Result:
        started = time.monotonic()
        inputs = 0
        progressed = checkpointed = exchanged = started
        looked = 0
        stop: Stop | None = None
        share = 0.8 if triage_here else 1.0
        while stop is None:
            began = time.monotonic()
            self.loop.most = None if budget.inputs is None else budget.inputs - inputs
            inputs += self.loop.step()
            now = time.monotonic()
            self.recorder.count(inputs=self.account.inputs_before + inputs, candidates=self.candidates.saved)
            spent = budget.spent(seconds=(now - started) / share, inputs=inputs, findings=self.candidates.saved)
            asked = self._stop or interrupts.reason
            # A batch that would be cut short is better not begun.
            late = self.timetable is not None and now + (now - began) > self.timetable.worker
            stop = Stop(asked) if asked else spent or (Stop(StopReason.TIME) if late else None)
            if stop is None and budget.new_faults and self.loop.batches >= looked * LOOK_AGAIN:
                looked = self.loop.batches
                stop = budget.spent(seconds=0.0, inputs=0, findings=0, expected=self.account.new_faults())
            if stop or now - progressed >= PROGRESS_SECONDS or progressed == started:
                progressed = now
                self.account.count(now - started, inputs)
                progress = self.account.progress(inputs, len(self.findings.ids()))
                self.account.tell(progress)
                if on_progress is not None:
                    on_progress(progress)
            if self.workers > 1 and now - exchanged >= EXCHANGE_SECONDS:
                exchanged = now
                self._exchange.take_in()
            if stop or now - checkpointed >= CHECKPOINT_SECONDS:
                checkpointed = now
                self.checkpoint()
                if stop is None and self.spec.max_disk:
                    stop = disk_spent(self.workdir.used_bytes(), self.spec.max_disk)
        if triage_here:
            now = time.monotonic()
            free = max(LEAST_TRIAGE_SECONDS, (now - started) / 4)
            self._triage(started + budget.total_seconds if budget.total_seconds else now + free)
        self.stats.ended = str(stop)
        self.account.count(time.monotonic() - started, inputs)
        self.checkpoint()
        return Result(stop, self.stats, tuple(group(self.findings.records())))

    def checkpoint(self) -> None:
        """Derived state and figures; the truth is in the journal already."""
        if self._lock is not None:
            self._lock.require_in_place()
        self.corpus.sync()
        save_state(self.workdir.checkpoint(self.worker), self.loop.parts, self.spec, self.corpus)
        self.account.save()

    def close(self) -> None:
        """End this life; the directory may then be opened by another process."""
        try:
            if self._opened:  # else it was given up on the way there
                self.corpus.close()
        finally:  # a disk that fails at the end must not keep the directory from the next life
            CONTENTS.detach(self._blobs.find)
            self.recorder.close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, assembly: Assembly, seeds: Seeds) -> None:
        """The seeds become the first entries."""
        self.recorder.phase("store")
        parts, width = assembly.parts, assembly.parts.plan.ledger.width
        seeds.admit(self.corpus, self.pool, parts.scheduler, parts.oracles, assembly.features, width=width)
        parts.criterion.load(assembly.features)

    def _resume(self, parts: Components, seeds: Seeds, learnt: Checkpoint | None) -> None:
        """Bring back what lives before this one left; entries measured on another target are run again."""
        corpus, forms = self.corpus, seeds.forms
        self.pool.adopt_many(forms, corpus.seeds.tolist())
        stale, self._unmeasured = measure_again(corpus, self.pool, parts, beat=lambda: self.recorder.phase("calibrate"))
        if stale:
            before = "with what is measured anew" if self.calibration.replaced else "on another target"
            self.warnings.append(f"{stale} entries were measured {before}; they have been run again")
        parts.criterion.load(corpus.vectors)
        if corpus.judged_by(len(parts.oracles)):
            _, own = np.unique(corpus.seeds, return_index=True)
            corpus.margins[own] = seeds.margins(parts.oracles)
            self.warnings.append("the oracles have changed: how near the entries come to failing is learnt anew")
        parts.scheduler.grow(corpus.seeds, corpus.gains, corpus.margins, no_keys(corpus.margins))
        restore_state(learnt, parts, self.spec)

    def _candidates(self, parts: Components, seeds: Seeds) -> Candidates:
        origin = Origin(
            self.workdir.name, self.life, self.spec.target, parts.plan.ledger.limits.linf, environment(), units(),
            plain_parts(self.target),
        )  # fmt: skip
        return Candidates(
            self.target, parts.oracles, parts.floors, self.findings, self.corpus, seeds, origin, self.spec.cap,
            typical_margins(self.corpus.margins[self.corpus.parents < 0]),
        )  # fmt: skip

    def _focus(self, seeds: Seeds) -> Focus | None:
        if not self.spec.focus:
            return None
        table = read_derived(self.workdir.seed_facts, seed_table, self.warnings.append) or SeedTable()
        return focus_of(self.spec.focus, table, seeds.names, seeds.label_names, list(self.findings.records()))

    def _searcher(self, parts: Components, seeds: Seeds, number: int) -> SearchScheduler | None:
        """Searches between the batches, where they are asked for; a warning where they cannot do anything."""
        searcher = searcher_for(
            self.spec.search, target=self.target, oracles=parts.oracles, floors=parts.floors, corpus=self.corpus,
            pool=self.pool, seeds=seeds, ledger=parts.plan.ledger, blobs=self._blobs, batch=parts.batch, key=number,
        )  # fmt: skip
        white = searcher is not None and searcher.mode == "white"
        if white and not gradients_reach(self.target, seeds.alike()[1])[0]:
            self.warnings.append(
                f"search white: no gradients reach the input of target {self.target.name}; nothing is searched; "
                "search black needs none"
            )
        return searcher

    def _vote(self, seeds: Seeds) -> LabelVote | None:
        """The reference models, where there are any: what they no longer recognise was too much for its seed."""
        if not self.spec.validity:
            return None
        return LabelVote(self._validity(itself(self.target)).models, self.pool.gather, seeds.label_names)

    def _validity(self, target: Any) -> Validity:
        return load_validity(
            self.spec.validity, target=target, directory=Path(self.spec.directory).resolve(), device=self.spec.device,
            require=self.spec.require_valid,
        )  # fmt: skip

    def _banned(self) -> Indices:
        banned = read_derived(self.workdir.banned, banned_entries, self.warnings.append) or []
        rows = [self.corpus.row(identity) for identity in banned]
        return np.asarray([row for row in rows if row >= 0], np.int64)

    def _triage(self, until: float) -> None:
        """Confirm and shrink in this process: the deadline leaves the last fifth of the budget for it."""
        target, queue = itself(self.target), TriageQueue(share=1.0)
        validity = self._validity(target)
        for finding in self.findings.records():
            queue.add(finding)
        while (left := until - time.monotonic()) > 0 and (task := queue.next(None)):
            began = time.monotonic()
            try:
                finding = self.findings.load(task.finding.id)
                if task.job == "confirm":
                    finding = confirm_finding(target, self.findings, finding, alone_in="calling process")
                else:
                    finding = shrink_finding(target, self.findings, finding, seconds=min(task.seconds, left))
                finding = keep_label(validity, self.findings, finding)
            except (CorruptRecordError, SchemaError) as error:
                self.warnings.append(str(error))
                queue.failed(task, str(error), time.monotonic() - began)
            else:
                queue.done(task, finding, time.monotonic() - began)
