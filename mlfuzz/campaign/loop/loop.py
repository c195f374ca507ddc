"""The loop: `launch` mutates and runs a batch, `finish` evaluates it, admits what is new, rewards what made it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Batch, Indices, Rows, shape_of
from mlfuzz.campaign.isolation.call_deadline import SLOWEST_FACTOR
from mlfuzz.campaign.isolation.flight_recorder import FlightRecord, Recorder, records_of
from mlfuzz.campaign.isolation.forked import ChildEnd, run_rows, sort_rows
from mlfuzz.campaign.loop.ahead import Made, Producer
from mlfuzz.campaign.loop.candidates import Candidates, operators_of
from mlfuzz.campaign.loop.counters import Counters
from mlfuzz.campaign.loop.distance_anchors import DistanceAnchors
from mlfuzz.campaign.loop.evaluate import Evaluation, evaluate
from mlfuzz.campaign.loop.failure_novelty import FailureNovelty, NoveltyFilter, kinds, places
from mlfuzz.campaign.loop.label_vote import MOST as VOTED
from mlfuzz.campaign.loop.label_vote import LabelVote
from mlfuzz.campaign.loop.step_reuse import StepReuse
from mlfuzz.campaign.search.scheduler import SearchScheduler
from mlfuzz.campaign.setup.assemble import Components
from mlfuzz.campaign.setup.focus import Focus
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.errors import LostInputError, StorageError, TargetError
from mlfuzz.modality import raw
from mlfuzz.mutators.schedule.slices import Most, Mutated
from mlfuzz.mutators.schedule.strength_caps import StrengthCaps
from mlfuzz.targets.execute import Execution, broken_target, execute

GUARDED_ROWS = 2
"""Of a batch that would have killed the worker, so many rows are found out; the rest of their halves is left."""

GUARD_SECONDS = 2.0
"""What a batch may take at least in a child that runs it first, where no deadline is given."""

GUARD_PART_SECONDS = 0.5
"""The same of a part of one that did not answer."""

SEARCHES = 4
"""Before one batch, at most: searches that may take most of the inputs are due more than once."""

LEAST_BATCH = 32
"""A target that raises often is run in batches down to this size."""

MOST_UNREAD = 1000
"""So many batches in a row that want an input which cannot be read: it is not single files that are damaged."""

BROKEN_BATCHES = 3
"""So many batches in a row of which a quarter raises: the target is broken, not fuzzed."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A batch that has run. searched: it is what a search found."""

    picked: Indices
    mutated: Mutated
    batch: Batch
    execution: Execution
    searched: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What is new in n rows that ran. gains: (n,) of coverage. wanted: (n,) whether the scheduler keeps it."""

    gains: NDArray[np.float32]
    wanted: NDArray[np.bool_]


@dataclass(slots=True)
class Loop:
    """One worker's fuzzing. `step()` is one batch; everything it changes is in the parts it was given.

    lost: rows whose input could not be read when it was wanted, and why. overlap: each batch is picked and mutated
    before the last one has been judged. threaded: beside it, on another core. most: inputs of the next batch.
    """

    parts: Components
    corpus: Corpus
    pool: InputCache
    seeds: Seeds
    candidates: Candidates
    tally: Counters
    recorder: Recorder
    life: int
    guarded: bool = False
    searcher: SearchScheduler | None = None
    vote: LabelVote | None = None
    overlap: bool = False
    threaded: bool = False
    focus: Focus | None = None
    most: int | None = None
    batches: int = 0
    _firsts: NoveltyFilter = field(default_factory=NoveltyFilter)
    _repeats: StepReuse = field(init=False)
    _references: DistanceAnchors = field(init=False)
    _caps: StrengthCaps | None = field(init=False)
    _queue: list[Indices] = field(default_factory=list)
    lost: dict[int, str] = field(default_factory=dict)
    _unread: int = 0
    _broken: int = 0
    _size: int = 0
    _banned: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    _producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        plan = self.parts.plan
        learning = plan.dealer is not None and (self.vote is not None or plan.ledger.limits.by_distance)
        self._caps = StrengthCaps([part.name for part in plan.mutators], len(self.seeds)) if learning else None
        self._references = DistanceAnchors(self.corpus, {part.name: part.kind for part in plan.mutators})
        self._repeats = StepReuse(plan.mutators, slices=max(1, plan.slices // 4))
        # A child that is forked while a thread mutates would wait for what that thread holds.
        self._producer = Producer(self._make, threaded=self.threaded and not self.guarded)

    def step(self) -> int:
        """One batch, and before it searches where they are due; the number of inputs that ran.

        Where an input cannot be read, the rows that need it are not picked again.
        """
        searched = 0
        for _ in range(SEARCHES):
            if self.searcher is not None and not self.guarded and self.searcher.due():
                searched += self._reading(lambda searcher=self.searcher: self._search(searcher))  # type: ignore[misc]
        return searched + self._reading(self._batch_alone)

    def _batch_alone(self) -> int:
        executed = self.launch()
        self.finish(executed)
        if self.searcher is not None:
            self.searcher.note(len(executed.picked))
            self.parts.plan.searched(self.searcher.held_share)
        return len(executed.picked)

    def _reading(self, run: Callable[[], int]) -> int:
        """What `run` gives; 0 where it wanted an input that cannot be read, which is wanted no more."""
        try:
            ran = run()
        except LostInputError as error:
            self._unread += 1
            if self._unread > MOST_UNREAD:
                raise
            self.lose(error.row, str(error))
            return 0
        self._unread = 0
        return ran

    def ban(self, rows: Indices) -> None:
        """Never mutate these entries again: their children killed the worker too often."""
        self._banned = np.union1d(self._banned, rows)
        self._producer.forget()

    def lose(self, row: int, reason: str = "") -> None:
        """Pick no more what needs the input of this row: itself; of a seed, all that is compared with it."""
        if row in self.lost:  # something that is compared with it was picked
            rows = self._descendants(row)
        else:
            self.lost[row] = reason
            rows = np.flatnonzero(self.corpus.seeds == row) if row < len(self.seeds) else np.asarray([row], np.int64)
        self.ban(rows)
        self._queue = []

    def _descendants(self, row: int) -> Indices:
        found = self.corpus.parents == row
        while (wider := found | (found[self.corpus.parents] & (self.corpus.parents >= 0))).sum() > found.sum():
            found = wider
        return np.flatnonzero(found)

    def launch(self) -> Executed:
        """Pick parents, mutate them, run them; with `overlap` the next ones are picked and mutated meanwhile."""
        clock = self.tally.clock
        clock.start()
        self.recorder.phase("mutate")
        made = self._producer.take(self.batches)
        clock.lap("mutate")
        if not self.overlap:
            return self._run(made.picked, made.mutated)
        self._producer.begin(self.batches + 1)
        clock.lap("mutate")
        try:
            return self._run(made.picked, made.mutated)
        finally:
            self.recorder.phase("mutate")  # what is waited for is not the target
            self._producer.wait()
            clock.lap("mutate")

    def _make(self, number: int) -> Made:
        """Pick the parents of a batch, and mutate them."""
        rng = self._rng(0, number)
        picked = self._pick(rng)
        ways = self.parts.plan.ways(len(picked), rng)
        picked, repeated, again = self._repeats.arrange(picked, ways.again, ways.borrowed, rng)
        order, dealt = self.parts.plan.deal(picked, self.corpus.loads[picked], rng) or (slice(None), [])
        picked = picked[order]
        parents = self.pool.parents(picked)
        mutated = self.parts.plan.mutate(
            parents, self.corpus.loads[picked], self.corpus.invariant[picked], rng,
            roots=lambda: self.pool.gather(self._roots(picked)), repeated=repeated, again=again,
            stacked=ways.stacked, dealt=dealt, most=self._most(picked),
        )  # fmt: skip
        return Made(picked, mutated)

    def finish(self, executed: Executed) -> None:
        """Evaluate a batch that has run, admit its rows to findings and corpus, reward what they were made by."""
        self.tally.clock.start()
        if executed.execution.crashes:
            self._save_crashes(executed)
        evaluation = self._evaluate(executed)
        if evaluation is not None:
            self._reward(executed, evaluation, self._admit(executed, evaluation))
        self.tally.ran(len(executed.batch))
        self.batches += 1

    def _most(self, picked: Indices) -> Most | None:
        """How severe an operator may be on the children of these entries, where that is learnt."""
        if self._caps is None:
            return None
        caps, seeds = self._caps, self.corpus.seeds[picked]
        return lambda name, start, stop: caps.of(name, seeds[start:stop])

    def _learn_caps(self, executed: Executed, evaluation: Evaluation) -> None:
        """What was too much for which seed: beyond a limit, or no longer what the seed is by a vote."""
        if self._caps is None:
            return
        batch, ran, lost = executed.batch, evaluation.rows, evaluation.dropped.copy()
        if self.vote is not None and (at := np.flatnonzero(evaluation.failing & ~lost)[:VOTED]).size:
            lost[at] = self.vote.refused(batch.rows.take(ran[at]), batch.seeds[ran[at]])
        severity = executed.mutated.severity[ran]
        for step in executed.mutated.steps:
            low, high = np.searchsorted(ran, (step.start, step.stop))
            at = np.arange(low, high)[severity[low:high] > 0]
            self._caps.learn(step.name, batch.seeds[ran[at]], severity[at], ~lost[at])

    def _roots(self, picked: Indices) -> Indices:
        """What limits compare the children of these entries with: their seeds."""
        if self.parts.plan.ledger.limits.distances == ("alpha_beta",):
            return self._references.of(picked)
        return self.corpus.seeds[picked]

    def _run(self, picked: Indices, mutated: Mutated, *, searched: bool = False) -> Executed:
        """Run the children of the picked entries."""
        batch = self._batch(picked, self.corpus.seeds[picked], mutated)
        self.recorder.record(self._flight(picked, mutated), shape_of(mutated.rows))
        execution = self._execute(mutated.rows, picked)
        self.tally.clock.lap("execute")
        return Executed(picked, mutated, batch, execution, searched)

    def _search(self, searcher: SearchScheduler) -> int:
        """One search; what it found is run like any batch, and was made by one mutation. Inputs that ran."""
        clock = self.tally.clock
        clock.start()
        found = searcher.turn(self._rng(2), self._begin_search, self.recorder.phase)
        clock.lap("search")
        self.tally.discoveries.inputs += found.evaluations
        if found.mutated is None:
            return found.evaluations
        self.finish(self._run(found.picked, found.mutated, searched=True))
        return found.evaluations + len(found.picked)

    def _begin_search(self, picked: Indices) -> None:
        """A death in a search leaves its parents: what it tried between them is not recorded."""
        self.recorder.record(
            FlightRecord(self.batches, "execute", list(self.corpus.lives), self.corpus.identities(picked), []),
            (len(picked),),
        )

    def _rng(self, purpose: int, batch: int | None = None) -> np.random.Generator:
        """Of this batch, or another. purpose: 0 mutants, 2 searches (1 are the mutants of the calibration)."""
        counter = [purpose, 0, self.life, self.batches if batch is None else batch]
        return np.random.Generator(np.random.Philox(key=self.parts.seed, counter=counter))

    def _evaluate(self, executed: Executed) -> Evaluation | None:
        """What the oracles and the criterion say of the rows that ran."""
        self.recorder.phase("judge")
        found = evaluate(self.parts, self.seeds, executed.batch, executed.execution, executed.mutated.dropped)
        self.tally.clock.lap("judge")
        return found

    def _admit(self, executed: Executed, evaluation: Evaluation) -> Admission:
        """Failing rows become findings; rows that gain coverage or come nearer to failing become entries."""
        clock, batch, barred = self.tally.clock, executed.batch, evaluation.barred
        if evaluation.failing.any():
            self.recorder.phase("store")
            self.candidates.consider(batch, executed.execution, evaluation.margins, evaluation.keys)
            clock.lap("store")
        # A new entry is worth more the less decided the model is there: of two like gains it is the one to be picked.
        gains = self._observe(executed.picked, evaluation) * (1 + evaluation.uncertain)
        wanted = self.parts.scheduler.keep(batch.seeds[evaluation.rows], evaluation.margins, evaluation.keys) & ~barred
        clock.lap("novelty")
        if len(kept := np.flatnonzero((gains > 0) | wanted)):
            self.recorder.phase("store")
            self._keep(batch, evaluation, kept, gains)
            clock.lap("store")
        return Admission(gains, wanted)

    def _reward(self, executed: Executed, evaluation: Evaluation, admission: Admission) -> None:
        """Scheduler, operators, limits and searches learn what became of the rows."""
        ran, margins, keys, failing = evaluation.rows, evaluation.margins, evaluation.keys, evaluation.failing
        seeds, gains, news = executed.batch.seeds[ran], admission.gains, FailureNovelty.none(len(ran))
        solid = margins > np.asarray(self.parts.floors, np.float32)
        if failing.any():
            made_by = operators_of(executed.batch)[ran]
            self.tally.met(kinds(margins, keys, self.parts.floors, made_by))
        if self.searcher is not None and failing.any():
            rows, oracles = np.nonzero(solid)
            self.searcher.broke(seeds[rows], oracles, searched=executed.searched)
        self._learn_caps(executed, evaluation)
        if not executed.searched:
            judged = np.asarray(~np.isnan(margins).all(axis=1))
            self.tally.count_seeds(seeds, judged, failing & judged, of=len(self.seeds))
        if not executed.searched:  # the scheduler did not pick these, and a search breaks nearly every seed
            if failing.any():
                self.parts.scheduler.retire(np.unique(seeds[solid.any(1)]))
                news = self._firsts.news(
                    margins, keys, self.parts.floors, seeds=seeds, operators=made_by,
                    places=places(evaluation.features),
                )  # fmt: skip
            picked = executed.picked[ran]
            self.parts.scheduler.reward(picked, gains, margins, keys, news.seeds)
            events = np.asfortranarray(np.column_stack([news.operators, admission.wanted, gains > 0]))
            self.parts.plan.learn(executed.mutated, ran, events)
            self._repeats.rank(executed.batch, ran, news.operators + self._nearer(picked, margins))
            self.parts.criterion.tune()
        self.tally.count(executed.mutated, ran, gains, margins, failing, evaluation.dropped, news.operators > 0)
        self.tally.clock.lap("judge")

    def _pick(self, rng: np.random.Generator) -> Indices:
        if not self._queue:
            size = self._size or self.parts.batch
            picked = self.parts.scheduler.pick(size if self.most is None else max(1, min(size, self.most)), rng)
            if self.focus is not None:
                picked = self.focus.turned(picked, self.corpus.seeds[: len(self.corpus)], rng)
            if len(self._banned):
                banned = np.isin(picked, self._banned)
                picked = np.where(banned, rng.integers(0, len(self.seeds), len(picked)), picked)
                picked = picked[~np.isin(picked, self._banned)]
                if not len(picked) and self.lost:
                    raise StorageError(
                        f"no input is left to mutate that can be read ({next(iter(self.lost.values()))}); mlfuzz "
                        "campaign verify says what is whole"
                    )
                if not len(picked):
                    raise TargetError(
                        "every input left to mutate has killed the worker three times; nothing can be run"
                    )
            self._queue = self.pool.split(picked)
        return self._queue.pop(0)

    def _execute(self, rows: Rows, picked: Indices) -> Execution:
        """Run the rows; where workers have died, a forked child runs them first and takes the fall."""
        target = self.parts.target
        if not self.guarded:
            return execute(target, rows)

        self.recorder.suspend()
        patience, seed = self.recorder.patience, self.pool.gather(self.corpus.seeds[picked[:1]])

        def run(start: int, stop: int) -> ChildEnd:
            part = rows.part(start, stop)
            usual = patience.slowest(shape_of(part))
            # Halves only show where to look further: what counts of a row is what it does in all its time.
            least = GUARD_SECONDS if stop - start in (1, len(rows)) else GUARD_PART_SECONDS
            seconds = patience.given or max(least, SLOWEST_FACTOR * usual)
            return run_rows(target, part, seconds, known=None if usual else seed, given=bool(patience.given))

        tried = sort_rows(run, len(rows), GUARDED_ROWS)
        self.recorder.phase("execute")
        good = np.asarray(tried.good, np.int64)
        crashes = tuple((row, ended.crash) for row, ended in tried.guilty)
        if not len(good):
            return Execution(good, None, crashes, 0, tried.skipped)
        done = execute(target, rows.take(good))
        later = tuple((int(good[row]), crash) for row, crash in done.crashes)
        return Execution(good[done.ran], done.seen, crashes + later, done.refused, done.skipped + tried.skipped)

    def _batch(self, picked: Indices, seeds: Indices, mutated: Mutated) -> Batch:
        made = Batch(mutated.rows, picked, seeds, mutated.loads, mutated.invariant, mutated.steps)
        return replace(made, chains=lambda row: self.corpus.chain(int(picked[row])) + made.mutations(row))

    def _observe(self, picked: Indices, evaluation: Evaluation) -> NDArray[np.float32]:
        gains = np.zeros(len(evaluation.rows), np.float32)
        good = np.flatnonzero(~evaluation.barred)
        if len(good):
            parents = self.corpus.vectors[picked[evaluation.rows[good]]]
            gains[good] = self.parts.criterion.observe(evaluation.features[good], parents)
        return gains

    def _nearer(self, parents: Indices, margins: NDArray[np.float32]) -> NDArray[np.float64]:
        """(B,) in [0, 1]: by what share of the way to failing each row came nearer than its parent."""
        before = np.asfortranarray(self.corpus.margins[parents])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (margins - before) / np.abs(before)
        # Neither NaN nor infinity (nothing judged, or a parent at 0) is nearer by any share.
        share[~((margins > before) & (share < np.inf))] = 0.0
        return np.asarray(np.minimum(share, 1.0).max(axis=1, initial=0.0), np.float64)

    def _keep(self, batch: Batch, evaluation: Evaluation, kept: Indices, gains: NDArray[np.float32]) -> None:
        """kept: which of the rows that ran become entries."""
        features, margins = evaluation.features[kept], evaluation.margins[kept]
        near = gains[kept] <= 0
        if near.any():  # kept for its margin: its children are its neighbours all the same
            self.parts.criterion.load(features[near])
        rows = evaluation.rows[kept]
        payloads = batch.rows.payloads(rows)
        columns = (batch.parents, batch.seeds, batch.loads, batch.invariant)
        entries = [
            Entry(
                parent=self.corpus.identity(parent), seed=seed, chain=self.corpus.chain(parent) + steps, gain=gain,
                margins=[margin if math.isfinite(margin) else None for margin in apart],
                loads=loads, invariant=invariant, batch=self.batches,
            )
            for steps, gain, apart, parent, seed, loads, invariant in zip(
                batch.mutations_of(rows), gains[kept].tolist(), margins.tolist(),
                *(column[rows].tolist() for column in columns), strict=True,
            )
        ]  # fmt: skip
        self.corpus.add_many(entries, features, [raw.dumps(payload) for payload in payloads])
        for row, entry in enumerate(entries, len(self.corpus) - len(entries)):
            self._repeats.note(row, entry.chain[-1])
        self.pool.grow_many(payloads)
        self.parts.scheduler.grow(batch.seeds[rows], gains[kept], margins, evaluation.keys[kept])
        self.tally.kept(len(kept))

    def _save_crashes(self, executed: Executed) -> None:
        if executed.execution.skipped > len(executed.batch) // 4:
            # So many raise that most of a batch is not run to the end: in smaller ones all rows are judged.
            self._size = max(LEAST_BATCH, (self._size or self.parts.batch) // 2)
        unmutated = [row for row, _ in executed.execution.crashes if not executed.batch.mutations(row)]
        reason = "" if self.guarded else broken_target(executed.execution, unmutated, len(executed.batch))
        self._broken = self._broken + 1 if reason else 0
        if reason and (unmutated or self._broken >= BROKEN_BATCHES):
            raise TargetError(f"target {self.parts.target.name}: {reason}; run: mlfuzz check")
        self.tally.met(crash.key for _, crash in executed.execution.crashes)
        self.recorder.phase("store")
        self.candidates.crashes(executed.batch, executed.execution)

    def _flight(self, picked: Indices, mutated: Mutated) -> FlightRecord:
        parents = self.corpus.identities(picked)
        return FlightRecord(self.batches, "execute", list(self.corpus.lives), parents, records_of(mutated.steps))
