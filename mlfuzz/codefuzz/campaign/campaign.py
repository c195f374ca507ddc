"""A code-side campaign: harnesses share the time; failures are saved at once, confirmed alone and minimised."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec

from mlfuzz.budget import disk_spent
from mlfuzz.codefuzz.campaign.harness_state import HarnessState, corpus_folder, require_coverage
from mlfuzz.codefuzz.campaign.scheduler import HarnessScheduler
from mlfuzz.codefuzz.campaign.seeds import ready, screen, versions
from mlfuzz.codefuzz.campaign.spec import HarnessSpec, keep_spec
from mlfuzz.codefuzz.campaign.stats import HarnessStats
from mlfuzz.codefuzz.campaign.triage import HarnessTriage
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Session
from mlfuzz.codefuzz.triage.call_paths import PathTally, known_ways, way_of
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate, suffix_of
from mlfuzz.errors import DiskFullError, TargetError, TargetLoadError, UsageError, WorkerLostError
from mlfuzz.events import Awaiting, Broken, CampaignResult, Ended, Ending, Event, NewFinding, Started, Tick, Warned
from mlfuzz.exit_code import exit_code
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import group
from mlfuzz.findings.known import Known
from mlfuzz.findings.store import FindingStore
from mlfuzz.integrity.damage_seen import DamageSeen
from mlfuzz.interrupts import Interrupts
from mlfuzz.progress import read_stats
from mlfuzz.request import CampaignRequest
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.storage.derived import mend_progress, set_aside
from mlfuzz.storage.durable import clear_parts, remove
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.names import folder_name
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.room import WAIT_SECONDS, Room
from mlfuzz.storage.workdir import Workdir
from mlfuzz.triage_queue import TriageQueue, WrapUp, wrap_up_seconds

FIRST_SLICE, LONGEST_SLICE, GROWTH = 2.0, 30.0, 1.5
"""Seconds of a turn: short at first, so that news is confirmed soon; a turn begins with reading the corpus."""

GROWING_SLICES = 10
"""More than it takes from the first to the longest; the power of some 1,700 turns is no float any more."""

TICK_SECONDS = 2.0

AWAITED_SECONDS, GRACE_SECONDS = 1.0, 5.0
"""After a request to end it is said what is waited for; then it is waited for no more."""

IMPORT_WORD_SECONDS = 5.0
"""Longer than most imports take; then a word is said."""

COVERAGE_AFTER = 200
"""Inputs after which a harness must have reached something."""


def run(request: CampaignRequest[HarnessSpec], on_event: Callable[[Event], None] = lambda _: None) -> CampaignResult:
    """Run to the end of the budget.

    Raises TargetLoadError where the engine is not there, CampaignBusyError, UsageError.
    Ctrl-C and SIGTERM end the turn, save, and report; a second one ends at once.
    """
    if not request.spec.harnesses:
        raise UsageError("no harness to run: mlfuzz harness new NAME writes one, mlfuzz harness list shows them")
    if missing := request.spec.engine.available():
        raise TargetLoadError(missing)
    workdir = Workdir.create(request.workdir)
    with Lock.acquire(workdir.lock) as lock:
        remove(workdir.stop_request)
        clear_parts(workdir.root)
        set_aside(workdir, {workdir.stats: read_stats}, lambda text: on_event(Warned(text)))
        mend_progress(workdir, lambda text: on_event(Warned(text)))
        return _Campaign(request, workdir, on_event, lock).run()


def turn_seconds(turns: int) -> float:
    """How long the next turn of a harness is that has had so many."""
    return min(LONGEST_SLICE, FIRST_SLICE * GROWTH ** min(turns, GROWING_SLICES))


class _Patience:
    """Whether to stop waiting for an import; says once that it is waited for."""

    def __init__(self, harness: Harness, stopping: Callable[[], bool], say: Callable[[str], object]) -> None:
        self._harness, self._stopping, self._say = harness, stopping, say
        self._began, self._said = time.monotonic(), False

    def __call__(self) -> bool:
        seconds = time.monotonic() - self._began
        if seconds > IMPORT_WORD_SECONDS and not self._said:
            self._said = True
            limit = self._harness.declaration.import_seconds
            self._say(
                f"{self._harness.name} is still being imported after {seconds:.0f} s; it is given up once it has "
                f"imported nothing more for {limit:g} s (import_seconds of the harness)"
            )
        return self._stopping()


class _Campaign:
    def __init__(
        self, request: CampaignRequest[HarnessSpec], workdir: Workdir, on_event: Callable[[Event], None], lock: Lock
    ) -> None:
        self.request, self.spec, self.workdir, self._on_event = request, request.spec, workdir, on_event
        self.lock = lock
        reserve = Reserve(workdir.reserve)
        reserve.hold()
        self.store = FindingStore(workdir.findings, reserve=reserve)
        self.damaged = DamageSeen(workdir, on_event)
        before = tuple(self.damaged.kept(self.store))
        self.before = frozenset(one.id for one in before)
        self.old = Known([*request.regressions, *before])
        self.ways = known_ways([*request.regressions, *before])
        self.life = workdir.new_life()
        self.guard = threading.RLock()
        self.share = HarnessScheduler()
        self.states = {harness.name: self._state(harness) for harness in self.spec.harnesses}
        if len(self.states) < len(self.spec.harnesses):
            raise UsageError("two harnesses have one name: " + ", ".join(one.name for one in self.spec.harnesses))
        self.share.join(self.states)
        self.account = HarnessStats(workdir, self.life, self.spec.harnesses, self.spec.engine.name, self.spec.options)
        for state in self.states.values():
            state.restore(self.account.earlier(state.name))
        self.queue = TriageQueue(request.confirm_share, self.tell)
        self.triage = HarnessTriage(self.store, self.account, self.queue, self.guard)
        self.interrupts = Interrupts(workdir.stop_request, lambda reason: self.tell(Ending(reason)))
        self.room = Room(workdir.derived, lambda text: self.tell(Warned(text)), self._stopping)
        self.failed: BaseException | None = None
        self.first_ready = self.opening_seconds = 0.0
        self.awaited = False
        self._adopt_known()

    def run(self) -> CampaignResult:
        with self.interrupts:
            names = tuple(self.states)
            self.tell(Started(", ".join(names), self.workdir.name, str(self.workdir.root), names))
            keep_spec(self.workdir, self.spec)
            self._work_together()
        if self.failed is not None:
            raise self.failed
        return self._result()

    def tell(self, event: Event) -> None:
        with self.guard:
            self._on_event(event)

    def _work_together(self) -> None:
        """Threads only wait for their sessions' processes; the main one hears signals, and may give up waiting."""
        threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.request.workers)
        ]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads) and not self._late():
                for thread in threads:
                    thread.join(0.1)
        except KeyboardInterrupt as error:
            self.failed = self.failed or error
            with self.guard:
                self.account.close(self.states, str(Stop(self.interrupts.reason or StopReason.INTERRUPTED)))
            raise

    def _late(self) -> bool:
        """Whether those that were asked to end have had their time: what they have found is saved."""
        if not self._asked_to_end():
            return False
        if self.interrupts.seconds > AWAITED_SECONDS and not self.awaited:
            self.awaited = True
            self.tell(Awaiting("the code under test is still at an input, or being imported"))
        return self.interrupts.seconds > GRACE_SECONDS

    def _work(self, worker: int) -> None:
        sessions: dict[str, Session] = {}
        try:
            while self.failed is None and not self._over():
                with self.guard:
                    try:
                        state = self.states[self.share.pick()]
                    except LookupError:
                        break
                self._turn(state, sessions, worker)
            allowed = wrap_up_seconds(self.request.budget.total_seconds, self._elapsed())
            open_ones = {name: (self.states[name], session) for name, session in sessions.items()}
            self.triage.wrap_up(open_ones, WrapUp(allowed, self.interrupts))
        except BaseException as error:  # noqa: BLE001  # told by the main thread, which alone may raise
            self.failed = self.failed or error
        finally:
            for session in sessions.values():
                session.close()

    def _turn(self, state: HarnessState, sessions: dict[str, Session], worker: int) -> None:
        began, edges, buckets = time.monotonic(), state.edges, len(state.known)
        try:
            if state.name not in sessions:
                sessions[state.name] = self._open(state, worker)
            if not self._stopping() and not self._over():
                self._fuzz(state, sessions[state.name], worker)
                open_ones = {state.name: (state, sessions[state.name])}
                self.triage.advance(open_ones, self._elapsed(), self._asked_to_end)
        except (TargetError, WorkerLostError) as error:
            if state.name in sessions or not self._stopping():
                self._break(state, str(error))
        except DiskFullError as error:
            if session := sessions.pop(state.name, None):
                session.close()
            self._await_room(error)
        with self.guard:
            self.share.record(
                state.name,
                seconds=time.monotonic() - began,
                edges=state.edges - edges,
                buckets=len(state.known) - buckets,
            )
            self._tick(force=True)

    def _await_room(self, error: DiskFullError) -> None:
        total = self.request.budget.total_seconds
        left = WAIT_SECONDS if total is None else total - self._elapsed()
        self.room.wait(error, seconds=min(WAIT_SECONDS, left))

    def _open(self, state: HarnessState, worker: int) -> Session:
        options = msgspec.structs.replace(self.spec.options, seed=self.spec.options.seed + worker)
        began = time.monotonic()
        with state.opening:
            patience = _Patience(state.harness, self._stopping, lambda text: self.tell(Warned(text)))
            session = self.spec.engine.prepare(state.harness.declaration, options, stop=patience)
            try:
                if not state.screened:
                    state.prepared = session.prepared
                    self._screen(state, session)
                    state.screened = True
            except BaseException:
                session.close()
                raise
        with self.guard:
            if self.first_ready:  # what the others wait for is nobody's time to fuzz
                self.opening_seconds += (time.monotonic() - began) / self.request.workers
            else:
                self.first_ready = time.monotonic()
        return session

    def _screen(self, state: HarnessState, session: Session) -> None:
        seeds = state.harness.seed_files()
        state.origin = self._origin(state.harness, suffix_of([path.name for path in seeds]), session)
        look = screen(
            state, session, seeds, lambda payload, outcome, name: self._failed(state, payload, outcome, seed=name)
        )
        for name, reason in look.refused:
            self.account.refuse(reason)
            self.tell(Warned(f"harness {state.name}: seed {name} is left out: {reason}"))
        self.tell(ready(state, session, look))

    def _fuzz(self, state: HarnessState, session: Session, worker: int) -> None:
        seconds = self._slice(state)
        state.begin(worker)
        progress = session.fuzz(
            state.corpus.folder, seconds=seconds, runs=self._runs_left(), known=list(state.known),
            words=list(state.words),
            on_failure=lambda payload, outcome: self._failed(state, payload, outcome),
            on_again=lambda payload, outcome: self._failed(state, payload, outcome),
            on_progress=lambda now: self._progressed(state, worker, now), stop=self._stopping,
        )  # fmt: skip
        with self.guard:
            state.count(worker, progress)
            state.slices += 1
            state.learn(progress.words)
            state.write_tallies(self.store)
        require_coverage(state, progress, executions=COVERAGE_AFTER)

    def _slice(self, state: HarnessState) -> float:
        """Seconds of a turn: growing, but everyone shall have had one soon."""
        total = self.request.budget.total_seconds
        seconds = turn_seconds(state.slices)
        if total is not None:
            seconds = min(seconds, max(0.5, total / (3 * max(1, len(self.share.names)))))
            seconds = max(0.1, min(seconds, total - self._elapsed()))
        return seconds

    def _runs_left(self) -> int:
        limit = self.request.budget.inputs
        return 0 if limit is None else max(1, limit - self._executions_here())

    def _executions_here(self) -> int:
        return sum(one.executions for one in self.states.values()) - self.account.executions_before

    def _progressed(self, state: HarnessState, worker: int, now: FuzzProgress) -> None:
        with self.guard:
            state.count(worker, now)
            self._tick()

    def _failed(self, state: HarnessState, payload: bytes, outcome: Outcome, *, seed: str = "") -> None:
        """A bucket nobody knew: saved before anything else happens, so that no kill can lose it."""
        with self.guard:
            if reason := state.bar(outcome):
                self.tell(Warned(f"{state.name}: {reason}"))
            if not outcome.failed or (outcome.bucket in state.known and not self._new_way(state, payload, outcome)):
                return
            finding, files = candidate(payload, outcome, state.origin, seed=seed)
            fresh = self.store.save(finding, files)
            if outcome.bucket not in state.known:  # one that was not saved is taken again the next time
                state.known[outcome.bucket] = finding.id
                state.tallies[outcome.bucket] = PathTally.of(finding)
            if fresh:
                self.queue.add(finding)
                state.last_new = time.monotonic()
                self.tell(NewFinding(finding))

    def _new_way(self, state: HarnessState, payload: bytes, outcome: Outcome) -> bool:
        """Count a failure of a known bucket; whether by its way it is a finding of its own: see `fail_on`."""
        way = state.note(outcome, payload)
        known = self.ways.get((state.name, outcome.group))
        return bool(way) and self.request.fail_on == "new-path" and known is not None and way not in known

    def _known(self, finding: Finding) -> bool:
        """Whether it is no news."""
        if finding not in self.old or finding.id in self.before:
            return finding in self.old
        known = self.ways.get((finding.target, finding.fault)) if self.request.fail_on == "new-path" else None
        return known is None or way_of(finding) in known

    def _elapsed(self) -> float:
        """Seconds since the first harness was ready, less what it took to import others since; 0 before."""
        return time.monotonic() - self.first_ready - self.opening_seconds if self.first_ready else 0.0

    def _asked_to_end(self) -> bool:
        return self.interrupts.reason is not None

    def _over(self) -> Stop | None:
        """Why the campaign is over, None while it goes on."""
        if asked := self.interrupts.reason:
            return Stop(asked)
        found = len(set(self.store.ids()) - self.before) if self.request.budget.findings else 0
        stop = self.request.budget.spent(seconds=self._elapsed(), inputs=self._executions_here(), findings=found)
        if stop is None and self.spec.max_disk:
            stop = disk_spent(self.workdir.used_bytes(), self.spec.max_disk)
        return stop

    def _stopping(self) -> bool:
        return self._asked_to_end() or self.failed is not None

    def _break(self, state: HarnessState, reason: str) -> None:
        with self.guard:
            if not state.broken:
                state.broken = reason
                self.share.leave(state.name)
                self.tell(Broken(state.name, reason))

    def _tick(self, *, force: bool = False) -> None:
        self.lock.require_in_place()
        saved = len(self.store.ids())
        record = self.account.tick(self.states, self.share, saved, force=force, every=TICK_SECONDS)
        if record is not None:
            counts = {"saved": saved, "to confirm": self.queue.to_confirm, **self.damaged.findings()}
            self.tell(Tick(record, counts, {str(row["name"]): row for row in self.account.stats.harnesses}))

    def _result(self) -> CampaignResult:
        findings, stop = tuple(self.store.records()), self._over() or Stop(StopReason.EXHAUSTED)
        idle = [name for name, one in self.states.items() if not (one.slices or one.broken)]
        if idle and len(idle) < len(self.states) and not self._asked_to_end():
            self.tell(Warned(f"the others left no time for {', '.join(idle)}: nothing of it ran; give more --time"))
        broken = {name: one.broken for name, one in self.states.items() if one.broken}
        stats = self.account.close(self.states, str(stop))
        known = frozenset(one.id for one in findings if self._known(one))
        code = exit_code(
            findings, known=known, fail_on=self.request.fail_on, stop=stop, inputs=stats.inputs, broken=bool(broken)
        )
        damage = self.damaged.counts()
        result = CampaignResult(code, stop, stats, tuple(group(findings)), findings, known, broken, damage=damage)
        self.tell(Ended(result))
        return result

    def _state(self, harness: Harness) -> HarnessState:
        name = folder_name(harness.name)
        state = HarnessState(
            harness,
            corpus_folder(self.workdir.working(f"corpus-{name}")),
            self._origin(harness, ".bin", None),
            self.workdir.working(f"words-{name}.dict"),
        )
        state.remember(lambda text: self.tell(Warned(text)))
        return state

    def _origin(self, harness: Harness, suffix: str, session: Session | None) -> CodeOrigin:
        return CodeOrigin(
            harness, self.workdir.name, self.life, self.spec.engine.name, self.spec.options.lane.name,
            session.prepared.sandbox if session else (), suffix, versions(harness),
        )  # fmt: skip

    def _adopt_known(self) -> None:
        """What earlier lives found: known buckets are not told again, candidates are confirmed first."""
        for finding in self.request.regressions:
            if finding.target in self.states and finding.triage in ("ignored", "quarantined"):
                self.states[finding.target].know(finding)
        for finding in self.store.records():
            state = self.states.get(finding.target)
            if state is not None:
                state.know(finding)
                self.queue.add(finding)
