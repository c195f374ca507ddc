"""The supervisor: starts a worker, watches it, has what it finds confirmed, and goes on when it dies."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from mlfuzz.campaign.isolation.flight_recorder import doing
from mlfuzz.campaign.spec import WorkerSpec, set_aside_unreadable
from mlfuzz.campaign.supervisor.child import Children
from mlfuzz.campaign.supervisor.processes import POLL_SECONDS, ProbeProcess, WorkerProcess
from mlfuzz.campaign.supervisor.restart_policy import Death, RestartPolicy
from mlfuzz.campaign.supervisor.time_shares import TimeShares
from mlfuzz.campaign.supervisor.triage import ProbeTriage
from mlfuzz.campaign.supervisor.worker_pool import WorkerPool
from mlfuzz.campaign.timetable import OWN_SECONDS, Timetable
from mlfuzz.errors import EXIT_CLEAN, DiskFullError, MlfuzzError, StorageError
from mlfuzz.events import Awaiting, CampaignResult, Ended, Ending, Event, NewFinding, Preparing, Started, Tick, Warned
from mlfuzz.exit_code import exit_code
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import group
from mlfuzz.findings.known import Known
from mlfuzz.findings.store import FindingStore
from mlfuzz.integrity.damage_seen import DamageSeen
from mlfuzz.interrupts import Interrupts
from mlfuzz.progress import ProgressTail, Stats
from mlfuzz.request import CampaignRequest
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.storage.derived import stored_stats
from mlfuzz.storage.durable import clear_parts, remove, write_atomic
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.room import WAIT_SECONDS, Room
from mlfuzz.storage.workdir import Workdir
from mlfuzz.triage_queue import TriageQueue, WrapUp, wrap_up_seconds

SCAN_SECONDS = 0.5

PREPARING_SECONDS = 5.0
"""So often it is told what a campaign is at that has not come to its first batch."""

FIRST_SECONDS = 0.5
"""So soon it is told for the first time."""

HEAR_OUT_SECONDS = 5.0
"""So much longer for one that is being confirmed, where none has been yet and no time was asked for: a hang takes three
times its limit."""

LAST_SECONDS = 1.0
"""Before the end a dead worker is no longer looked into: what was found of others is kept first."""

WARM_SECONDS = 60.0
"""In a campaign as short as that the triage worker starts beside the first: its start is a good part of the time."""

MANY_FLAKY = 3
"""Of so many findings that do not fail again, where none does, the target is the reason."""

SUSPECT_SHARE = 1 / 4
"""A batch that is cut short at the end of the time is looked into later, if it had run for so much of its limit."""

START_GRACE_SECONDS = 2.0
"""A worker that has not come to its first batch has nothing to lose: so long after a request to end it is killed."""

GRACE_SECONDS = 5.0
"""So long after a request to end any other one is: what it has acknowledged is in its journal. Who has asked waits for
ten seconds, and the report is still to be written."""

AWAITED_SECONDS = 1.0
"""So long after a request to end it is said what is waited for."""


def run(
    request: CampaignRequest[WorkerSpec], on_event: Callable[[Event], None] = lambda _: None, *, adopt: bool = False
) -> CampaignResult:
    """Run a campaign to the end of its budget. Raises MlfuzzError for what the worker could not get over.

    adopt: go on although the target or the options differ from what the campaign was begun with.
    Ctrl-C, SIGTERM, a hang-up and `mlfuzz stop` finish the batch, save, and report, at whatever moment they come; a
    second signal ends at once.
    """
    workdir = Workdir.create(request.workdir)
    with Lock.acquire(workdir.lock) as lock:
        remove(workdir.stop_request)
        clear_parts(workdir.root)
        set_aside_unreadable(workdir, lambda text: on_event(Warned(text)))
        return _Supervisor(request, workdir, on_event, lock).run(adopt=adopt)


class _Supervisor:
    def __init__(
        self, request: CampaignRequest[WorkerSpec], workdir: Workdir, on_event: Callable[[Event], None], lock: Lock
    ) -> None:
        self.request, self.workdir, self.tell = request, workdir, on_event
        self.lock, self.store = lock, FindingStore(workdir.findings)
        self._started = time.monotonic()
        self._damaged = DamageSeen(workdir, on_event)
        before = self._damaged.kept(self.store)
        self._known = frozenset(self.store.ids())
        self._old = Known([*request.regressions, *before])
        self._seen = set(self._known)
        self._scanned = 0.0
        self._prepared = self._started - PREPARING_SECONDS + FIRST_SECONDS
        self._ready = self._until = 0.0
        self._shares = TimeShares(self._started)
        self._awaited = False
        self._enough: Stop | None = None
        self.interrupts = Interrupts(workdir.stop_request, self._acknowledge)
        self.children = Children()
        self.pool = WorkerPool(workdir, request.workers, self.children)
        self.probe = ProbeProcess(workdir, children=self.children)
        self.queue = TriageQueue(request.confirm_share, on_event)
        for finding in before:
            self.queue.add(finding)
        self.triage = ProbeTriage(request.spec, self.store, self.probe, self.queue, workdir.finding)
        self.policy = RestartPolicy(request.spec, workdir, self.probe, on_event, self._no_time_for_deaths)
        self.room = Room(workdir.derived, lambda text: self.tell(Warned(text)), self._asked_to_end)
        self.progress = ProgressTail(workdir.progress)

    def run(self, *, adopt: bool) -> CampaignResult:
        with self.interrupts:
            try:
                if not self._asked_to_end():
                    self._start(self.pool.first, adopt=adopt)
                self.tell(Started(self.request.spec.target, self.workdir.name, str(self.workdir.root)))
                stop = self._watch()
                self.pool.combine(now=True)
                self._wrap_up()
                return self._result(Stop(self.interrupts.reason) if self.interrupts.reason else stop)
            except KeyboardInterrupt:  # asked for twice: nothing is waited for
                self.pool.kill()
                self._ended_by(self._asked_for())
                raise
            finally:
                self.pool.kill()
                self.probe.kill()
                self.children.close()
                remove(self.workdir.stop_request)
                clear_parts(self.workdir.root)

    def _start(self, worker: WorkerProcess, *, adopt: bool = False) -> None:
        budget, several = self.request.budget, len(self.pool.workers)
        inputs = None if budget.inputs is None else budget.inputs // several - self.pool.inputs(worker)
        worker.start(
            self.request.spec,
            seconds=budget.total_seconds,
            began=self._started,
            ready=self._ready,
            until=self._until if math.isfinite(self._until) else 0.0,
            inputs=None if inputs is None else max(1, inputs),
            findings=budget.findings if several == 1 else None,
            new_faults=budget.new_faults if several == 1 else None,
            adopt=adopt,
            guarded=self.policy.guarded,
        )

    def _watch(self) -> Stop:
        while True:
            self.probe.wait(POLL_SECONDS)
            asked = self._asked_to_end()
            self._keep_time()
            self._look()
            for worker in [] if asked or self._enough else self.pool.waiting():
                self._start(worker)
            for worker in list(self.pool.running()):
                self._watch_one(worker)
            if not list(self.pool.running()):
                # One worker that somebody has ended does not end a campaign that the others bring to its end.
                ended = sorted(self.pool.ended.values(), key=lambda one: one.reason.exit_code is not None)
                return self._enough or next(iter(ended), self._asked_for())

    def _watch_one(self, worker: WorkerProcess) -> None:
        if worker.poll() is not None:
            answer = worker.answer()
            leaving = self._asked_to_end() or (self._enough and not worker.began())
            if leaving and (answer is None or answer.exit_code != EXIT_CLEAN):
                end = f"died of {worker.how()}" if answer is None else f"ended: {answer.error()}"
                self._gave_up(worker, end)
            elif answer is None:
                self._died(worker.how(), worker)
            elif answer.exit_code != EXIT_CLEAN:
                self._refused(answer.error(), worker)
            else:
                self.pool.ended[worker.number] = answer.stop or self._asked_for()
        elif self._asked_to_end():
            waited = self.interrupts.seconds
            if waited > AWAITED_SECONDS and not self._awaited:
                self._awaited = True
                self.tell(Awaiting(_at(worker)))
            if waited > (GRACE_SECONDS if worker.has_founded() else START_GRACE_SECONDS):
                worker.kill()
                self._gave_up(worker, f"had not ended after {waited:.0f} s and was killed")
        elif self._past(self._timetable().worker):
            self._cut_short(worker)
        elif late := worker.overdue():
            time.sleep(POLL_SECONDS)
            # A second look: it may just have come to an end, or the page was read in mid-stroke.
            if worker.overdue():
                worker.kill()
                self._died(late, worker)

    def _refused(self, error: MlfuzzError, worker: WorkerProcess) -> None:
        """It ended with an error: raised here, but where the disk was full it is begun again once there is room."""
        if not isinstance(error, DiskFullError):
            raise error
        total = self.request.budget.total_seconds
        left = WAIT_SECONDS if total is None else total - (time.monotonic() - self._started)
        self.room.wait(error, seconds=min(WAIT_SECONDS, left))
        if not self._asked_to_end():
            self._start(worker)

    def _keep_time(self) -> None:
        """Notice what the timetable and the shares of the time hang on."""
        now, first = time.monotonic(), self.pool.first
        if not self._ready and first.ready:
            self._ready = now
            if (self.request.budget.total_seconds or math.inf) <= WARM_SECONDS:
                self.probe.warm()
        if first.started and first.poll() is None and first.began():
            self._until = self._until or min(now + self._timetable().seconds, self._timetable().last_batch)
            self._shares.enter("fuzzing")
            if not self.policy.deaths:
                self._take_up_deaths()

    def _take_up_deaths(self) -> None:
        """Those that are left from before; what is found is confirmed like any other."""
        if self.policy.unexplained and not self._no_time_for_deaths():
            self.triage.wait_for_reply(self._no_time_for_deaths)
            self.policy.take_up()

    def _timetable(self) -> Timetable:
        """As far as known: until the first worker begins to load the target nobody is late."""
        total = self.request.budget.total_seconds
        return Timetable(self._started, math.inf if total is None else total, self._ready or time.monotonic())

    def _past(self, moment: float) -> bool:
        return time.monotonic() > moment

    def _no_time_for_deaths(self) -> bool:
        return self._asked_to_end() or self._past(self._timetable().end - LAST_SECONDS)

    def _cut_short(self, worker: WorkerProcess) -> None:
        """The time is over, and a worker is still at its last batch, or has not come to its first."""
        pulse, spec = worker.pulse(), self.request.spec
        worker.kill()
        self.pool.ended[worker.number] = Stop(StopReason.TIME)
        spent = 0.0 if pulse is None else time.monotonic() - pulse.since
        if pulse is not None and pulse.calls and pulse.phase == "execute" and spent > SUSPECT_SHARE * pulse.limit:
            self.policy.postpone(Death(worker.life(), f"no answer for {spent:.1f} s"))
        elif worker.has_founded():
            self.tell(Warned("the time was over in the middle of a batch, which is not judged; all before it is saved"))
        else:
            asked = self._timetable().seconds
            self.tell(Warned(
                f"the {asked:g} s were over while {spec.target} was still at its start ({doing(pulse)}): nothing was"
                f" fuzzed; one that needs longer to start: --time {max(60, 10 * asked):.0f}s"
            ))  # fmt: skip

    def _look(self) -> None:
        """Whatever is new since the last time: progress, findings, replies."""
        self.pool.combine()
        for record in self.progress.fresh():
            self._damaged.journal(record.damage)
            self.tell(Tick(record, self._faults()))
        now = time.monotonic()
        if now - self._prepared >= PREPARING_SECONDS and not self.pool.ended:
            self._prepared = float("inf") if self.pool.first.has_founded() else now
            if self._prepared == now:
                self.tell(Preparing(doing(self.pool.first.pulse())))
        if now - self._scanned >= SCAN_SECONDS:
            self._scanned = now
            self.lock.require_in_place()
            self.pool.trim_logs()
            for finding_id in self.store.ids():
                if finding_id not in self._seen:
                    self._seen.add(finding_id)
                    for finding in self._damaged.readable([self.store.item(finding_id)]):
                        self.queue.add(finding)
                        self.tell(NewFinding(finding))
            self._count_saved()
        self.triage.advance(time.monotonic() - self._started)

    def _count_saved(self) -> None:
        """Several workers do not know how many findings they have made between them, nor what is still to be found."""
        if len(self.pool.workers) == 1 or self._enough:
            return
        saved = len(self._seen) - len(self._known)
        self._enough = self.request.budget.spent(seconds=0.0, inputs=0, findings=saved, expected=self.pool.new_faults)
        if self._enough:
            self.pool.ask_to_stop(signal.SIGTERM)

    def _died(self, how: str, worker: WorkerProcess) -> None:
        """A worker is gone: wait for the probe, look into the cause, and start another in its place."""
        if len(self.pool.workers) == 1:  # else the others go on
            self._shares.enter("deaths")
        self.triage.wait_for_reply(self._no_time_for_deaths)
        if not self._asked_to_end():
            self.policy.investigate(how, worker)
        if self._asked_to_end() or self._enough:
            self.pool.ended[worker.number] = self._asked_for()
        elif self._past(self._until or self._timetable().last_batch):
            self.pool.ended[worker.number] = Stop(StopReason.TIME)
        else:
            self._start(worker)

    def _gave_up(self, worker: WorkerProcess, end: str) -> None:
        """One that was asked to end is gone without having saved; one that had not begun had nothing to save."""
        self.pool.ended[worker.number] = self._asked_for()
        if worker.began():
            self.tell(Warned(f"a worker {end}: its last batch is not judged; what it had kept is saved"))

    def _wrap_up(self) -> None:
        """Confirm and shrink what is left, within a fifth of the time."""
        if self.policy.unexplained:
            self._shares.enter("deaths")
            self._take_up_deaths()
        self._shares.enter("wrap_up")
        total, now = self.request.budget.total_seconds, time.monotonic()
        starting, late = max(0.0, self._ready - self._started), 0.0
        self._scanned = 0.0
        self._look()
        if not self.probe.busy_seconds:
            # Nothing has been answered yet: what the start of a process takes on a busy machine is nobody's time.
            late = max(HEAR_OUT_SECONDS, starting) if total is None else max(0.0, starting - OWN_SECONDS)
            self.triage.wait_for_reply(lambda: self._asked_to_end() or self._past(now + late))
        until, now = self._timetable().end + late, time.monotonic()
        allowed = wrap_up_seconds(None, now - self._started) if total is None else until - now
        wrap_up = WrapUp(allowed, self.interrupts)
        while wrap_up.left > 0:
            self.triage.advance(None)
            if self.triage.done:
                break
            self.probe.wait(POLL_SECONDS)
        if not any(one.verdict == "confirmed" for one in self.store.records()):
            heard = min(until, time.monotonic() + HEAR_OUT_SECONDS)
            self.triage.wait_for_reply(lambda: self._asked_to_end() or self._past(heard))

    def _result(self, stop: Stop) -> CampaignResult:
        findings, stats = tuple(self.store.records()), self._ended_by(stop)
        unexplained = tuple(death.how for death in self.policy.unexplained)
        stats.unstable = _unstable(stats, findings)
        stats.shares = self._shares.record(self.request.budget.total_seconds)
        if self.workdir.stats.exists():
            stats.ended = stats.ended or str(stop)
            with suppress(StorageError):  # where there is no room the rest is said all the same
                self.pool.keep(stats)
        known = frozenset(one.id for one in findings if one in self._old)
        code = exit_code(findings, known=known, fail_on=self.request.fail_on, stop=stop, inputs=stats.inputs,
                         unexplained=bool(unexplained), unstable=bool(stats.unstable))  # fmt: skip
        result = CampaignResult(
            code,
            stop,
            stats,
            tuple(group(findings)),
            findings,
            known,
            deaths=tuple(self.policy.ways),
            unexplained=unexplained,
            damage=self._damaged.counts(),
        )
        self.tell(Ended(result))
        return result

    def _ended_by(self, stop: Stop) -> Stats:
        """The figures, which say why it ended also where a worker had no time to."""
        stats = self._stats()
        if self.interrupts.reason and stats.inputs and stats.ended != str(stop):
            stats.ended = str(stop)
            self.pool.keep(stats)
        return stats

    def _faults(self) -> dict[str, int]:
        return {"saved": len(self._seen), "to confirm": self.queue.to_confirm, **self._damaged.findings()}

    def _stats(self) -> Stats:
        return stored_stats(self.workdir) or Stats(campaign=self.workdir.name, started="")

    def _asked_to_end(self) -> bool:
        return self.interrupts.reason is not None

    def _asked_for(self) -> Stop:
        """Why a worker had to end that did not get to say it."""
        reason = self.interrupts.reason
        return Stop(reason) if reason else self._enough or Stop(StopReason.TIME)

    def _acknowledge(self, reason: StopReason) -> None:
        """Say that the end was asked for, and pass it on to those that run.

        By the file, which they look at after each batch: the code under test may have taken their signals over.
        """
        try:
            write_atomic(self.workdir.stop_request, reason.value.encode(), sync=False)
        except StorageError:
            self.pool.ask_to_stop(signal.SIGINT if reason is StopReason.INTERRUPTED else signal.SIGTERM)
        self.tell(Ending(reason))


def _at(worker: WorkerProcess) -> str:
    """What a worker is at that is to end, in words."""
    return "the model is still in its call" if worker.began() else f"still {doing(worker.pulse())}"


def _unstable(stats: Stats, findings: Sequence[Finding]) -> str:
    """Why a campaign that found nothing says nothing: what failed did not count, as it does not do so each time."""
    judged = [one for one in findings if one.oracle and one.verdict != "candidate"]
    flaky = sum(one.verdict == "flaky" for one in judged)
    if stats.unstable:
        return stats.unstable if stats.failing or flaky else ""
    if flaky >= MANY_FLAKY and flaky == len(judged):
        return f"the target is not deterministic: {flaky} inputs failed in a batch, and none of them alone"
    return ""
