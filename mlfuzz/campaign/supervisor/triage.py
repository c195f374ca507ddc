"""A campaign's findings are confirmed and shrunk by the triage worker while the others go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.processes import POLL_SECONDS, ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import Reply, TriageRequest
from mlfuzz.errors import StorageError
from mlfuzz.findings.store import FindingStore
from mlfuzz.triage_queue import TriageQueue, TriageTask


class ProbeTriage:
    """Of one campaign: the triage worker has one request at a time."""

    def __init__(
        self, spec: WorkerSpec, store: FindingStore, probe: ProbeProcess, queue: TriageQueue,
        folder_of: Callable[[str], Path],
    ) -> None:  # fmt: skip
        """folder_of: a finding's directory by its id."""
        self._spec, self._store, self._probe, self._queue, self._folder_of = spec, store, probe, queue, folder_of
        self._asked: TriageTask | None = None
        self._busy_before = 0.0

    @property
    def done(self) -> bool:
        """Whether nothing is asked and nothing waits."""
        return self._asked is None and not len(self._queue)

    def advance(self, elapsed: float | None) -> None:
        """Take the reply and ask the next thing. elapsed: seconds of the campaign; None: no share to keep."""
        if not self._took_reply() or (task := self._queue.next(elapsed)) is None:
            return
        self._asked, self._busy_before = task, self._probe.busy_seconds
        self._probe.ask(self._request(task))

    def wait_for_reply(self, given_up: Callable[[], bool]) -> None:
        """Wait for what has been asked, so that nothing is. given_up: whether there is no time for that."""
        while self._asked is not None and not given_up():
            self._probe.wait(POLL_SECONDS)
            self._took_reply()

    def _took_reply(self) -> bool:
        """Whether nothing is asked, once what was said is dealt with."""
        if self._asked is None:
            return True
        reply = self._probe.reply()
        if reply is None and self._probe.alive:
            return False
        task, self._asked = self._asked, None
        self._replied(task, reply)
        return True

    def _replied(self, task: TriageTask, reply: Reply | None) -> None:
        seconds = self._probe.busy_seconds - self._busy_before
        problem = "the triage worker died" if reply is None else reply.error
        try:
            finding = self._store.load(task.finding.id)
        except StorageError as error:
            problem = problem or str(error)
        if problem:
            self._queue.failed(task, problem, seconds)
        else:
            self._queue.done(task, finding, seconds)

    def _request(self, task: TriageTask) -> TriageRequest:
        spec = self._spec
        op: Literal["settle", "shrink"] = "shrink" if task.job == "shrink" else "settle"
        return TriageRequest(
            op=op, path=str(self._folder_of(task.finding.id)), target=spec.target, directory=spec.directory,
            device=spec.device, seconds=task.seconds if task.job == "shrink" else 0.0, plugins=spec.plugins,
            validity=spec.validity, require_valid=spec.require_valid,
        )  # fmt: skip
