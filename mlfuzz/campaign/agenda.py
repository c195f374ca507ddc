"""What the probe does next. Confirming takes a few runs of the target, shrinking hundreds: neither may starve."""

from __future__ import annotations

from collections import deque
from typing import Literal, TypeAlias

from mlfuzz.campaign.supervisor.triage_worker import ISOLATED
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.waiting import Waiting

Job: TypeAlias = Literal["confirm", "shrink", "settle"]
"""settle: confirm, then shrink."""

MOST_SECONDS = 2.0
"""More than this of one job is the target's loading, and no job's."""


class Agenda:
    """Each way of failing is confirmed once before any is a second time; half of the time goes into shrinking them.

    The second and later inputs of a way of failing are settled in one go, when there is nothing else to do.
    """

    def __init__(self) -> None:
        self._waiting = Waiting()
        self._unshrunk: deque[Finding] = deque()
        self._seconds = {"confirm": 0.0, "shrink": 0.0}

    def add(self, finding: Finding) -> None:
        """A candidate; or a finding with its verdict, which takes its key's turn."""
        self._waiting.add(finding)

    @property
    def to_confirm(self) -> int:
        """How many wait for their verdict."""
        return len(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._unshrunk)

    def next(self) -> tuple[Finding, Job] | None:
        """What to do now; the finding then waits no more."""
        due = not self._unshrunk or self._seconds["confirm"] <= self._seconds["shrink"]
        if self._waiting.fresh and due:
            return self._took("confirm")
        if self._unshrunk:
            return self._unshrunk.popleft(), "shrink"
        return self._took("settle") if len(self._waiting) else None

    def done(self, job: Job, finding: Finding, seconds: float) -> None:
        """A job came to this end and took so long."""
        if job == "settle":
            return
        self._seconds[job] += min(seconds, MOST_SECONDS)
        shrinkable = finding.verdict == "confirmed" and finding.chain and finding.kind not in ISOLATED
        if job == "confirm" and shrinkable and not finding.shrunk:
            self._unshrunk.append(finding)

    def _took(self, job: Job) -> tuple[Finding, Job]:
        finding = self._waiting.take()
        assert finding is not None
        return finding, job
