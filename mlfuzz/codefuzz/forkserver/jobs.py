"""The jobs of a forked worker. Each ends the process: nothing of a job is left in the fork server.

atheris alone is imported here, and only by the job that fuzzes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import importlib
import json
import os
import resource
import signal
import socket
import sys
import termios
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, Simpler, smallest
from mlfuzz.codefuzz.failure.bucketing import FrameOwners
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.failure.raised import message_of
from mlfuzz.codefuzz.forkserver.left_behind import own_temporary_folder, traced
from mlfuzz.codefuzz.forkserver.standby import Keeper
from mlfuzz.codefuzz.loading import atheris_shim
from mlfuzz.codefuzz.loading.loader import SURVIVORS
from mlfuzz.codefuzz.loading.stand import PACKAGE
from mlfuzz.codefuzz.runtime import messages, sandbox, self_ended, throwaway
from mlfuzz.codefuzz.runtime.alarm import Alarm
from mlfuzz.codefuzz.runtime.callees import Calls, uncounted
from mlfuzz.codefuzz.runtime.cpu_wait import waited
from mlfuzz.codefuzz.runtime.descriptor_guard import DescriptorGuard, lift
from mlfuzz.codefuzz.runtime.exit_status import DAMAGED, SPENT, UNTELLABLE
from mlfuzz.codefuzz.runtime.flight_recorder import CLOSED, LENGTH, REFUSED, RETURNED, STARTED, FlightPage
from mlfuzz.codefuzz.runtime.held import held
from mlfuzz.codefuzz.runtime.leak_probe import LARGE_KIB, grown
from mlfuzz.codefuzz.runtime.native_counters import Native
from mlfuzz.codefuzz.runtime.overlay import overlay
from mlfuzz.codefuzz.runtime.permissions import INSIDE, OUTSIDE, Permissions
from mlfuzz.codefuzz.runtime.process_guard import ProcessGuard, outcome_of
from mlfuzz.codefuzz.runtime.reprint import printed_by
from mlfuzz.codefuzz.runtime.rounds import ROOM, Rounds, packed
from mlfuzz.codefuzz.runtime.target_wrapper import ANY, LEAVE, LOST, ExceptionFilter, wrap

CLOCK = time.perf_counter

ROOMY = 4.0
"""A run alone may take so many times the limit of memory: enough to see by how much it is exceeded."""

FUZZER_MEBIBYTES = 256.0
"""libFuzzer's own corpus, counters and tables."""

MOST_CONSUMED = 64
SPARE_COUNTERS = 1 << 14
SLACK_MEBIBYTES = 64.0
COVER_MEBIBYTES = 1024.0

REPEAT_SHARE = 0.2
"""Of the limit of time go into runs that are only repeated."""

MUCH = 0.75
"""Of the limit of memory: where inputs have left so much behind together, it is looked for who does it."""

LEAK_MEBIBYTES = 4096.0
"""Of address space for what runs that leak leave behind: each thread reserves 72 MiB of it."""

FREE_THREADS, BRIEF_SECONDS = 16, 0.25
"""While fuzzing so many threads may be left behind before they are waited for, at first so long: a worker's address
space holds the stacks of a few dozen."""


class Post:
    """The descriptors of one worker: page, stacks, output, and the socket to the supervisor."""

    def __init__(self, slot: dict[str, Any]) -> None:
        self._slot = slot
        self.seal = slot["seal"]
        self.flight = FlightPage(slot["flight"])
        self.stacks, self.output = slot["stacks"], slot["output"]
        self.socket = socket.socket(fileno=lift(slot["socket"]))
        self.resume = socket.socket(fileno=lift(slot["resume"]))
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

    def lift(self) -> None:
        """In a worker: its descriptors out of the way of an input that closes what is not its own."""
        self.stacks, self.output = lift(self.stacks), lift(self.output)

    def guard(self) -> DescriptorGuard:
        """Looks after them from now on."""
        own = (self.socket.fileno(), self.resume.fileno(), self.stacks, self.output)
        low = tuple(self._slot[name] for name in ("flight", "stacks", "output", "socket", "resume"))
        return DescriptorGuard(own, low, self.output)

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
        self._fatal = fatal
        os.lseek(self.stacks, 0, os.SEEK_SET)
        os.ftruncate(self.stacks, 0)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # what it is when the handler is gone, at the interpreter's end
        self.watch_again()

    def watch_again(self) -> None:
        """As before, whatever an input has made of it."""
        faulthandler.register(signal.SIGUSR1, file=self.stacks, all_threads=False, chain=False)
        if self._fatal:
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

    def guard(self) -> ProcessGuard:
        """Looks after the process, which must not be changed by ourselves any more."""
        return ProcessGuard(self.post.guard(), watch_stacks=self.post.watch_again)

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
    catcher = bench.catcher()
    bench.post.send(_measured(bench, catcher, payload, bench.guard()))


def consumed(bench: JobBench, job: dict[str, Any]) -> None:
    """Run the input in the page once, and tell what a FuzzedDataProvider made of it: the stand-in writes that down."""
    payload = bench.post.flight.payload
    bench.confine(mebibytes=ROOMY * bench.spec["mebibytes"] + SLACK_MEBIBYTES)
    record = atheris_shim.record()
    catcher = bench.catcher()
    _measured(bench, catcher, payload, bench.guard())
    bench.post.send({"consumed": record[:MOST_CONSUMED]})


def many(bench: JobBench, job: dict[str, Any]) -> None:
    """Run what the supervisor sends, one after another, until it sends the end."""
    bench.confine(mebibytes=ROOMY * bench.spec["mebibytes"] + SLACK_MEBIBYTES)
    catcher = bench.catcher()
    calls = Calls(bench.entry, {*SURVIVORS, PACKAGE}) if job.get("calls") else None
    bench.entry = calls or bench.entry
    edges = calls.edges if calls else _watch_edges() if job.get("edges") else None
    native = Native() if job.get("edges") and bench.spec["sanitizer"] else None
    guard = bench.guard()
    folder = "" if bench.free else os.environ["TMPDIR"]
    while True:
        message, payload = bench.post.receive()
        if message.get("end"):
            break
        if edges is not None:
            edges.clear()
        if native is not None:
            native.clear()
        before = held(folder) if job.get("held") else None
        outcome = _measured(bench, catcher, payload, guard)
        if job.get("repeats"):
            _repeat(bench, guard, payload, job["repeats"])
        if before is not None:
            outcome["left"] = held(folder).left(before)
        if edges is not None:
            outcome["edges"] = sorted(edges) + (native.reached() if native is not None else [])
        if calls is not None:
            outcome["called"] = sorted(calls.called)
        bench.post.send(outcome)
    bench.post.send({"modules": sorted(sys.modules), "forks": catcher.forks})


def _repeat(bench: JobBench, guard: ProcessGuard, payload: bytes, times: int) -> None:
    """Run it some times more, as long as that is quick: what one run leaves may fit where something was freed."""
    until = CLOCK() + REPEAT_SHARE * bench.spec["seconds"]
    for _ in range(times):
        with contextlib.suppress(ANY):
            bench.entry(payload)
        guard.mend()
        if CLOCK() > until:
            return


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

    def spent() -> NoReturn:
        LEAVE(SPENT)

    def left(kind: str) -> None:
        bench.post.send({"left": kind}, packed(catcher.recent))
        bench.post.receive()  # it is ended here where somebody is found who does that

    folder = "" if bench.free else os.environ["TMPDIR"]
    enough = 0.0 if bench.spec["sanitizer"] else MUCH * bench.spec["mebibytes"] * 1024
    rounds = Rounds(
        catcher, spent, grown=left, room=job.get("room", ROOM), folder=folder, memory=enough,
        each=job.get("alert", False),
    )  # fmt: skip
    rounds.look = uncounted(rounds.look)  # type: ignore[method-assign]
    resume, stacks = bench.post.resume, bench.post.stacks
    keep = Keeper(catcher, bench.post.send, resume, stacks, bench.memory.now) if job["spares"] else None

    def opening() -> None:
        alarm.give_back()
        for name in ("Setup", "Fuzz"):  # an input that calls them would set the engine's clock, and end by it
            setattr(atheris, name, _nothing)
        catcher.guard = bench.guard()

    # As many as there are, and some for code that is still to come: atheris clears room for a million at each start.
    counters = f"-max_counters={atheris._reserve_counter() + SPARE_COUNTERS}"
    atheris.Setup(
        [bench.spec["path"], counters, *job["flags"]],
        wrap(bench.entry, catcher, poison, keep, opening=opening, rounds=rounds),
        **options,
    )
    atheris.Fuzz()


def _nothing(*_: Any, **__: Any) -> None:
    """In place of what has been done already."""


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
    """Run the input in the page again and again; tell what each run leaves behind, and whence."""
    mebibytes = ROOMY * bench.spec["mebibytes"] + LEAK_MEBIBYTES
    bench.confine(mebibytes=mebibytes, watched=job.get("watched", False), copy=job.get("copy"))
    with own_temporary_folder() as folder:
        payload = bench.post.flight.payload
        catcher, guard = bench.catcher(), bench.guard()
        run = wrap(bench.entry, catcher, frozenset())

        def once() -> None:
            run(payload)
            guard.mend()

        growth = grown(once, seconds=job["seconds"], room=bench.spec["mebibytes"] * 1024, folder=folder)
        few = growth is not None and growth.amount > LARGE_KIB
        where = traced(once, 3 if few else 10) if growth is not None and not growth.kind else []
    reply = {"kind": growth.kind, "amount": growth.amount, "runs": growth.runs} if growth is not None else {}
    bench.post.send({"growth": reply, "where": where})


def cover(bench: JobBench, job: dict[str, Any]) -> None:
    """Run what the supervisor sends while coverage.py counts, then tell what was reached."""
    bench.confine(mebibytes=ROOMY * bench.spec["mebibytes"] + COVER_MEBIBYTES)
    catcher, guard = bench.catcher(), bench.guard()
    while True:
        message, payload = bench.post.receive()
        if message.get("end"):
            break
        bench.post.send({"kind": _measured(bench, catcher, payload, guard)["kind"]})
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


def _measured(bench: JobBench, catcher: ExceptionFilter, payload: bytes, guard: ProcessGuard) -> dict[str, Any]:
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
    raised: BaseException | None = None
    idle = waited()
    began = CLOCK()
    try:
        bench.entry(payload)
    except ANY as error:
        raised = error
    seconds = CLOCK() - began
    guard.mend_builtins()
    idle = waited() - idle
    flight.head[RETURNED] = flight.head[STARTED]
    if raised is not None:
        if not bench.free:
            system["system"] = bool(sandbox.errors_of_system(raised))
            system["refusals"] = sandbox.doing(raised, bench.spec["project"], watched=bench.watched)
        catcher.caught(raised, payload)
        if flight.head[REFUSED] > refused:
            ended = {"kind": "refused", "type": type(raised).__name__, "message": message_of(raised)}
        raised = None
    if catcher.elsewhere:
        catcher.flush(payload)
    deeds = guard.mend()
    if guard.descriptors.lost():
        flight.leave(json.dumps(outcome_of(deeds or [LOST])).encode(), payload)
        LEAVE(DAMAGED)
    peak = bench.memory.peak()
    _flush()
    flight.head[CLOSED] = flight.head[STARTED]
    outcome = outcome_of(deeds) if deeds else failures[0] if failures else ended
    return {
        **outcome,
        "seconds": max(0.0, seconds - idle),
        "waited": idle,
        "mebibytes": max(0.0, peak - before),
        **system,
    }


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
            low = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
            self._reset = lift(low)
            os.close(low)
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
