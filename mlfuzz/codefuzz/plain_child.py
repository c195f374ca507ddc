"""The process in which a harness runs without atheris: imports it once, forks for each input, and tells how it went.

Started by `plain_run`. What an input does to its fork, be it a crash, a hang or an exit, stops nobody else.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from mlfuzz.codefuzz.executor import exit_classifier
from mlfuzz.codefuzz.executor.patience import Patience
from mlfuzz.codefuzz.failure import sanitizer_report, stack_parser
from mlfuzz.codefuzz.failure.bucketing import Territory, describe, import_folders, message_of
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.failure.outcome import Kind, Outcome
from mlfuzz.codefuzz.forkserver.worker_handle import Death
from mlfuzz.codefuzz.loading import atheris_shim, script
from mlfuzz.codefuzz.runtime.cpu_wait import waited
from mlfuzz.codefuzz.runtime.input_threads import SECONDS as THREAD_SECONDS
from mlfuzz.codefuzz.runtime.input_threads import Threads
from mlfuzz.codefuzz.runtime.leak_probe import LEAST_KIB, grown
from mlfuzz.codefuzz.runtime.messages import receive, send
from mlfuzz.storage.lock import die_with_parent

OUTPUT_BYTES, SHOWN_BYTES = 1 << 16, 4096
"""Of what an input's run prints, its end is kept: a sanitizer's report is read from it, and less is recorded."""
GRACE = 2.0
"""A run that takes up to so many times its limit is slow; longer, it hangs."""
START_SECONDS = 20.0
"""Until a run begins: a fork of a large process takes its time where the machine is busy."""
TOLD = 3
"""Lines of a fork that has told all: its function is called; it has returned; what became of the input."""
LOOK_SECONDS = 0.02
SAMPLES, SAMPLE_SECONDS = 3, 0.03
ROOM_MEBIBYTES = 512
"""What a process may map beyond twice its limit: an allocation above fails where it is made, with a traceback."""

LEAK_SECONDS = 2.0

_PROVIDED = 64


def main(arguments: list[str]) -> int:
    """arguments: number of the socket, process id of the parent."""
    die_with_parent(int(arguments[1]))
    connection = socket.socket(fileno=int(arguments[0]))
    try:
        order, _ = receive(connection)
    except EOFError:
        return 0
    began = time.perf_counter()
    try:
        entry = _load(order)
    except BaseException as error:  # noqa: BLE001  # whatever the import raises is told to the parent
        send(connection, {"error": f"{type(error).__name__}: {message_of(error)}", "trace": traceback.format_exc()})
        return 1
    runner = _Runner(entry, order)
    gc.collect()
    gc.freeze()  # forks then share what is there
    send(connection, {"seconds": time.perf_counter() - began})
    while True:
        try:
            request, payload = receive(connection)
        except EOFError:
            return 0
        send(connection, runner.run(payload, explain=bool(request.get("explain")), again=request.get("kind") == "leak"))


def _load(order: dict[str, Any]) -> Any:
    sys.path[:0] = [*order["path"], order["project"]]
    sys.path.append(os.path.dirname(order["harness"]))
    os.chdir(order["project"])
    atheris = atheris_shim.install()
    spec = importlib.util.spec_from_file_location("mlfuzz_harness", order["harness"])
    if spec is None or spec.loader is None:
        raise ImportError(f"{order['harness']} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["mlfuzz_harness"] = module
    spec.loader.exec_module(module)
    script.instrument(order["harness"], module, atheris)
    return getattr(module, order["entry"])


class _Runner:
    """One harness, imported."""

    def __init__(self, entry: Any, order: dict[str, Any]) -> None:
        self.entry, self.order = entry, order
        self.documented = Documented([(one[0], one[1]) for one in order["allowed"]])
        self.territory = Territory(order["packages"], order["harness"], import_folders())
        self.limit = float(order["seconds"])

    def run(self, payload: bytes, *, explain: bool, again: bool = False) -> dict[str, Any]:
        """explain: tell what a FuzzedDataProvider made of it. again: many times in one fork, for what stays behind."""
        told, tell = os.pipe()
        said, say = os.pipe()
        shown, show = os.pipe()
        pid = os.fork()
        if pid == 0:
            for number in (told, said, shown):
                os.close(number)
            self._alone(payload, tell, say, show, explain, again)
        for number in (tell, say, show):
            os.close(number)
        try:
            return self._await(pid, told, said, shown, self.limit + (LEAK_SECONDS if again else 0.0))
        finally:
            for number in (told, said, shown):
                os.close(number)

    def _alone(self, payload: bytes, tell: int, say: int, show: int, explain: bool, again: bool) -> None:
        """In the fork; does not return."""
        status = 70
        try:
            die_with_parent()
            os.setpgid(0, 0)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(say, 1)
            os.dup2(say, 2)
            if not self.order["sanitized"]:  # else the sanitizer would see faulthandler's signal in place of the crash
                faulthandler.enable(show)
            faulthandler.register(signal.SIGUSR1, show, all_threads=False)
            own = os.getpid()

            def mark() -> None:
                if os.getpid() != own:  # a process that the target has forked
                    os._exit(0)
                os.write(tell, b"\n")

            outcome = self._judged(payload, explain, mark)
            if again and outcome["kind"] in ("ok", "refused"):
                outcome |= self._left(payload)
            body = json.dumps(outcome).encode() + b"\n"
            while body:
                body = body[os.write(tell, body) :]
            status = 0
        finally:
            os._exit(status)

    def _judged(self, payload: bytes, explain: bool, mark: Callable[[], object]) -> dict[str, Any]:
        """mark: tells that the function is called, and that it has returned."""
        threads = Threads(lambda: (1, payload))
        threads.install()
        elsewhere: list[tuple[str, BaseException]] = []
        threading.excepthook = lambda seen: _note(elsewhere, "thread", seen.exc_value)
        sys.unraisablehook = lambda seen: _note(elsewhere, "unraisable", seen.exc_value)
        consumed = atheris_shim.record() if explain else None
        mapped, resident = _memory()
        before = waited()
        self._limit_memory(mapped)
        caught: BaseException | None = None
        mark()
        began = time.perf_counter()
        try:
            self.entry(payload)
        except BaseException as error:  # noqa: BLE001  # whatever the target raises is data
            caught = error
        seconds = max(0.0, time.perf_counter() - began - (waited() - before))
        mark()
        threads.wait()
        self._limit_memory(None)
        peak = max(0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - resident)
        gc.collect()  # finalisers may raise too
        outcome = self._sorted(caught, elsewhere)
        outcome |= {"seconds": seconds, "mebibytes": peak}
        if outcome["kind"] in ("ok", "refused"):
            if peak > self.order["mebibytes"]:
                outcome = {**outcome, **self._resource("memory", f"{peak:,.0f} MiB")}
            elif seconds > self.limit:
                outcome = {**outcome, **self._resource("slow", f"{seconds:.3g} s")}
        if consumed is not None:
            outcome["consumed"] = [[name, value] for name, value in consumed[:_PROVIDED]]
        sys.stdout.flush()
        sys.stderr.flush()
        return outcome

    def _left(self, payload: bytes) -> dict[str, Any]:
        """The outcome of an input that leaves memory behind at each run, told as the engine tells it; {} else."""
        each = grown(lambda: self._quiet(payload), lambda: _memory()[1], seconds=LEAK_SECONDS)
        if min(each) < LEAST_KIB:
            return {}
        return self._resource("leak", f"each run leaves about {sum(each) / len(each):.1f} KiB behind")

    def _quiet(self, payload: bytes) -> None:
        with suppress(BaseException):
            self.entry(payload)

    def _sorted(self, caught: BaseException | None, elsewhere: list[tuple[str, BaseException]]) -> dict[str, Any]:
        if caught is not None and not self.documented.covers(caught):
            return describe("", caught, self.territory)
        for kind, error in elsewhere:
            if not self.documented.covers(error):
                return describe(kind, error, self.territory)
        if caught is None:
            return {"kind": "ok"}
        return {"kind": "refused", "type": type(caught).__name__, "message": message_of(caught)}

    def _resource(self, kind: str, message: str) -> dict[str, Any]:
        group = f"{kind}::{self.order['name']}"
        return {"kind": kind, "type": kind, "message": message, "group": group, "bucket": group}

    def _limit_memory(self, mapped: float | None) -> None:
        if self.order["sanitized"]:  # a sanitizer maps terabytes of shadow
            return
        most = resource.RLIM_INFINITY
        if mapped is not None:
            most = int((mapped + 2 * self.order["mebibytes"] + ROOM_MEBIBYTES) * (1 << 20))
        try:
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
        except (ValueError, OSError):  # a smaller hard limit is there already
            return

    def _await(self, pid: int, told: int, said: int, shown: int, limit: float) -> dict[str, Any]:
        began = time.monotonic()
        pieces: dict[int, bytes] = {told: b"", said: b"", shown: b""}
        hung, ended = self._follow(pid, pieces, told, said, limit)
        if hung:
            for _ in range(SAMPLES):
                _signal(pid, signal.SIGUSR1)
                _drain(pieces, {said, shown}, time.monotonic() + SAMPLE_SECONDS, need=-1)
            _signal(pid, signal.SIGKILL)
        _, status, usage = ended or os.wait4(pid, 0)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it has left running
        _drain(pieces, {said, shown}, time.monotonic() + 0.05, need=-1)
        death = Death(status, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)
        printed = pieces[said].decode("utf-8", "backslashreplace")
        trace = pieces[shown].decode("utf-8", "replace")
        spent = {"seconds": time.monotonic() - began, "output": printed[-SHOWN_BYTES:]}
        if hung:
            told_so = f"no end within {GRACE * limit:.3g} s"
            return {**self._stopped("hang", "", trace, death, told_so), **spent, "mebibytes": death.mebibytes}
        try:
            outcome: dict[str, Any] = json.loads(pieces[told])
        except ValueError:
            return {**self._died(death, trace, printed), **spent}
        return {**outcome, "output": spent["output"]}

    def _follow(
        self, pid: int, pieces: dict[int, bytes], told: int, said: int, limit: float
    ) -> tuple[bool, tuple[int, int, resource.struct_rusage] | None]:
        """Until a fork has told all, has hung or has ended; whether it has hung, and its end where that came first.

        Its end is asked for: a process that it has left behind may hold the pipes open.
        """
        allowed = (START_SECONDS, GRACE * limit, GRACE * limit + THREAD_SECONDS)
        phase, since, patience = 0, time.monotonic(), Patience(pid, START_SECONDS)
        wanted = {told, said}
        while True:
            _drain(pieces, wanted, time.monotonic() + LOOK_SECONDS, need=told)
            now, before = time.monotonic(), phase
            phase = pieces[told].count(b"\n")
            if phase >= TOLD:
                return False, None
            ended = os.wait4(pid, os.WNOHANG)
            if ended[0]:
                _drain(pieces, wanted & {told}, now + LOOK_SECONDS, need=told)
                return False, ended
            if phase != before:
                since, patience = now, Patience(pid, allowed[phase])
            elif patience.over() and not (
                sanitizer_report.begun(pieces[said]) and now - since < sanitizer_report.REPORT_SECONDS
            ):
                return True, None

    def _died(self, death: Death, trace: str, printed: str) -> dict[str, Any]:
        report = sanitizer_report.parse(printed)
        if report is not None:
            return _plain(exit_classifier.from_report(report, death, printed))
        if death.signal:
            name = signal.Signals(death.signal).name
            kind: Kind = "killed" if death.signal == signal.SIGKILL else "crash"
            return self._stopped(kind, name, trace, death, signal.strsignal(death.signal) or "")
        code = os.WEXITSTATUS(death.status)
        return self._stopped("os-exit", f"status {code}", trace, death, f"the process ended with status {code}")

    def _stopped(self, kind: Kind, name: str, trace: str, death: Death, message: str) -> dict[str, Any]:
        """An outcome told by the operating system. trace: of faulthandler; of several samples what they share."""
        found = stack_parser.dumps(trace)
        placed = (
            stack_parser.placed(stack_parser.common(found) if kind == "hang" else found[-1], self.territory)
            if found
            else []
        )
        code = os.WEXITSTATUS(death.status) if not death.signal and kind != "hang" else None
        return _plain(exit_classifier.located(
            kind, name, placed, message=message, traceback=trace, status=code,
            signal=0 if kind == "hang" else death.signal,
        ))  # fmt: skip


def _plain(outcome: Outcome) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(outcome)
    return plain


def _note(found: list[tuple[str, BaseException]], kind: str, error: BaseException | None) -> None:
    if error is not None and not (kind == "thread" and isinstance(error, SystemExit)):
        found.append((kind, error))


def _drain(pieces: dict[int, bytes], wanted: set[int], until: float, *, need: int) -> None:
    """Read until there is something of `need`, or time is up. Of all others only the end is kept.

    Those that have ended are taken out of `wanted`.
    """
    while (left := until - time.monotonic()) > 0 and (wanted or need >= 0):
        ready = select.select(list(wanted), [], [], left)[0]
        for number in ready:
            piece = os.read(number, 1 << 16)
            if not piece:
                wanted.discard(number)
            pieces[number] = pieces[number] + piece if number == need else (pieces[number] + piece)[-OUTPUT_BYTES:]
        if need in ready:
            return


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _memory() -> tuple[float, float]:
    """MiB mapped and resident now."""
    try:
        with open("/proc/self/statm") as file:
            mapped, resident = file.read().split()[:2]
    except OSError:  # not Linux
        return 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    page = resource.getpagesize() / (1 << 20)
    return int(mapped) * page, int(resident) * page


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
