"""The shell: opens a campaign's directory, runs the loop within a budget, keeps what it learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import torch

from mlfuzz.batch import Indices, Step, from_payloads
from mlfuzz.budget import Budget
from mlfuzz.campaign.account import Account
from mlfuzz.campaign.build import bind, criterion_for, oracles_for, scheduler_for, target_for
from mlfuzz.campaign.calibration import FIT_MUTANTS, calibrate, calibration_key
from mlfuzz.campaign.candidates import Candidates, Origin
from mlfuzz.campaign.combined import earlier_stats
from mlfuzz.campaign.flight import Recorder
from mlfuzz.campaign.jury import Jury
from mlfuzz.campaign.loop import Loop, Parts
from mlfuzz.campaign.planning import plan_for
from mlfuzz.campaign.pool import Pool
from mlfuzz.campaign.search.hunt import gradients_reach
from mlfuzz.campaign.search.searcher import searcher_for
from mlfuzz.campaign.seedbed import Seedbed
from mlfuzz.campaign.seeding import (
    add_seeds,
    run_seeds,
    seed_flight,
    seed_margins,
    seedbed_of,
    usable_seeds,
)
from mlfuzz.campaign.settle import settle_finding
from mlfuzz.campaign.severity import typical_margins
from mlfuzz.campaign.spec import WorkerSpec, keep_spec, spec_of
from mlfuzz.campaign.tally import Tally
from mlfuzz.campaign.validity import Validity, keep_label, load_validity
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.seeds import Seed, load_seeds
from mlfuzz.errors import SeedError
from mlfuzz.findings.environment import environment
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import Fault, group
from mlfuzz.findings.store import FindingStore
from mlfuzz.findings.waiting import Waiting
from mlfuzz.modality import raw
from mlfuzz.mutators.base import units
from mlfuzz.observation import Observation
from mlfuzz.progress import Progress, SeedStats, Stats
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.checkpoint import Checkpoint, latest_checkpoint, save_checkpoint
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.workdir import Workdir, life_number
from mlfuzz.targets.plain import plain_parts
from mlfuzz.targets.variants import AnyTarget, Varied, itself
from mlfuzz.targets.variants_costs import PER_BATCH

PROGRESS_SECONDS = 2.0
CHECKPOINT_SECONDS = 5.0

EXCHANGE_SECONDS = 1.0
"""Where there are several workers, each takes in what the others have kept so often: of two workers, about one entry in
thirty is then found by both."""

WORKER_SHIFT = 32
"""Chance is keyed by the worker's number above these bits and by its life below."""

GUARD_SECONDS = 2.0
"""What a batch may take in a child that runs it first, where no deadline is given."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left: why it ended, its figures, and its faults (each with its findings)."""

    reason: str
    stats: Stats
    faults: tuple[Fault, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for fault in self.faults for finding in fault.members)


class Campaign:
    """One fuzzing effort with its directory; may be stopped and resumed.

    A live target object is fuzzed in the calling process: a crash or a hang of the model is then yours. For isolation
    name the target "module:attribute" and use `mlfuzz fuzz`, which runs this class in a supervised worker.
    """

    def __init__(
        self, workdir: Workdir, target: AnyTarget, spec: WorkerSpec, lock: Lock | None, *, worker: int = 0,
        workers: int = 1,
    ) -> None:  # fmt: skip
        self.workdir, self.target, self.spec = workdir, target, spec
        self.worker, self.workers = worker, workers
        self._lock = lock
        self.life = workdir.new_life(worker)
        self.recorder = Recorder(workdir.flight(self.life))
        reserve = Reserve(workdir.reserve)
        reserve.hold()
        self.findings = FindingStore(workdir.findings, reserve=reserve)
        self.warnings: list[str] = []
        self._stop = ""
        self._blobs = Blobs(workdir)

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
        **options: Any,
    ) -> Self:
        """Found a campaign in `directory`, or go on with the one that is there.

        seeds: folder or file; None: the target's own. options: fields of `WorkerSpec`, such as scheduler="random".
        adopt: go on although the target or the options have changed; the corpus is measured again where it must be.
        guarded: every batch is tried in a forked child first, for targets that take their process down (CPU only).
        worker, workers: its number and how many share the directory; the first one must have founded it before
        another is opened, and whoever starts them holds the lock and adds up their figures (`combined`).
        Raises CampaignBusyError, ConfigError, SeedError, TargetError.
        """
        if spec is None:
            chosen = str(seeds if seeds is not None else target.seeds or "")
            spec = spec_of({"target": "", "name": target.name, "seeds": chosen, **options})
        workdir = Workdir.create(Path(directory))
        held = Lock.acquire(workdir.lock) if lock else None
        try:
            keep_spec(workdir, spec, target.digest, adopt=adopt)
            campaign = cls(workdir, target, spec, held, worker=worker, workers=workers)
            campaign._open(guarded=guarded)
        except BaseException:
            if held is not None:
                held.release()
            raise
        return campaign

    def _open(self, *, guarded: bool) -> None:
        self.recorder.phase("load")
        torch.manual_seed(self.spec.seed)
        self.target = target_for(self.target, self.spec)
        self.corpus = Corpus.open(self.workdir, self.life, calibration=calibration_key(self.target, self.spec))
        modality, device = self.target.modality, self.target.device
        self.pool = Pool(modality, device, lambda row: raw.loads(self.corpus.payload(row)))
        seeds, answers, seed_stats, numbers = self._seeds()
        if isinstance(self.target, Varied):
            self.target.most = PER_BATCH  # of the seeds each is measured alone, of what follows a few
        shown = [at for at, seed in enumerate(seeds) if np.shape(seed.payload)[:-1] == np.shape(seeds[0].payload)[:-1]]
        rows = from_payloads([seeds[at].payload for at in shown], modality, device)
        seen = Observation.join([answers[at] for at in shown])
        criterion = criterion_for(self.target, self.spec)
        mutants = 0 if guarded else FIT_MUTANTS
        calibration = calibrate(
            self.target, rows, seen, self.spec, criterion, self.workdir, mutants=mutants,
            record=lambda picked, steps: self._record_seeds([numbers[shown[at]] for at in picked], steps),
        )  # fmt: skip
        plan = plan_for(self.target, self.spec, rows, calibration.seconds, self.spec.batch or calibration.batch)
        oracles = oracles_for(self.target, self.spec, answers[0])
        scheduler = scheduler_for(self.spec)
        seedbed = seedbed_of(self.target, seeds, answers)
        bind(oracles, seedbed, calibration.floor)
        parts = Parts(
            self.target, oracles, tuple(oracle.noise(calibration.floor) for oracle in oracles), criterion, scheduler,
            plan, self.spec.batch or calibration.batch, self.spec.seed,
        )  # fmt: skip
        features = criterion.embed(Observation.join(answers)).cpu().numpy()
        if len(self.corpus):
            self._restore(parts, seeds)
        else:
            margins = seed_margins(self.target, seeds, answers, oracles)
            add_seeds(self.corpus, self.pool, scheduler, seeds, features, plan.ledger.width, margins)
            criterion.load(features)
        self.tally = Tally()
        origin = Origin(
            self.workdir.name, self.life, self.spec.target, plan.ledger.limits.linf, environment(), units(),
            plain_parts(self.target),
        )  # fmt: skip
        self.candidates = Candidates(
            self.target, oracles, parts.floors, self.findings, self.corpus, seedbed, origin, self.spec.cap,
            typical_margins(self.corpus.margins[self.corpus.parents < 0]),
        )  # fmt: skip
        self._count_known()
        self.calibration = calibration
        CONTENTS.attach(self._blobs.find)
        searcher = searcher_for(
            self.spec.search, target=self.target, oracles=oracles, floors=parts.floors, corpus=self.corpus,
            pool=self.pool, seedbed=seedbed, ledger=plan.ledger, blobs=self._blobs, batch=parts.batch,
            key=(self.worker << WORKER_SHIFT) + life_number(self.life)[1],
        )  # fmt: skip
        if searcher is not None and searcher.mode == "white" and not gradients_reach(self.target, rows)[0]:
            self.warnings.append(
                f"search white: no gradients reach the input of target {self.target.name}; nothing is searched; "
                "search black needs none"
            )
        self.loop = Loop(
            parts, self.corpus, self.pool, seedbed, self.candidates, self.tally, self.recorder,
            (self.worker << WORKER_SHIFT) + life_number(self.life)[1],
            guarded=guarded, guard_seconds=self.spec.deadline or GUARD_SECONDS,
            searcher=searcher, jury=self._jury(seedbed),
        )  # fmt: skip
        self.loop.ban(self._banned())
        if self.target.was_training:
            self.warnings.append("the model was in training mode; it has been put in evaluation mode")
        self.account = Account(
            self.workdir, self.spec, self.loop, calibration, life=self.life, seeds=seed_stats, warnings=self.warnings,
            part=self.worker if self.workers > 1 else None,
        )  # fmt: skip
        self._forms = [(np.shape(payload), None if isinstance(payload, str) else payload.dtype)
                       for payload in (seed.payload for seed in seeds)]  # fmt: skip

    @property
    def stats(self) -> Stats:
        """Figures up to the last progress record."""
        return self.account.stats

    def _record_seeds(self, numbers: Sequence[int], steps: Sequence[Step]) -> None:
        self.recorder.record(seed_flight(numbers, steps))

    def request_stop(self, reason: str) -> None:
        """Finish the batch, save, and end; callable from a signal handler."""
        self._stop = self._stop or reason

    def run(
        self, budget: Budget, *, on_progress: Callable[[Progress], None] | None = None, settle_here: bool = True
    ) -> Result:
        """Fuzz until the budget is spent or a stop is requested; save; confirm and shrink.

        settle_here: confirm and shrink in this process, within a fifth of the time; False where a probe does it.
        """
        started = time.monotonic()
        inputs = 0
        progressed = checkpointed = exchanged = started
        reason = ""
        share = 0.8 if settle_here else 1.0
        while not reason:
            inputs += self.loop.step()
            now = time.monotonic()
            self.recorder.count(inputs=self.account.inputs_before + inputs, candidates=self.candidates.saved)
            spent = budget.spent(seconds=(now - started) / share, inputs=inputs, findings=self.candidates.saved)
            reason = self._stop or ("stopped" if self.workdir.stop_request.exists() else "") or spent
            if reason or now - progressed >= PROGRESS_SECONDS or progressed == started:
                progressed = now
                self.account.count(now - started, inputs)
                progress = self.account.progress(inputs, len(self.findings.ids()))
                self.account.tell(progress)
                if on_progress is not None:
                    on_progress(progress)
            if self.workers > 1 and now - exchanged >= EXCHANGE_SECONDS:
                exchanged = now
                self._exchange()
            if reason or now - checkpointed >= CHECKPOINT_SECONDS:
                checkpointed = now
                self.checkpoint()
                reason = reason or self._over_disk()
        if settle_here:
            self._settle(started + (budget.total_seconds or 5.0 * (time.monotonic() - started)))
        self.stats.ended = reason
        self.account.count(time.monotonic() - started, inputs)
        self.checkpoint()
        return Result(reason, self.stats, tuple(group(self.findings.records())))

    def _over_disk(self) -> str:
        allowed = self.spec.max_disk
        used = self.workdir.used_bytes() if allowed else 0
        return f"its allowance of {allowed >> 20} MiB of disk is used up" if used > allowed else ""

    def checkpoint(self) -> None:
        """Derived state and figures; the truth is in the journal already."""
        self.corpus.sync()
        scheduler, criterion = self.loop.parts.scheduler, self.loop.parts.criterion
        arrays = {f"scheduler.{name}": array for name, array in scheduler.state().items()}
        arrays |= {f"plan.{name}": array for name, array in self.loop.parts.plan.state().items()}
        arrays |= {f"criterion.{name}": array for name, array in criterion.state().items() if np.size(array) <= 64}
        facts = {
            "entries": len(self.corpus), "digest": self.target.digest, "scheduler": self.spec.scheduler,
            "deal": self.spec.deal,
        }  # fmt: skip
        save_checkpoint(self.workdir.checkpoint(self.worker), Checkpoint(arrays, facts), sync=False)
        self.account.save()

    def close(self) -> None:
        """End this life; the directory may then be opened by another process."""
        self.corpus.close()
        CONTENTS.detach(self._blobs.find)
        self.recorder.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _seeds(self) -> tuple[list[Seed], list[Observation], SeedStats, list[int]]:
        """Usable seeds, their answers, what became of the others, and their numbers among all that were looked at."""
        stored = [
            row for row in np.flatnonzero(self.corpus.parents < 0).tolist() if self.corpus.entry(row).parent is None
        ]
        if stored:
            seeds = [self._stored_seed(row) for row in stored]
            answers = run_seeds(self.target, seeds, self.recorder)
            lost = [seed.name for seed, answer in zip(seeds, answers, strict=True) if answer is None]
            if lost:
                raise SeedError(f"target {self.target.name} no longer answers on seed {lost[0]}; run: mlfuzz check")
            given = [answer for answer in answers if answer is not None]
            return seeds, given, earlier_stats(self.workdir).seeds, list(range(len(seeds)))
        where = self.spec.seeds or str(self.target.seeds or "")
        if not where:
            raise SeedError(f"target {self.target.name} has no seeds; give a folder: --seeds DIR")
        found = load_seeds(
            Path(self.spec.directory) / where, self.target.modality, labels=self.target.labels,
            max_seeds=self.spec.max_seeds, rng_seed=self.spec.seed,
        )  # fmt: skip
        all_answers = run_seeds(self.target, found.seeds, self.recorder)
        kept, stats = usable_seeds(self.target, found, all_answers, ())
        self.warnings += found.warnings
        usable = [answer for at in kept if (answer := all_answers[at]) is not None]
        return [found.seeds[at] for at in kept], usable, stats, kept

    def _stored_seed(self, row: int) -> Seed:
        entry, payload = self.corpus.entry(row), raw.loads(self.corpus.payload(row))
        return Seed(entry.name, payload, entry.label, "", self.target.modality.encode(payload))

    def _restore(self, parts: Parts, seeds: Sequence[Seed]) -> None:
        """Bring back what lives before this one left; entries measured on another target are run again."""
        corpus, criterion = self.corpus, parts.criterion
        for number in corpus.seeds.tolist():
            payload = seeds[number].payload
            self.pool.adopt(np.shape(payload), None if isinstance(payload, str) else payload.dtype)
        stale = np.flatnonzero(~corpus.measured)
        if len(stale):
            self.warnings.append(f"{len(stale)} entries were measured on another target; they have been run again")
            for start in range(0, len(stale), parts.batch):
                for members in self.pool.split(stale[start : start + parts.batch]):
                    vectors = criterion.embed(self.target.run(self.pool.gather(members))).cpu().numpy()
                    for row, vector in zip(members.tolist(), vectors, strict=True):
                        corpus.measure(row, vector, float(corpus.gains[row]))
        criterion.load(corpus.vectors)
        parts.scheduler.grow(corpus.seeds, corpus.gains, corpus.margins)
        checkpoint = latest_checkpoint(self.workdir.checkpoint(self.worker), self.warnings.append)
        if checkpoint is None or checkpoint.facts.get("digest") != self.target.digest:
            return
        state = _under(checkpoint, "scheduler.")
        if state and checkpoint.facts.get("scheduler") == self.spec.scheduler:
            parts.scheduler.restore(state)
        if (state := _under(checkpoint, "plan.")) and checkpoint.facts.get("deal") == self.spec.deal:
            parts.plan.restore(state)
        if state := _under(checkpoint, "criterion."):
            criterion.restore({**criterion.state(), **state})  # the checkpoint holds the small parts alone

    def _exchange(self) -> None:
        """Take in what other workers have kept and saved since the last time."""
        corpus, parts = self.corpus, self.loop.parts
        fresh = np.asarray(corpus.tail(), np.int64)
        if len(fresh):
            for number in corpus.seeds[fresh].tolist():
                self.pool.adopt(*self._forms[number])
            parts.criterion.load(corpus.vectors[fresh[corpus.measured[fresh]]])
            parts.scheduler.grow(corpus.seeds[fresh], corpus.gains[fresh], corpus.margins[fresh])
        for finding_id in self.findings.ids():
            if finding_id not in self._known:
                self._know(self.findings.load(finding_id))

    def _count_known(self) -> None:
        self._known: set[str] = set()
        for finding in self.findings.records():
            self._know(finding)

    def _know(self, finding: Finding) -> None:
        self._known.add(finding.id)
        self.candidates.know(finding)

    def _jury(self, seedbed: Seedbed) -> Jury | None:
        """The reference models, where there are any: what they no longer recognise was too much for its seed."""
        if not self.spec.validity:
            return None
        return Jury(self._validity(itself(self.target)).models, self.pool.gather, seedbed.label_names)

    def _validity(self, target: Any) -> Validity:
        return load_validity(
            self.spec.validity, target=target, directory=Path(self.spec.directory).resolve(), device=self.spec.device,
            require=self.spec.require_valid,
        )  # fmt: skip

    def _banned(self) -> Indices:
        if not self.workdir.banned.exists():
            return np.zeros(0, np.int64)
        rows = [
            self.corpus.row((life, number)) for life, number in msgspec.json.decode(self.workdir.banned.read_bytes())
        ]
        return np.asarray([row for row in rows if row >= 0], np.int64)

    def _settle(self, until: float) -> None:
        """Confirm and shrink in this process: the deadline leaves the last fifth of the budget for it."""
        target, waiting = itself(self.target), Waiting(self.findings.records())
        validity = self._validity(target)
        while time.monotonic() < until and (finding := waiting.take()) is not None:
            settle_finding(
                target, self.findings, finding, alone_in="calling process", until=until,
                judged=partial(keep_label, validity, self.findings),
            )  # fmt: skip


def _under(checkpoint: Checkpoint, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in checkpoint.arrays.items() if name.startswith(prefix)}
