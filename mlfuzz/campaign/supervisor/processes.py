"""The two child processes a supervisor holds: a worker and a probe."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import msgspec

from mlfuzz.campaign.isolation.call_deadline import START_SECONDS
from mlfuzz.campaign.isolation.flight_recorder import Pulse, Watch, read_flight, read_pulse
from mlfuzz.campaign.isolation.process_setup import child_environment
from mlfuzz.campaign.spec import WorkerSpec, dumps
from mlfuzz.campaign.supervisor.child import Child, Children
from mlfuzz.campaign.supervisor.triage_worker import REPLIES, REQUESTS, Reply, TriageRequest
from mlfuzz.campaign.worker.orders import Answer, Order
from mlfuzz.decoding import json_as
from mlfuzz.storage.durable import fresh_log, remove, write_atomic
from mlfuzz.storage.workdir import Workdir, life_number

POLL_SECONDS = 0.1
"""Between two looks at the children."""

LOG_BYTES = 1 << 20
"""A target that prints without end fills no disk: its log begins anew at this size, and with each process."""


class WorkerProcess:
    """The worker, from start to end."""

    def __init__(self, workdir: Workdir, number: int = 0, of: int = 1, *, children: Children | None = None) -> None:
        self.number, self._of = number, of
        self._workdir, self._children = workdir, children
        self._process: Child | None = None
        self._lives: frozenset[str] = frozenset()
        self._spoken: IO[bytes] | None = None
        self._watch = Watch(0.0)

    def start(
        self,
        spec: WorkerSpec,
        *,
        seconds: float | None,
        began: float,
        ready: float,
        until: float,
        inputs: int | None,
        findings: int | None,
        new_faults: float | None,
        adopt: bool,
        guarded: bool,
    ) -> None:
        """Start a worker on this specification. seconds, began, ready, until: as of `Order`."""
        remove(self._workdir.answer(self.number))
        self._watch = Watch(spec.deadline)
        write_atomic(self._workdir.order(self.number), dumps(spec))
        self._lives = frozenset(self._workdir.lives())
        order = Order(
            workdir=str(self._workdir.root), parent=os.getpid(), seconds=seconds, began=began, ready=ready, until=until,
            inputs=inputs, findings=findings, new_faults=new_faults, adopt=adopt, guarded=guarded, worker=self.number,
            workers=self._of, pipe=self._open_pipe(),
        )  # fmt: skip
        with fresh_log(self._log) as log:
            descriptors = (log.fileno(), order.pipe)
            plainly = partial(_plain_worker, order)
            if self._children is None:
                self._process = plainly(descriptors)
            else:
                self._process = self._children.start("worker", _encoded(order), descriptors, plainly)
        os.close(order.pipe)

    def poll(self) -> int | None:
        """Its exit status once it has ended."""
        return None if self._process is None else self._process.poll()

    def answer(self) -> Answer | None:
        """How it ended of its own accord; None where it did not get to say."""
        for read in (self._workdir.answer(self.number).read_bytes, self._read_pipe):
            try:
                return json_as(read(), Answer)
            except (OSError, msgspec.DecodeError):
                continue
        return None

    def _open_pipe(self) -> int:
        if self._spoken is not None:
            self._spoken.close()
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._spoken = os.fdopen(ours, "rb", buffering=0)
        return theirs

    def _read_pipe(self) -> bytes:
        return (self._spoken.read(1 << 20) if self._spoken is not None else None) or b""

    def how(self) -> str:
        """Of a worker that has died: "SIGSEGV", "exit 3"."""
        status = self.poll() or 0
        return signal.Signals(-status).name if status < 0 else f"exit {status}"

    def life(self) -> str:
        """The life this worker founded, "" where it did not get so far."""
        new = sorted(set(self._workdir.lives()) - self._lives)
        own = [life for life in new if life_number(life)[0] == self.number]
        return own[-1] if own else ""

    @property
    def started(self) -> bool:
        """Whether it has been started at all; it may have ended since."""
        return self._process is not None

    @property
    def _log(self) -> Path:
        return self._workdir.log(f"worker-{self.number:02d}")

    @property
    def ready(self) -> bool:
        """Whether it has come as far as loading the target."""
        return self._workdir.ready(self.number).exists()

    def overdue(self) -> str:
        """Why it is given up, in words; "" while it is in time. To be asked often."""
        return "" if self._process is None else self._watch.overdue(self._process.pid, self.pulse())

    def pulse(self) -> Pulse | None:
        """What it was doing last; None before it founds its life."""
        life = self.life()
        return read_pulse(self._workdir.flight(life)) if life else None

    def began(self) -> bool:
        """Whether it got as far as its first batch."""
        flight = read_flight(self._workdir.flight(self.life())) if self.life() else None
        return flight is not None and flight.phase == "execute"

    def has_founded(self) -> bool:
        """Whether it keeps anything yet: it is at a batch, or the seeds are becoming entries."""
        pulse = self.pulse()
        return self.began() or (pulse is not None and pulse.phase in ("store", "mutate"))

    def ask_to_stop(self, number: int) -> None:
        """Send a signal, where it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def trim_log(self) -> None:
        """Begin its log anew where the target has printed too much; the process goes on at the new end."""
        path = self._log
        with suppress(OSError):
            if path.stat().st_size > LOG_BYTES:
                fresh_log(path).close()

    def kill(self) -> None:
        """End it now, and wait for that."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._process is not None:
            self._process.wait()
        if self._spoken is not None:
            self._spoken.close()
            self._spoken = None

    def log_hint(self) -> str:
        """The last line it printed, and where the rest is."""
        path = self._log
        lines = path.read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines() if path.exists() else []
        last = f"it said: {lines[-1][:200]!a}; " if lines else ""
        return f"{last}its output is in {path}"


class ProbeProcess:
    """The probe: started when first asked, started again where it died. One request at a time.

    folder: where it runs, the current one by default; it is begun plainly there. children: who begins it.
    """

    def __init__(self, workdir: Workdir, *, folder: Path | None = None, children: Children | None = None) -> None:
        self._workdir, self._folder, self._children = workdir, folder, children
        self._process: Child | None = None
        self._requests: IO[bytes] | None = None
        self._replies = -1
        self._pending = b""
        self._asked = 0.0
        self._loaded: set[str] = set()
        self.busy_seconds = 0.0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def warm(self) -> None:
        """Start it, where it does not run, so that the first request need not wait for that."""
        if self._process is None:
            self._start()

    def ask(self, request: TriageRequest) -> None:
        """Send one request; `reply` gives its answer."""
        if not self.alive:
            self._start()
        assert self._requests is not None
        self._asked = time.monotonic()
        try:
            self._requests.write(msgspec.json.encode(request) + b"\n")
        except BrokenPipeError:
            self.kill()  # it died between two requests: `reply` will find nobody there

    def wait(self, seconds: float) -> None:
        """Until there is something to read of a reply, at most so long."""
        if not self.alive:  # whose pipe is always ready to be read
            time.sleep(seconds)
        else:
            select.select([self._replies], [], [], seconds)

    def reply(self, wait: float = 0.0) -> Reply | None:
        """The answer, once it is there."""
        if self._process is None:
            return None
        deadline = time.monotonic() + wait
        while b"\n" not in self._pending:
            if not select.select([self._replies], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            part = os.read(self._replies, 1 << 16)
            if not part:
                self.kill()
                return None
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        self.busy_seconds += time.monotonic() - self._asked
        return msgspec.json.decode(line, type=Reply)

    def consult(self, request: TriageRequest, seconds: float) -> Reply | str:
        """Ask, and wait for the answer at most so long; why there is none, in words, where it does not come.

        Where the probe has not run that target yet, loading it and its first call are waited for beside that.
        """
        if not self.alive:
            self._loaded.clear()
        self.ask(request)
        deadline = time.monotonic() + seconds + (0.0 if request.target in self._loaded else START_SECONDS)
        while self.alive and time.monotonic() < deadline:
            if (reply := self.reply(wait=0.5)) is not None:
                self._loaded.add(request.target)
                return reply
        problem = "no answer in time" if self.alive else "the process that ran it died"
        self.kill()
        return problem

    def kill(self) -> None:
        """End it now, where it runs; the next request starts another."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process = None
        if self._requests is not None:
            self._requests.close()
        os.close(self._replies)

    def _start(self) -> None:
        self.kill()
        request_end, ours = os.pipe()
        theirs, reply_end = os.pipe()
        with fresh_log(self._workdir.log("probe")) as log:
            descriptors = (log.fileno(), request_end, reply_end)
            if self._children is None or self._folder is not None:
                self._process = _plain_triage(self._folder, descriptors)
            else:
                self._process = self._children.start("triage", "", descriptors, partial(_plain_triage, None))
        os.close(request_end)
        os.close(reply_end)
        self._requests = os.fdopen(ours, "wb", buffering=0)
        self._replies = theirs
        self._pending = b""


def _encoded(order: Order) -> str:
    return msgspec.json.encode(order).decode()


def _plain_worker(order: Order, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    """As a process of its own, in a session of its own: Ctrl-C reaches it only through us. descriptors: log, pipe.

    -P: a random.py in the folder it is started from is no module of Python's; the target's folder is added later.
    """
    log, pipe = descriptors
    argument = _encoded(msgspec.structs.replace(order, pipe=pipe))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mlfuzz.campaign.worker", argument], stdin=subprocess.DEVNULL, stdout=log,
        stderr=log, env=child_environment(), start_new_session=True, pass_fds=(pipe,),
    )  # fmt: skip


def _plain_triage(folder: Path | None, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    log, requests, replies = descriptors
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _ENTRY, str(requests), str(replies), str(os.getpid())], stdin=subprocess.DEVNULL,
        stdout=log, stderr=log, env=child_environment(), pass_fds=(requests, replies), start_new_session=True,
        cwd=folder,
    )  # fmt: skip


_ENTRY = f"""
import os, sys
requests, replies, parent = map(int, sys.argv[1:])
spare = [os.dup(requests), os.dup(replies)]
os.dup2(spare[0], {REQUESTS}); os.dup2(spare[1], {REPLIES})
for number in {{requests, replies, *spare}} - {{{REQUESTS}, {REPLIES}}}: os.close(number)
from mlfuzz.campaign.supervisor.triage_worker import main
sys.exit(main([str(parent)]))
"""
"""The pipes get the numbers the probe expects; pass_fds keeps the numbers they happen to have."""
