"""Findings on their way through the probe while the workers go on: confirmed, then shrunk. No torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlfuzz.campaign.agenda import Agenda, Job
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.processes import POLL_SECONDS, ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import Reply, Request
from mlfuzz.events import Confirmed, Event, Shrunk, Warned
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore

SHRINK_SECONDS = 2.0


class Settling:
    """Of one campaign: the probe has one request at a time, and takes at most a share of the time."""

    def __init__(
        self, spec: WorkerSpec, store: FindingStore, probe: ProbeProcess, tell: Callable[[Event], None],
        folder_of: Callable[[str], Path], *, share: float,
    ) -> None:  # fmt: skip
        """folder_of: a finding's directory by its id."""
        self._spec, self._store, self._probe, self._tell = spec, store, probe, tell
        self._folder_of, self._share = folder_of, share
        self._agenda = Agenda()
        self._asked: Request | None = None
        self._job: Job = "settle"
        self._busy_before = 0.0
        for finding in store.records():
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """A candidate; or a finding with its verdict, which takes its key's turn."""
        self._agenda.add(finding)

    @property
    def to_confirm(self) -> int:
        """How many wait for their verdict."""
        return self._agenda.to_confirm

    @property
    def done(self) -> bool:
        """Whether nothing is asked and nothing waits."""
        return self._asked is None and not len(self._agenda)

    def go_on(self, elapsed: float | None) -> None:
        """Take the probe's reply and ask the next thing. elapsed: seconds of the campaign; None: no share to keep."""
        if not self._took_reply():
            return
        if elapsed is not None and self._probe.busy_seconds > self._share * elapsed + SHRINK_SECONDS:
            return
        chosen = self._agenda.next()
        if chosen is None:
            return
        finding, self._job = chosen
        self._busy_before = self._probe.busy_seconds
        op = "shrink" if self._job == "shrink" else "settle"
        self._asked = self._about(finding, op, 0.0 if self._job == "confirm" else SHRINK_SECONDS)
        self._probe.ask(self._asked)

    def hear_out(self, given_up: Callable[[], bool]) -> None:
        """Wait for what has been asked, so that the probe is idle. given_up: whether there is no time for that."""
        while self._asked is not None and not given_up():
            self._probe.wait(POLL_SECONDS)
            self._took_reply()

    def _took_reply(self) -> bool:
        """Whether the probe is idle, once what it has said is dealt with."""
        if self._asked is None:
            return True
        reply = self._probe.reply()
        if reply is None and self._probe.alive:
            return False
        asked, self._asked = self._asked, None
        self._replied(asked, reply)
        return True

    def _replied(self, request: Request, reply: Reply | None) -> None:
        finding_id = Path(request.path).name
        if reply is None or reply.error:
            said = "the probe died" if reply is None else reply.error
            self._tell(Warned(f"finding {finding_id} could not be run again ({request.op}): {said}"))
            return
        finding = self._store.load(finding_id)
        self._agenda.done(self._job, finding, self._probe.busy_seconds - self._busy_before)
        if self._job != "shrink":
            self._tell(Confirmed(finding))
        if self._job == "shrink" or finding.shrunk:
            self._tell(Shrunk(finding))

    def _about(self, finding: Finding, op: Any, seconds: float) -> Request:
        spec = self._spec
        return Request(
            op=op, path=str(self._folder_of(finding.id)), target=spec.target, directory=spec.directory,
            device=spec.device, seconds=seconds, plugins=spec.plugins, validity=spec.validity,
            require_valid=spec.require_valid,
        )  # fmt: skip
