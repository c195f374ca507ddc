"""The jobs of a forked worker. Each ends the process: nothing of a job is left in the fork server.

atheris alone is imported here, and only by the job that fuzzes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import importlib
import os
import resource
import signal
import socket
import sys
import termios
import time
from collections.abc import Callable, Sequence
from typing import Any

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, Simpler, smallest
from mlfuzz.codefuzz.failure.bucketing import OWN, FrameOwners
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.failure.raised import message_of
from mlfuzz.codefuzz.forkserver.standby import Keeper
from mlfuzz.codefuzz.loading import atheris_shim
from mlfuzz.codefuzz.loading.loader import SURVIVORS
from mlfuzz.codefuzz.loading.stand import PACKAGE
from mlfuzz.codefuzz.runtime import messages, sandbox, self_ended, throwaway
from mlfuzz.codefuzz.runtime.alarm import Alarm
from mlfuzz.codefuzz.runtime.callees import Calls, uncounted
from mlfuzz.codefuzz.runtime.cpu_wait import waited
from mlfuzz.codefuzz.runtime.flight_recorder import CLOSED, LENGTH, REFUSED, RETURNED, STARTED, FlightPage
from mlfuzz.codefuzz.runtime.leak_probe import grown
from mlfuzz.codefuzz.runtime.native_counters import Native
from mlfuzz.codefuzz.runtime.overlay import overlay
from mlfuzz.codefuzz.runtime.permissions import INSIDE, OUTSIDE, Permissions
from mlfuzz.codefuzz.runtime.reprint import printed_by
from mlfuzz.codefuzz.runtime.target_wrapper import LEAVE, UNTELLABLE, ExceptionFilter, wrap

ROOMY = 4.0
"""A run alone may take so many times the limit of memory: enough to see by how much it is exceeded."""

FUZZER_MEBIBYTES = 256.0
"""libFuzzer's own corpus, counters and tables."""

MOST_CONSUMED = 64
SPARE_COUNTERS = 1 << 14
SLACK_MEBIBYTES = 64.0
COVER_MEBIBYTES = 1024.0

FREE_THREADS, BRIEF_SECONDS = 16, 0.25
"""While fuzzing so many threads may be left behind before they are waited for, at first so long: a worker's address
space holds the stacks of a few dozen."""


class Post:
    """The descriptors of one worker: page, stacks, output, and the socket to the supervisor."""

    def __init__(self, slot: dict[str, Any]) -> None:
        self.seal = slot["seal"]
        self.flight = FlightPage(slot["flight"])
        self.stacks, self.output = slot["stacks"], slot["output"]
        self.socket = socket.socket(fileno=os.dup(slot["socket"]))
        self.resume = socket.socket(fileno=os.dup(slot["resume"]))
        for one in (self.socket, self.resume):  # the worker before this one may have changed that for all
            one.setblocking(True)

    def send(self, message: dict[str, Any], payload: bytes = b"") -> None:
        try:
            messages.send(self.socket, {**message, "seal": self.seal}, payload)
        except OSError:
            LEAVE(UNTELLABLE)

    def receive(self) -> messages.Frame:
        """What the supervisor sends, whatever an input has made of the descriptor."""
        try:
            self.socket.setblocking(True)
            return messages.receive(self.socket)
        except (EOFError, OSError, ValueError):
            LEAVE(UNTELLABLE)

    def take_output(self) -> None:
        """From now on what anybody prints goes to the supervisor's ring."""
        _flush()
        os.set_blocking(self.output, True)
        os.dup2(self.output, 1)
        os.dup2(self.output, 2)

    def watch_stacks(self, *, fatal: bool) -> None:
        """SIGUSR1 writes the Python stack, even inside C code. fatal: so do deadly signals, before they kill.

        A sanitizer has handlers of its own for those, and its report says more.
        """
        os.lseek(self.stacks, 0, os.SEEK_SET)
        os.ftruncate(self.stacks, 0)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # what it is when the handler is gone, at the interpreter's end
        faulthandler.register(signal.SIGUSR1, file=self.stacks, all_threads=False, chain=False)
        if fatal:
            faulthandler.enable(file=self.stacks, all_threads=False)


class JobBench:
    """A worker's tools: the harness's function, how its exceptions are judged, and where to tell it."""

    def __init__(
        self, spec: dict[str, Any], entry: Callable[[bytes], Any], post: Post, documented: Documented,
        territory: FrameOwners,
    ) -> None:  # fmt: skip
        self.spec, self.entry, self.post, self.documented = spec, entry, post, documented
        self.territory = territory
        self.memory = MemoryMeter()
        self.measure: Any = None
        self.permitted = Permissions.of(spec["sandbox"], spec["allow"], spec["project"])
        self.free, self.watched = self.permitted.free, False
        self.own_mutator: Callable[..., bytes] | None = None
        self.own_crossover: Callable[..., bytes] | None = None

    def confine(
        self, *, mebibytes: float, stack_bytes: int = 0, watched: bool = False, copy: Sequence[str] | None = None
    ) -> None:
        """Into the sandbox. mebibytes: of memory above what there is now; a sanitizer needs the address space.

        watched: the supervisor is asked before it refuses, where the kernel can do that. copy: folders of which it
        shall have a throw-away copy, and a network of its own; None: neither.
        """
        spec = self.spec
        if self.free:
            os.chdir(spec["project"])
        else:
            folder, here = os.path.join(spec["scratch"], "work", "tmp"), os.getcwd()
            sandbox.set_up(folder)
            overlay(here, f"{folder}-here")
        room = 0 if spec["sanitizer"] else int(mebibytes * (1 << 20))
        sandbox.limit(address_bytes=room, stack_bytes=stack_bytes, file_bytes=sandbox.largest_file(self.permitted))
        work = os.path.join(spec["scratch"], "work")
        inside = watched and copy is not None and throwaway.enter(copy, work)
        permitted = self.permitted.beside(copy or ()) if inside else self.permitted
        listener = sandbox.confine(permitted, work, programs=spec["sanitizer"], watched=watched)
        self.watched = listener >= 0
        if self.watched:  # at once: until it is there, nobody answers
            socket.send_fds(self.post.resume, [INSIDE if inside else OUTSIDE], [listener])
            os.close(listener)
        self_ended.watch(self.post.stacks)

    def catcher(self, known: list[str] | None = None) -> ExceptionFilter:
        catcher = ExceptionFilter(self.documented, self.territory, self.post.flight, set(known or ()))
        catcher.printed = lambda data: printed_by(self.entry, data)
        catcher.install()
        return catcher


def alone(bench: JobBench, job: dict[str, Any]) -> None:
    """Run the input in the page once, measured, and tell the outcome."""
    payload = bench.post.flight.payload
    mebibytes = job.get("mebibytes") or ROOMY * bench.spec["mebibytes"] + SLACK_MEBIBYTES
    bench.confine(
        mebibytes=mebibytes, stack_bytes=job.get("stack", 0), watched=job.get("watched", False), copy=job.get("copy")
    )
    bench.post.send(_measured(bench, bench.catcher(), payload))


def consumed(bench: JobBench, job: dict[str, Any]) -> None:
    """Run the input in the page once, and tell what a FuzzedDataProvider made of it: the stand-in writes that down."""
    payload = bench.post.flight.payload
    bench.confine(mebibytes=ROOMY * bench.spec["mebibytes"] + SLACK_MEBIBYTES)
    record = atheris_shim.record()
    _measured(bench, bench.catcher(), payload)
    bench.post.send({"consumed": record[:MOST_CONSUMED]})


def many(bench: JobBench, job: dict[str, Any]) -> None:
    """Run what the supervisor sends, one after another, until it sends the end."""
    bench.confine(mebibytes=ROOMY * bench.spec["mebibytes"] + SLACK_MEBIBYTES)
    catcher = bench.catcher()
    calls = Calls(bench.entry, {*SURVIVORS, PACKAGE}) if job.get("calls") else None
    bench.entry = calls or bench.entry
    edges = calls.edges if calls else _watch_edges() if job.get("edges") else None
    native = Native() if job.get("edges") and bench.spec["sanitizer"] else None
    while True:
        message, payload = bench.post.receive()
        if message.get("end"):
            break
        if edges is not None:
            edges.clear()
        if native is not None:
            native.clear()
        outcome = _measured(bench, catcher, payload)
        if edges is not None:
            outcome["edges"] = sorted(edges) + (native.reached() if native is not None else [])
        if calls is not None:
            outcome["called"] = sorted(calls.called)
        bench.post.send(outcome)
    bench.post.send({"modules": sorted(sys.modules), "forks": catcher.forks})


def fuzz(bench: JobBench, job: dict[str, Any]) -> None:
    """Hand the harness to libFuzzer; comes back when it has had its runs."""
    import atheris

    bench.confine(mebibytes=bench.spec["mebibytes"] + FUZZER_MEBIBYTES)
    catcher = bench.catcher(job["known"])
    catcher.threads.free, catcher.threads.patience = FREE_THREADS, BRIEF_SECONDS

    def tell(outcome: dict[str, Any], data: bytes) -> None:
        bench.post.send(outcome, data)
        answer, _ = bench.post.receive()  # the supervisor has written it down
        if answer.get("again"):
            catcher.reopen(outcome["bucket"])

    catcher.tell, catcher.more = tell, bench.post.send
    catcher.caught = uncounted(catcher.caught)  # type: ignore[method-assign]
    poison = frozenset(bytes.fromhex(one) for one in job["poison"])
    if job.get("heard"):
        bench.entry = _heard(bench.entry, bench.post.socket)
    options: dict[str, Any] = {}
    if bench.own_mutator is not None and not bench.spec["grammar"]:
        options["custom_mutator"] = bench.own_mutator
    elif bench.spec["mutator"] or bench.spec["grammar"]:
        mutate = _format(bench.spec).mutate
        options["custom_mutator"] = lambda data, size, seed: mutate(data, size, seed, atheris.Mutate)
    if bench.own_crossover is not None:
        options["custom_crossover"] = bench.own_crossover
    alarm = Alarm()
    resume, stacks = bench.post.resume, bench.post.stacks
    keep = Keeper(catcher, bench.post.send, resume, stacks, bench.memory.now) if job["spares"] else None
    # As many as there are, and some for code that is still to come: atheris clears room for a million at each start.
    counters = f"-max_counters={atheris._reserve_counter() + SPARE_COUNTERS}"
    atheris.Setup(
        [bench.spec["path"], counters, *job["flags"]],
        wrap(bench.entry, catcher, poison, keep, opening=alarm.give_back),
        **options,
    )
    atheris.Fuzz()


def _heard(entry: Callable[[bytes], Any], connection: socket.socket) -> Callable[[bytes], Any]:
    """It ends the worker where an input writes to the supervisor, or cuts it off: another may run when that is seen."""

    def waiting() -> int:
        try:
            return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:  # it has closed it, or put another file in its place
            LEAVE(UNTELLABLE)

    def run(data: bytes) -> Any:
        before = waiting()
        try:
            return entry(data)
        finally:
            if waiting() > before:
                LEAVE(UNTELLABLE)

    return run


def minimise(bench: JobBench, job: dict[str, Any]) -> None:
    """Make the input in the page smaller while its bucket stays, all in this process; tell each improvement."""
    bench.confine(mebibytes=bench.spec["mebibytes"] + SLACK_MEBIBYTES)
    catcher, flight, wanted = bench.catcher(), bench.post.flight, job["bucket"]
    payload = flight.payload
    found: list[tuple[bytes, str]] = []
    poison = {bytes.fromhex(one) for one in job["poison"]}
    catcher.tell = lambda outcome, data: found.append((data, outcome["bucket"]))
    catcher.brief = True
    hints = _hints(bench.spec)
    run = wrap(bench.entry, catcher, frozenset())
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    shortest = len(payload)

    def keeps(candidate: bytes) -> bool:
        nonlocal shortest
        if candidate in poison:
            return False
        found.clear()
        catcher.forget()
        run(candidate)
        kept = (candidate, wanted) in found
        if kept and len(candidate) < shortest:
            shortest = len(candidate)
            bench.post.send({}, candidate)
        return kept

    best = payload
    if keeps(payload):
        best = smallest(payload, keeps, RunBudget(job["seconds"]), hints=hints)
    bench.post.send({"end": 1}, best)


def leak(bench: JobBench, job: dict[str, Any]) -> None:
    """Run the input in the page again and again; tell what memory each run leaves behind, in KiB, and whence."""
    mebibytes = ROOMY * bench.spec["mebibytes"] + SLACK_MEBIBYTES
    bench.confine(mebibytes=mebibytes, watched=job.get("watched", False), copy=job.get("copy"))
    payload = bench.post.flight.payload
    catcher = bench.catcher()
    run = wrap(bench.entry, catcher, frozenset())
    later = grown(lambda: run(payload), bench.memory.start, seconds=job["seconds"])
    where = _traced(lambda: run(payload)) if min(later) > 0 else []
    bench.post.send({"later": list(later), "where": where})


def _traced(run: Callable[[], Any]) -> list[tuple[str, int]]:
    """Where the memory that stays was taken by Python code, outermost first; nothing for native code."""
    tracemalloc = importlib.import_module("tracemalloc")
    tracemalloc.start(24)
    run()
    first = tracemalloc.take_snapshot()
    for _ in range(10):
        run()
    own = (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, OWN + "/*"))
    taken = tracemalloc.take_snapshot().filter_traces(own).compare_to(first.filter_traces(own), "traceback")
    grown = [one for one in taken if one.count_diff >= 5]
    if not grown:
        return []
    return [(frame.filename, frame.lineno) for frame in max(grown, key=lambda one: one.size_diff).traceback]


def cover(bench: JobBench, job: dict[str, Any]) -> None:
    """Run what the supervisor sends while coverage.py counts, then tell what was reached."""
    bench.confine(mebibytes=ROOMY * bench.spec["mebibytes"] + COVER_MEBIBYTES)
    catcher = bench.catcher()
    while True:
        message, payload = bench.post.receive()
        if message.get("end"):
            break
        bench.post.send({"kind": _measured(bench, catcher, payload)["kind"]})
    line_trace = importlib.import_module("mlfuzz.codefuzz.runtime.line_trace")
    bench.post.send({"arcs": line_trace.arcs(bench.measure)})


JOBS: dict[str, Callable[[JobBench, dict[str, Any]], None]] = {
    "alone": alone,
    "consumed": consumed,
    "many": many,
    "fuzz": fuzz,
    "minimise": minimise,
    "leak": leak,
    "cover": cover,
}


def _measured(bench: JobBench, catcher: ExceptionFilter, payload: bytes) -> dict[str, Any]:
    """Outcome of one run, with seconds and the peak of memory above the start."""
    flight = bench.post.flight
    flight.load(payload)
    failures: list[dict[str, Any]] = []
    system: dict[str, Any] = {}
    ended: dict[str, Any] = {"kind": "ok"}
    catcher.forget()
    catcher.tell = lambda outcome, data: failures.append(outcome) if data == payload else None
    refused = flight.head[REFUSED]
    before = bench.memory.start()
    flight.head[LENGTH] = len(payload)
    flight.head[STARTED] += 1
    idle = waited()
    began = time.perf_counter()
    try:
        bench.entry(payload)
    except BaseException as error:  # noqa: BLE001 - whatever the target raises is data
        seconds, idle = time.perf_counter() - began, waited() - idle
        flight.head[RETURNED] = flight.head[STARTED]
        if not bench.free:
            system["system"] = bool(sandbox.errors_of_system(error))
            system["refusals"] = sandbox.doing(error, bench.spec["project"], watched=bench.watched)
        catcher.caught(error, payload)
        if flight.head[REFUSED] > refused:
            ended = {"kind": "refused", "type": type(error).__name__, "message": message_of(error)}
    else:
        seconds, idle = time.perf_counter() - began, waited() - idle
        flight.head[RETURNED] = flight.head[STARTED]
    if catcher.elsewhere:
        catcher.flush(payload)
    peak = bench.memory.peak()
    _flush()
    flight.head[CLOSED] = flight.head[STARTED]
    measured = {"seconds": max(0.0, seconds - idle), "waited": idle, "mebibytes": max(0.0, peak - before)}
    return {**(failures[0] if failures else ended), **measured, **system}


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001 - the target may have closed or replaced it
            continue


def _hints(spec: dict[str, Any]) -> Simpler:
    """Simpler forms that the harness's format knows, or that the input's own shows."""
    search, declared = importlib.import_module("mlfuzz.codefuzz.formats").simpler, _format(spec)
    return lambda data: search(data, declared)


def _format(spec: dict[str, Any]) -> Any:
    """What the harness declares, None for nothing; imported only by workers that use it.

    None too where a grammar cannot be read here: it could where the campaign began, which has said what is wrong.
    """
    formats, errors = (importlib.import_module(f"mlfuzz.{name}") for name in ("codefuzz.formats", "errors"))
    try:
        return formats.of(spec["mutator"], spec["grammar"])
    except errors.MlfuzzError:
        return None


class MemoryMeter:
    """Peak of resident memory since a moment. Opened before the sandbox, which would refuse to open it for writing."""

    def __init__(self) -> None:
        self._reset = -1
        with contextlib.suppress(OSError):
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
            os.write(self._reset, b"5")

    def start(self) -> float:
        """Mebibytes resident now; the peak begins anew."""
        if self._reset >= 0:
            with contextlib.suppress(OSError):
                os.pwrite(self._reset, b"5", 0)
        return self.now()

    def now(self) -> float:
        """Mebibytes resident now."""
        return self._read("VmRSS")

    def peak(self) -> float:
        """Mebibytes at the peak since then."""
        return self._read("VmHWM")

    def _read(self, name: str) -> float:
        try:
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name))
        except (OSError, StopIteration):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return peak / (1 << 20 if sys.platform == "darwin" else 1024)


def _watch_edges() -> set[int]:
    """Collect what instrumented code reaches in a set. It looks the function up in atheris at each call."""
    edges: set[int] = set()
    atheris = sys.modules.get("atheris")
    if atheris is not None:
        atheris._trace_branch = edges.add  # type: ignore[attr-defined]
    return edges
