"""A campaign's findings are confirmed and minimised between the turns of its harnesses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from mlfuzz.codefuzz.campaign.harness_state import HarnessState
from mlfuzz.codefuzz.campaign.stats import HarnessStats
from mlfuzz.codefuzz.harness.engine import Session
from mlfuzz.codefuzz.triage import property_examples
from mlfuzz.codefuzz.triage.confirm import confirm, explain, shrink
from mlfuzz.errors import BadInputError, CorruptRecordError, ReplayError, SchemaError, TargetError, WorkerLostError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore
from mlfuzz.triage_queue import TriageQueue, TriageTask, WrapUp

Open: TypeAlias = Mapping[str, tuple[HarnessState, Session]]
"""Harnesses that a worker has sessions of, by name."""

PHASES = {"confirm": "confirm", "shrink": "minimise"}
"""What the figures call each job."""


class HarnessTriage:
    """Of one campaign; several workers may use it, each for the harnesses that it has open."""

    def __init__(self, store: FindingStore, account: HarnessStats, queue: TriageQueue, guard: threading.RLock) -> None:
        self._store, self._account, self._queue, self._guard = store, account, queue, guard

    def advance(self, open_ones: Open, elapsed: float, stop: Callable[[], bool]) -> None:
        """As much as the share of the time allows. elapsed: seconds of the campaign so far."""
        began = time.monotonic()
        while not stop() and (task := self._next(open_ones, elapsed + time.monotonic() - began)):
            self._run(task, *open_ones[task.finding.target])

    def wrap_up(self, open_ones: Open, wrap_up: WrapUp) -> None:
        """What is left, of all harnesses that a worker has open."""
        while (left := wrap_up.left) > 0 and (task := self._next(open_ones, None, left)):
            self._run(task, *open_ones[task.finding.target])

    def _next(self, open_ones: Open, elapsed: float | None, left: float = 0.0) -> TriageTask | None:
        targets = [name for name, (state, _) in open_ones.items() if not state.broken]
        with self._guard:
            return self._queue.next(elapsed, targets=targets, left=left)

    def _run(self, task: TriageTask, state: HarnessState, session: Session) -> None:
        """Each step is stored as soon as it is known."""
        began, finding, why = time.monotonic(), None, ""
        try:
            finding = explain(self._store, self._done(task, session), state.harness)
            finding = property_examples.keep(self._store, finding, state.harness)
        except (TargetError, BadInputError, ReplayError, WorkerLostError, CorruptRecordError, SchemaError) as error:
            why = str(error)
        seconds = time.monotonic() - began
        with self._guard:
            self._account.spend(PHASES[task.job], seconds)
            if finding is None:
                self._queue.failed(task, why, seconds)
                return
            state.know(finding)
            self._queue.done(task, finding, seconds)

    def _done(self, task: TriageTask, session: Session) -> Finding:
        finding = self._store.load(task.finding.id)
        if task.job == "shrink":
            return shrink(self._store, finding, session, seconds=task.seconds)
        return confirm(self._store, finding, session, seconds=0.0)
