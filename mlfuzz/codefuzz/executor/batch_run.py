"""Many inputs, one after another in one worker: a second where each alone in a fork would take minutes.

An input that kills the worker, or looks slow or large in its company, is judged alone; the rest goes on in a new
worker.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mlfuzz.codefuzz.executor.isolated_run import START_SECONDS, IsolatedRunner, outcome_from
from mlfuzz.codefuzz.failure.outcome import FINE, Outcome
from mlfuzz.codefuzz.forkserver.client import ALONE
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.runtime.flight_recorder import STARTED
from mlfuzz.codefuzz.runtime.input_threads import SECONDS as THREAD_SECONDS
from mlfuzz.errors import WorkerLostError


class RunRecord(msgspec.Struct, frozen=True):
    """One input of a series: what became of it, and, where they were asked for, the edges it reached, and how many of
    each kind it has left behind; see `held`."""

    outcome: Outcome
    edges: frozenset[int] = frozenset()
    left: Mapping[str, int] = {}


class BatchRunner:
    """Runs inputs in order, each `repeats` times more. modules: those imported after the last worker has ended."""

    def __init__(self, runner: IsolatedRunner, *, edges: bool = False, held: bool = False, repeats: int = 0) -> None:
        self._runner, self._link = runner, runner.link
        self._job = {"name": "many", "edges": edges, "held": held, "repeats": repeats}
        self.modules: frozenset[str] = frozenset()

    def run(self, payloads: Sequence[bytes]) -> Iterator[RunRecord]:
        """One result an input, in order."""
        slot: WorkerHandle | None = None
        try:
            for payload in payloads:
                if slot is None:
                    slot = self._link.fork(ALONE, self._job)
                message = self._one(slot, payload)
                if message is None or self._suspicious(message):
                    self._link.end(slot)
                    slot = None
                    edges = frozenset(message.get("edges", ())) if message else frozenset()
                    yield RunRecord(self._runner.execute(payload), edges)
                else:
                    yield RunRecord(
                        outcome_from(message, slot.ring.text()), frozenset(message.get("edges", ())),
                        message.get("left", {}),
                    )  # fmt: skip
                    slot.ring.clear()
            if slot is not None:
                self._finish(slot)
        finally:
            if slot is not None and slot.death is None:
                self._link.end(slot)

    def _one(self, slot: WorkerHandle, payload: bytes) -> dict[str, Any] | None:
        """What the worker tells of an input; None where it died of it, or hangs."""
        before = slot.flight.head[STARTED]
        slot.answer({"run": 1}, payload)
        asked = time.monotonic()
        begun = 0.0
        while not slot.inbox and slot.death is None:
            now = time.monotonic()
            if not begun and slot.flight.head[STARTED] != before:
                begun = now
            left = THREAD_SECONDS if slot.flight.returned else 0.0
            if begun and now - begun > self._runner.declaration.seconds + left:
                return None
            if not begun and now - asked > START_SECONDS:
                raise WorkerLostError("a worker does not take its next input")
            self._link.pump(min(0.05, self._runner.declaration.seconds / 4))
        return slot.inbox.popleft()[0] if slot.inbox else None

    def _suspicious(self, message: dict[str, Any]) -> bool:
        limits = self._runner.declaration
        large = message["kind"] in (*FINE, "memory-error") and message["mebibytes"] > limits.mebibytes
        return (
            large
            or message["kind"] == "memory-error"
            or (message["kind"] in FINE and message["seconds"] > limits.seconds)
        )

    def _finish(self, slot: WorkerHandle) -> None:
        slot.answer({"end": 1})
        self._link.wait(lambda: bool(slot.inbox) or slot.death is not None, 5.0)
        if slot.inbox:
            self.modules = frozenset(slot.inbox.popleft()[0].get("modules", ()))
        self._link.wait(lambda: slot.death is not None, 5.0)
