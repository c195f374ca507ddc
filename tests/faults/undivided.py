"""A campaign's worker, its triage worker and its engine in this process, so that a whole verb takes a blink."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from codefuzz.engine.toy_engine import ToyEngine, ToySession

from mlfuzz.campaign.spec import WorkerSpec, dumps
from mlfuzz.campaign.supervisor import processes
from mlfuzz.campaign.supervisor.triage_worker import Probe, Reply, TriageRequest
from mlfuzz.campaign.worker.__main__ import _answer
from mlfuzz.campaign.worker.orders import Order
from mlfuzz.codefuzz.corpus.corpus_directory import WorkCorpus, ordinary
from mlfuzz.interrupts import Interrupts
from mlfuzz.storage.durable import write_atomic


class Worker(processes.WorkerProcess):
    """Runs its order to the end when it is started."""

    _status: int | None = None

    def start(self, spec: WorkerSpec, **options: Any) -> None:
        self._lives = frozenset(self._workdir.lives())
        write_atomic(self._workdir.order(self.number), dumps(spec))
        order = Order(workdir=str(self._workdir.root), parent=0, worker=self.number, workers=self._of, **options)
        self._said = _answer(order, self._workdir, Interrupts(self._workdir.stop_request))
        self._status = self._said.exit_code

    @property
    def started(self) -> bool:
        return self._status is not None

    def poll(self) -> int | None:
        return self._status

    def answer(self):  # type: ignore[no-untyped-def]
        return self._said


class Triage(processes.ProbeProcess):
    """Answers at once."""

    shared = Probe()
    _said: Reply | None = None

    @property
    def alive(self) -> bool:
        return True

    def ask(self, request: TriageRequest) -> None:
        began = time.monotonic()
        self._said = self.shared.answer(request)
        self.busy_seconds += time.monotonic() - began

    def warm(self) -> None: ...

    def wait(self, seconds: float) -> None: ...

    def reply(self, wait: float = 0.0) -> Reply | None:
        said, self._said = self._said, None
        return said

    def kill(self) -> None: ...


class Session(ToySession):  # type: ignore[misc]
    """Reads of the campaign's corpus what libFuzzer is given of it."""

    def fuzz(self, corpus, **options):  # type: ignore[no-untyped-def]
        with tempfile.TemporaryDirectory(prefix="mlfuzz-toy-") as scratch:
            folder = Path(scratch) / "corpus"
            folder.mkdir()
            WorkCorpus(Path(scratch), corpus, 1 << 20)
            for path, _ in ordinary(corpus):
                (folder / path.name).write_bytes(path.read_bytes())
            (folder / "first").write_bytes(b"0")
            return super().fuzz(folder, **options)


class Engine(ToyEngine):  # type: ignore[misc]
    session = Session


@contextmanager
def in_this_process() -> Iterator[None]:
    """No verb starts a process."""
    with ExitStack() as stack:
        stack.enter_context(patch("mlfuzz.campaign.supervisor.worker_pool.WorkerProcess", Worker))
        stack.enter_context(patch("mlfuzz.campaign.supervisor.supervise.ProbeProcess", Triage))
        stack.enter_context(patch("mlfuzz.replay.ProbeProcess", Triage))
        stack.enter_context(patch("mlfuzz.codefuzz.engine.default_engine.engine", Engine))
        yield
