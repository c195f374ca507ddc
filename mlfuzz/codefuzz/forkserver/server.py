"""The fork server: imports the harness once, then forks a worker for each job.

Run as `python -P -m mlfuzz.codefuzz.forkserver.server DESCRIPTOR PARENT`: of the socket to the supervisor, and its
process number.

It runs no operation of the target, so that its only thread may fork; it dies with the supervisor, and its workers with
it.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.failure.bucketing import OWN, FrameOwners
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.forkserver import jobs
from mlfuzz.codefuzz.loading import loader
from mlfuzz.codefuzz.loading.import_pulse import ImportPulse
from mlfuzz.codefuzz.runtime import messages, sandbox
from mlfuzz.codefuzz.runtime.exit_status import BROKEN
from mlfuzz.codefuzz.runtime.flight_recorder import BROKEN_WORDS, FlightPage, beginnings
from mlfuzz.codefuzz.runtime.target_wrapper import LEAVE

MAXRSS_UNITS = 1 << 20 if sys.platform == "darwin" else 1024
"""Of ru_maxrss in a mebibyte."""

FORK_SECONDS = 3.0

OURS = (OWN + os.sep, importlib.__file__)
"""Files whose frames say nothing of what went wrong with an import."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.spec, _ = messages.receive(control)
        self.workers: dict[int, int] = {}
        self.strays = 0
        self.own = os.getpid()
        self.measure: Any = None
        self.loaded: loader.Loaded | None = None

    def run(self) -> int:
        """Until the supervisor is gone or asks for the end."""
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        post = self.post = jobs.Post(self.spec["slots"][0])
        post.take_output()
        faulthandler.register(signal.SIGUSR1, file=post.stacks, all_threads=False, chain=False)
        try:
            if self.spec["cover"]:
                self.measure = importlib.import_module("mlfuzz.codefuzz.runtime.line_trace").begin(self.spec)
            messages.send(self.control, {"event": "importing"})  # from now on it is the harness's time
            self.pulse = ImportPulse(lambda: messages.send(self.control, {"event": "importing"}))
            sys.meta_path.insert(0, self.pulse)
            loader.load(self.spec, self._begin)
            if os.getpid() != self.own:
                LEAVE(0)
        except BaseException as error:  # noqa: BLE001 - a harness may raise anything while it is imported
            if os.getpid() != self.own:  # a process that the harness has forked while it was imported
                LEAVE(1)
            if self.loaded is None:
                words = _words(error, self.spec["path"])
                leaves = isinstance(error, SystemExit) and not isinstance(error.code, str)
                for stream in (sys.stdout, sys.stderr):
                    with contextlib.suppress(Exception):
                        stream.flush()
                messages.send(self.control, {"event": "broken", "error": words, "exit": leaves})
                return 1
        return 0

    def _begin(self, loaded: loader.Loaded) -> None:
        """Serve a harness that is there; at the end whatever its file does around the call is left as a script is."""
        if os.getpid() != self.own:  # the harness has forked: there is one server
            LEAVE(0)
        self.loaded = loaded
        sys.meta_path.remove(self.pulse)
        self.documented = Documented([(name, match) for name, match in self.spec["allowed"]], home=loaded.home)
        folders = [folder for folder in sys.path if folder]
        self.territory = FrameOwners(self.spec["instrument"], self.spec["path"], folders)
        unresolved = [
            f"allowed exception {name!r} is not found; compared by name" for name in self.documented.unresolved
        ]
        messages.send(self.control, {
            "event": "ready", "seconds": loaded.seconds, "cached": loaded.cached,
            "blind": loader.blind(loaded.fresh), "sandbox": sandbox.layers(self.spec["sandbox"]),
            "unheld": sandbox.lacking(self.spec["sandbox"]),
            "uninstrumented": loaded.uninstrumented, "instrumented": loaded.instrumented,
            "own": sorted(loaded.own), "arguments": loaded.arguments,
            "warnings": [*loaded.warnings, *unresolved], "modules": sorted(sys.modules),
            "constants": [word.hex() for word in loaded.constants],
            "path": folders,
        })  # fmt: skip
        beginnings()
        faulthandler.unregister(signal.SIGUSR1)
        gc.collect()
        gc.freeze()  # workers would copy the pages of all objects at their first collection
        self._serve()
        raise SystemExit(0)

    def _serve(self) -> None:
        waker, wakes = os.pipe()
        for descriptor in (waker, wakes):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready = select.select([self.control.fileno(), waker], [], [])[0]
            if waker in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(waker, 4096)
                self._reap()
            if self.control.fileno() in ready:
                try:
                    message, _ = messages.receive(self.control)
                except (EOFError, OSError):
                    message = {"op": "end"}
                if message["op"] == "end":
                    break
                if message["op"] == "import":
                    self._import(message["modules"])
                elif message["op"] == "adopt":
                    self.workers[message["pid"]] = message["slot"]
                else:
                    self._fork(message, (waker, wakes))
        for pid in list(self.workers):
            _kill_group(pid)

    def _import(self, modules: list[str]) -> None:
        """Import what each worker would import anew: the standard library's, which nobody wants instrumented."""
        for name in modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        gc.collect()
        gc.freeze()

    def _fork(self, message: dict[str, Any], pipe: tuple[int, int]) -> None:
        server = os.getpid()
        if message["slot"] == 0:
            self._sweep()
        pid = _forked()
        if pid:
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)
            self.workers[pid] = message["slot"]
            messages.send(self.control, {"event": "forked", "slot": message["slot"], "pid": pid})
            return
        status = BROKEN
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _die_with(server)
            os.setpgid(0, 0)
            self.control.close()
            for descriptor in pipe:
                os.close(descriptor)
            self._work(message)
            status = 0
        except BaseException:  # noqa: BLE001 - the worker's own end; its words go to the ring
            traceback.print_exc()
            with contextlib.suppress(BaseException):
                FlightPage(self.spec["slots"][message["slot"]]["flight"]).leave(BROKEN_WORDS, b"")
        finally:
            with contextlib.suppress(BaseException):
                sys.stderr.flush()
            LEAVE(status)

    def _work(self, message: dict[str, Any]) -> None:
        job, loaded = message["job"], self.loaded
        assert loaded is not None
        self._let_go(message["slot"])
        post = jobs.Post(self.spec["slots"][message["slot"]])
        post.lift()
        post.take_output()
        post.watch_stacks(fatal=not self.spec["sanitizer"])
        bench = jobs.JobBench(self.spec, loaded.entry, post, self.documented, self.territory)
        bench.measure = self.measure
        bench.own_mutator, bench.own_crossover = loaded.mutator, loaded.crossover
        jobs.JOBS[job["name"]](bench, job)

    def _let_go(self, own: int) -> None:
        """Close what another slot's worker is heard by: what this one's input writes there would be taken for its."""
        self.post.socket.close()
        self.post.resume.close()
        for number, slot in enumerate(self.spec["slots"]):
            for name in ("socket", "resume") if number != own else ():
                os.close(slot[name])

    def _sweep(self) -> None:
        """End what earlier workers have left: processes in groups of their own, and spares that nobody knows of."""
        with contextlib.suppress(OSError):
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            for pid in {int(one) for one in children} - self.workers.keys():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Tell of workers that have ended, and end whatever they have left running."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid not in self.workers:
                self.strays += 1
                continue
            slot = self.workers.pop(pid)
            _kill_group(pid)
            messages.send(self.control, {
                "event": "died", "slot": slot, "pid": pid, "status": status,
                "mebibytes": usage.ru_maxrss / MAXRSS_UNITS, "strays": self.strays,
                "cpu": usage.ru_utime + usage.ru_stime,
            })  # fmt: skip


def _words(error: BaseException, path: str) -> str:
    """The harness's own words: its traceback from its own file on, or from where our own code ends."""
    own, trace = None, error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        file = trace.tb_frame.f_code.co_filename
        own = own or (None if file.startswith((*OURS, "<frozen ")) else trace)
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace or own)
    return "".join(lines)[-8000:]


def _forked() -> int:
    """A fork; where the machine has no process left, some time passes first. Ends the server with the reason."""
    late = time.monotonic() + FORK_SECONDS
    while True:
        try:
            return os.fork()
        except OSError as error:
            if time.monotonic() > late:
                sys.exit(f"no process can be forked here ({error.strerror}); allow more of them: ulimit -u")
            time.sleep(0.1)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with(parent: int) -> None:
    """Be killed when the parent dies, also where it died before this was said."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        LEAVE(1)


def main() -> int:
    _die_with(int(sys.argv[2]))
    return ForkServer(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    sys.exit(main())
