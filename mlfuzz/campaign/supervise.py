"""The supervisor: starts a worker, watches it, has what it finds confirmed, and goes on when it dies. No torch."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from mlfuzz.budget import Budget
from mlfuzz.campaign.agenda import Agenda, Job
from mlfuzz.campaign.crew import Crew
from mlfuzz.campaign.events import (
    Confirmed,
    Ended,
    Event,
    NewFinding,
    Outcome,
    Shrunk,
    Started,
    Tick,
    Warned,
)
from mlfuzz.campaign.flight import Pulse
from mlfuzz.campaign.helm import ProbeProcess, WorkerProcess
from mlfuzz.campaign.inquest import Inquest
from mlfuzz.campaign.probe import Reply, Request
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INTERRUPTED, MlfuzzError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import group
from mlfuzz.findings.store import FindingStore
from mlfuzz.progress import Stats, read_progress, read_stats
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.workdir import Workdir

POLL_SECONDS = 0.1
SCAN_SECONDS = 0.5


START_SECONDS = 300.0
"""To import torch, load a model and run the seeds; a target that needs longer sets a deadline of its own."""

SLOWEST_FACTOR = 20.0
LEAST_DEADLINE = 5.0
"""A batch counts as hanging at 20 times the slowest so far, at least 5 s (the first run of a shape may compile)."""

WRAP_UP_SHARE = 0.2
WRAP_UP_SECONDS = 4.0
"""After the time is up findings may still be confirmed and shrunk: a fifth of the time, at least 4 s."""

SHRINK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """What to run. adopt: go on although target or options changed. confirm_share: of the time, for the probe.

    workers: processes that run the loop, on one directory; all share the budget's inputs and findings.
    """

    spec: WorkerSpec
    workdir: Path
    budget: Budget
    adopt: bool = False
    confirm_share: float = 0.2
    fail_on: str = "any"
    workers: int = 1


@dataclass(slots=True)
class _State:
    """What the supervisor knows."""

    started: float
    seen: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    queue: Agenda = field(default_factory=Agenda)
    progress_bytes: int = 0
    enough: str = ""
    asked: Request | None = None
    job: Job = "settle"
    busy: float = 0.0
    interrupted: str = ""
    scanned: float = 0.0


def run(request: CampaignRequest, on_event: Callable[[Event], None] = lambda _: None) -> Outcome:
    """Run a campaign to the end of its budget. Raises MlfuzzError for what the worker could not get over.

    Ctrl-C and SIGTERM finish the batch, save, and report; a second one ends at once.
    """
    workdir = Workdir.create(request.workdir)
    with Lock.acquire(workdir.lock):
        workdir.stop_request.unlink(missing_ok=True)
        return _Supervisor(request, workdir, on_event).run()


class _Supervisor:
    def __init__(self, request: CampaignRequest, workdir: Workdir, on_event: Callable[[Event], None]) -> None:
        self.request, self.workdir, self.tell = request, workdir, on_event
        self.store = FindingStore(workdir.findings)
        self.state = _State(time.monotonic())
        self.state.known = set(self.store.ids())
        self.state.seen = set(self.state.known)
        for finding in self.store.records():
            self.state.queue.add(finding)
        self.crew = Crew(workdir, request.workers)
        self.probe = ProbeProcess(workdir)
        self.inquest = Inquest(request.spec, workdir, self.probe, on_event)
        if workdir.progress.exists():
            self.state.progress_bytes = workdir.progress.stat().st_size

    def run(self) -> Outcome:
        previous = {number: signal.signal(number, self._signalled) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._start(self.crew.first, adopt=self.request.adopt)
            self.tell(Started(self.request.spec.target, self.workdir.name, str(self.workdir.root)))
            reason = self._watch()
            self.crew.combine(now=True)
            self._wrap_up()
            return self._outcome(reason)
        finally:
            self.crew.kill()
            self.probe.kill()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _start(self, worker: WorkerProcess, *, adopt: bool = False) -> None:
        budget, spent = self.request.budget, time.monotonic() - self.state.started
        total, several = budget.total_seconds, len(self.crew.workers)
        whole = self.inquest.deaths == 0 and worker is self.crew.first  # loading does not count
        inputs = None if budget.inputs is None else budget.inputs // several - self.crew.inputs(worker)
        worker.start(
            self.request.spec,
            seconds=None if total is None else total if whole else max(0.1, total - spent),
            inputs=None if inputs is None else max(1, inputs),
            findings=budget.findings if several == 1 else None,
            adopt=adopt,
            guarded=self.inquest.guarded,
        )

    def _watch(self) -> str:
        while True:
            self.probe.wait(POLL_SECONDS)
            self._look()
            for worker in self.crew.waiting():
                self._start(worker)
            for worker in list(self.crew.running()):
                self._watch_one(worker)
            if not list(self.crew.running()):
                return self.state.enough or next(iter(self.crew.ended.values()))

    def _watch_one(self, worker: WorkerProcess) -> None:
        if worker.poll() is not None:
            answer = worker.answer()
            if answer is None:
                self._died(worker.how(), worker)
            elif answer.exit_code != EXIT_CLEAN:
                raise _raised(answer.kind, answer.message, answer.exit_code, answer.trace)
            else:
                self.crew.ended[worker.number] = answer.reason
        elif late := self._late(worker.pulse()):
            time.sleep(POLL_SECONDS)
            if self._late(worker.pulse()):  # else it had just come to an end, or the page was read in mid-stroke
                worker.kill()
                self._died(late, worker)

    def _look(self) -> None:
        """Whatever is new since the last time: progress, findings, replies."""
        self.crew.combine()
        self._read_progress()
        now = time.monotonic()
        if now - self.state.scanned >= SCAN_SECONDS:
            self.state.scanned = now
            self.crew.trim_logs()
            for finding_id in self.store.ids():
                if finding_id not in self.state.seen:
                    self.state.seen.add(finding_id)
                    finding = self.store.load(finding_id)
                    self.state.queue.add(finding)
                    self.tell(NewFinding(finding))
            self._enough()
        self._use_probe()

    def _enough(self) -> None:
        """Several workers do not know how many findings they have made between them."""
        if len(self.crew.workers) == 1 or self.state.enough:
            return
        saved = len(self.state.seen) - len(self.state.known)
        self.state.enough = self.request.budget.spent(seconds=0.0, inputs=0, findings=saved)
        if self.state.enough:
            self.crew.ask_to_stop(signal.SIGTERM)

    def _use_probe(self, *, wrap_up: bool = False) -> None:
        if not self._take_reply():
            return
        elapsed = time.monotonic() - self.state.started
        if not wrap_up and self.probe.busy_seconds > self.request.confirm_share * elapsed + SHRINK_SECONDS:
            return
        request = self._next()
        if request is not None:
            self.state.asked = request
            self.probe.ask(request)

    def _take_reply(self) -> bool:
        """Whether the probe is idle, once what it has said is dealt with."""
        if self.state.asked is None:
            return True
        reply = self.probe.reply()
        if reply is None and self.probe.alive:
            return False
        asked, self.state.asked = self.state.asked, None
        self._replied(asked, reply)
        return True

    def _next(self) -> Request | None:
        chosen = self.state.queue.next()
        if chosen is None:
            return None
        finding, self.state.job = chosen
        self.state.busy = self.probe.busy_seconds
        op = "shrink" if self.state.job == "shrink" else "settle"
        return self._about(finding, op, 0.0 if self.state.job == "confirm" else SHRINK_SECONDS)

    def _replied(self, request: Request, reply: Reply | None) -> None:
        finding_id = Path(request.path).name
        if reply is None or reply.error:
            said = "the probe died" if reply is None else reply.error
            self.tell(Warned(f"finding {finding_id} could not be run again ({request.op}): {said}"))
            return
        finding = self.store.load(finding_id)
        self.state.queue.done(self.state.job, finding, self.probe.busy_seconds - self.state.busy)
        if self.state.job != "shrink":
            self.tell(Confirmed(finding))
        if self.state.job == "shrink" or finding.shrunk:
            self.tell(Shrunk(finding))

    def _died(self, how: str, worker: WorkerProcess) -> None:
        """A worker is gone: hear the probe out, hold an inquest, and start another in its place."""
        while self.state.asked is not None:
            self.probe.wait(POLL_SECONDS)
            self._take_reply()
        self.inquest.hold(how, worker)
        self._start(worker)

    def _wrap_up(self) -> None:
        """Confirm and shrink what is left, within a fifth of the time."""
        total = self.request.budget.total_seconds or time.monotonic() - self.state.started
        until = time.monotonic() + max(WRAP_UP_SECONDS, WRAP_UP_SHARE * total)
        if self.state.interrupted:
            until = time.monotonic() + 2.0
        self.state.scanned = 0.0
        self._look()
        while time.monotonic() < until:
            self._use_probe(wrap_up=True)
            if self.state.asked is None and not len(self.state.queue):
                break
            self.probe.wait(POLL_SECONDS)

    def _outcome(self, reason: str) -> Outcome:
        findings = list(self.store.records())
        faults = tuple(group(findings))
        code = EXIT_CLEAN
        counted = [one for one in findings if one.verdict != "flaky" and one.triage in ("open", "fixed")]
        if self.request.fail_on == "new":
            counted = [finding for finding in counted if finding.id not in self.state.known]
        if counted and self.request.fail_on != "none":
            code = EXIT_FINDINGS
        if self.state.interrupted == "interrupted":
            code = EXIT_INTERRUPTED
        outcome = Outcome(code, reason, self._stats(), faults, tuple(findings))
        self.tell(Ended(outcome))
        return outcome

    def _read_progress(self) -> None:
        if not self.workdir.progress.exists():
            return
        with open(self.workdir.progress, "rb") as file:
            file.seek(self.state.progress_bytes)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.state.progress_bytes += len(whole)
        for record in read_progress(whole, str(self.workdir.progress)):
            self.tell(Tick(record, self._faults()))

    def _faults(self) -> dict[str, int]:
        return {"saved": len(self.state.seen), "to confirm": self.state.queue.to_confirm}

    def _stats(self) -> Stats:
        path = self.workdir.stats
        if not path.exists():
            return Stats(campaign=self.workdir.name, started="")
        return read_stats(path.read_bytes(), str(path))

    def _late(self, pulse: Pulse | None) -> str:
        if pulse is None:
            return ""
        spent = time.monotonic() - pulse.since
        limit = START_SECONDS
        if pulse.phase == "execute":
            limit = self.request.spec.deadline or max(LEAST_DEADLINE, SLOWEST_FACTOR * pulse.slowest)
        return f"no answer for {limit:.1f} s" if pulse.phase != "ended" and spent > limit else ""

    def _about(self, finding: Finding, op: Any, seconds: float) -> Request:
        spec = self.request.spec
        return Request(
            op=op, path=str(self.workdir.finding(finding.id)), target=spec.target, directory=spec.directory,
            device=spec.device, seconds=seconds, plugins=spec.plugins, validity=spec.validity,
            require_valid=spec.require_valid,
        )  # fmt: skip

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self.state.interrupted:
            raise KeyboardInterrupt
        self.state.interrupted = "interrupted" if number == signal.SIGINT else "stopped"
        self.crew.ask_to_stop(number)


def _raised(kind: str, message: str, exit_code: int, trace: str) -> MlfuzzError:
    """The worker's error as one of ours, so that it reads and exits as if it had been raised here."""
    from mlfuzz import errors

    known = getattr(errors, kind, None)
    if isinstance(known, type) and issubclass(known, MlfuzzError) and known is not errors.UnknownNameError:
        try:
            return known(message)
        except TypeError:
            pass
    error = MlfuzzError(message if known else f"mlfuzz failed: {kind}: {message}")
    error.exit_code = exit_code
    if not known:
        error.add_note(trace)
    return error
