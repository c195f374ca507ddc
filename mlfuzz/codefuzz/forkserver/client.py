"""The supervisor's hold on one fork server: starts it, has it fork workers, hears of their ends."""

from __future__ import annotations

import contextlib
import functools
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlfuzz
from mlfuzz.codefuzz.failure.bucketing import OWN
from mlfuzz.codefuzz.forkserver import scratch
from mlfuzz.codefuzz.forkserver.worker_handle import KILL, Death, WorkerHandle
from mlfuzz.codefuzz.runtime.messages import WHOSE, DamagedMessage, MessageBuffer, send
from mlfuzz.codefuzz.runtime.permissions import OFF
from mlfuzz.errors import MlfuzzError, TargetLoadError, WorkerLostError
from mlfuzz.storage.durable import remove_folder

FORK_SECONDS = 30.0

STACK_SECONDS = 5.0
LOOK_SECONDS = 0.05
"""Until a process that is busy has written where it stands."""

MOST_STRETCHES = 10
"""So many times the limit of an import may pass in all, while it goes on importing."""

SERVER = "mlfuzz.codefuzz.forkserver.server"
ELSEWHERE = f"""
import importlib.util, os, sys
where = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location("mlfuzz", where, submodule_search_locations=[os.path.dirname(where)])
sys.modules["mlfuzz"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.exit(importlib.import_module("{SERVER}").main())
"""
"""How another Python begins: of this one's packages it sees mlfuzz alone, and of that what needs no other package."""

FUZZ, ALONE = 0, 1
"""The slots: the worker that fuzzes, and the one that runs an input alone beside it."""


class ForkServerClient:
    """One fork server and the slots of its workers.

    It dies with the thread that starts it (PR_SET_PDEATHSIG follows threads): use a session from a thread that lives as
    long as the session.
    """

    def __init__(self, spec: dict[str, Any], environment: dict[str, str], *, python: str = "") -> None:
        self._name = str(spec["name"])
        self.slots = [WorkerHandle("fuzz"), WorkerHandle("alone")]
        self.turns = 0
        self.lost = False
        self._selector = selectors.DefaultSelector()
        self._events: list[dict[str, Any]] = []
        self._frames = MessageBuffer()
        self._serving = False
        self._process: subprocess.Popen[bytes] | None = None
        ours, theirs = socket.socketpair()
        self._control = ours
        try:
            self._start(spec, environment, theirs, python)
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()

    @functools.cached_property
    def scratch(self) -> Path:
        """A folder of its own, made where something is to be put into it. Raises StorageError."""
        return scratch.create()

    def _start(self, spec: dict[str, Any], environment: dict[str, str], theirs: socket.socket, python: str) -> None:
        slots = [slot.descriptors for slot in self.slots]
        sealed = [{**numbers, "seal": slot.seal} for numbers, slot in zip(slots, self.slots, strict=True)]
        passed = [theirs.fileno(), *(number for slot in slots for number in slot.values())]
        free = spec["sandbox"] == OFF
        if not free:  # what is made while it is imported, for the time of the run, must be there for the inputs
            environment = {**environment, "TMPDIR": str(self.scratch / "work" / "tmp")}
        begin = ["-c", ELSEWHERE, mlfuzz.__file__] if python else ["-m", SERVER]
        try:
            self._process = subprocess.Popen(
                [python or sys.executable, "-P", *begin, str(theirs.fileno()), str(os.getpid())],
                pass_fds=passed, env=environment, cwd=spec["project"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=self.slots[FUZZ].descriptors["output"], start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise TargetLoadError(f"{spec['path']}: its process does not start: {error}") from error
        send(self._control, {**spec, "slots": sealed, "scratch": "" if free else str(self.scratch)})
        self._control.setblocking(False)
        self._selector.register(self._control, selectors.EVENT_READ, None)
        for slot in self.slots:
            self._selector.register(slot.output, selectors.EVENT_READ, slot)
            self._selector.register(slot.socket, selectors.EVENT_READ, slot)

    def ready(self, seconds: float, path: str, stop: Callable[[], bool]) -> dict[str, Any]:
        """What the import gave. seconds: that may pass without another module being imported.

        Raises TargetLoadError with the harness's own words, or with where it is stuck; also where nobody wants to wait
        for it any more.
        """
        began = heard = time.monotonic()
        while True:
            if stop():
                raise TargetLoadError(f"{path}: interrupted while it was imported")
            while self._events and self._events[0]["event"] == "importing":
                self._events.pop(0)
                heard = time.monotonic()
            if self._events:
                break
            now = time.monotonic()
            left = min(seconds - (now - heard), MOST_STRETCHES * seconds - (now - began))
            if left <= 0:
                raise TargetLoadError(
                    f"{path}: its import has not ended after {now - began:.0f} s{self._stuck(seconds)}"
                )
            try:
                self.pump(min(left, 0.2))
            except WorkerLostError as error:
                raise TargetLoadError(f"{path}: the process died while it imported the harness: {error}") from error
        event = self._events.pop(0)
        self._serving = True
        if event["event"] == "broken":
            said = self._said_at_exit() if event["exit"] else ""
            raise TargetLoadError(f"{path} does not import:\n{event['error'].rstrip()}{said}")
        return event

    def fork(self, number: int, job: dict[str, Any]) -> WorkerHandle:
        """Start a worker in that slot; one that is still there is ended."""
        slot = self.slots[number]
        if slot.pid and slot.death is None:
            self.end(slot)
        self.drop_spare(slot)
        slot.begin()
        self._ask({"op": "fork", "slot": number, "job": job})
        if not self.wait(lambda: bool(slot.pid), FORK_SECONDS):
            raise WorkerLostError(f"the zygote has not forked a worker within {FORK_SECONDS:g} s")
        return slot

    def keep_spare(self, slot: WorkerHandle, pid: int) -> None:
        """A fork of the worker waits to go on for it; the one before it is not needed any more."""
        self.drop_spare(slot)
        slot.spare = pid
        self._ask({"op": "adopt", "slot": self.slots.index(slot), "pid": pid})

    def drop_spare(self, slot: WorkerHandle) -> None:
        if slot.spare:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(slot.spare, signal.SIGKILL)
            slot.spare = 0

    def take_over(self, slot: WorkerHandle, message: dict[str, Any], payload: bytes) -> bool:
        """Let the spare go on in place of a worker that is dead; False where there is none."""
        if not slot.spare:
            return False
        pid = slot.spare
        slot.begin()
        slot.pid, slot.spare = pid, 0
        try:
            slot.resume.sendall(WHOSE.pack(pid))
            send(slot.resume, message, payload)
        except OSError:
            slot.pid = 0
            return False
        return True

    def import_modules(self, names: list[str]) -> None:
        """Have the fork server import these, so that no worker needs to."""
        self._ask({"op": "import", "modules": names})

    def _ask(self, message: dict[str, Any]) -> None:
        try:
            self._control.setblocking(True)
            send(self._control, message)
        except OSError as error:
            raise self._lost() from error
        finally:
            self._control.setblocking(False)

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Pump until something holds; whether it does."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.pump(left)
        return True

    def pump(self, seconds: float) -> None:
        """Take what has come within that time: prints, messages, deaths. Raises WorkerLostError where it is gone."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            if key.data is None:
                self._listen()
            else:
                key.data.collect()

    def listen(self, file: Any, ear: Any) -> None:
        """Have `ear.collect()` called, in `pump`, whenever something can be read from that file."""
        self._selector.register(file, selectors.EVENT_READ, ear)

    def forget(self, file: Any) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(file)

    def end(self, slot: WorkerHandle, number: int = KILL) -> Death:
        """Kill a worker and hear of its end."""
        slot.signal(number)
        if not self.wait(lambda: slot.death is not None, FORK_SECONDS):
            raise WorkerLostError("a killed worker has not ended; the machine may be out of memory")
        assert slot.death is not None
        return slot.death

    def close(self) -> None:
        """End the fork server and, with it, its workers."""
        self._control.close()
        process = self._process
        if process is not None:
            try:
                process.wait(2.0 if self._serving else 0.0)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
        self._selector.close()
        for slot in self.slots:
            self.drop_spare(slot)
            if slot.pid and slot.death is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(slot.pid, signal.SIGKILL)
            slot.close()
        if "scratch" in vars(self):
            remove_folder(self.scratch)

    def _listen(self) -> None:
        try:
            piece = self._control.recv(1 << 18)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            piece = b""
        if not piece:
            raise self._lost()
        try:
            events = [event for event, _ in self._frames.feed(piece)]
        except DamagedMessage:
            if self._process is not None:  # whose words are not to be believed cannot be asked for workers
                self._process.kill()
            raise self._lost("; what it sent is damaged: the harness wrote to a descriptor of its process") from None
        for event in events:
            if event["event"] == "forked":
                slot = self.slots[event["slot"]]
                slot.pid = event["pid"]
                if slot.damaged:  # before its number was known
                    slot.signal()
            elif event["event"] == "died":
                slot = self.slots[event["slot"]]
                slot.collect()
                if slot.spare == event["pid"]:
                    slot.spare = 0
                if slot.pid == event["pid"]:
                    slot.death = Death(event["status"], event["mebibytes"], event["cpu"], event["strays"])
            else:
                self._events.append(event)

    def _said_at_exit(self) -> str:
        """What was printed before an exit: that says why, and the exit a number at most."""
        self.slots[FUZZ].collect()
        lines = self.slots[FUZZ].ring.text(2000).strip().splitlines()
        return f": {lines[-1].strip()}" if lines else ""

    def _lost(self, why: str = "") -> MlfuzzError:
        self.lost, status = True, None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(1.0)
        for slot in self.slots:
            slot.collect()
        tail = self.slots[FUZZ].ring.text(2000).strip()
        how = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
        return WorkerLostError(
            f"the process that holds the harness ended with {how}{why}" + (f":\n{tail}" if tail else "")
        )

    def _stuck(self, seconds: float) -> str:
        """Where the import stands, the innermost call last, and how it is given longer."""
        slot = self.slots[FUZZ]
        if self._process is not None:
            # Where it has not come so far as to answer it, the signal ends it.
            with contextlib.suppress(ProcessLookupError, WorkerLostError):
                self._process.send_signal(signal.SIGUSR1)
                until = time.monotonic() + STACK_SECONDS
                while "\n" not in slot.stacks() and time.monotonic() < until:
                    self.pump(LOOK_SECONDS)  # a stack that is written wakes nobody
                self.wait(lambda: False, 0.1)  # the rest of it
        longer = f"import_seconds = {2 * seconds:g} under [harnesses.{self._name}] in mlfuzz.toml gives it longer"
        lines = [line.rstrip() for line in slot.stacks().splitlines() if line.startswith("  File ")]
        theirs = [line for line in reversed(lines) if not any(own in line for own in (OWN, '"<frozen '))]
        return f" ({longer}); it stands here:\n" + "\n".join(theirs) if theirs else f"; {longer}"
