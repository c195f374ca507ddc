"""A code-side campaign: harnesses share the time; failures are saved at once, confirmed alone and minimised."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import msgspec

from mlfuzz.budget import Budget
from mlfuzz.codefuzz.account import Account
from mlfuzz.codefuzz.confirm import explain, settle, shrink
from mlfuzz.codefuzz.engine import Engine, Options, Progress, Session
from mlfuzz.codefuzz.events import Begun, Broken, Ended, Event, NewFinding, Ready, Result, Settled, Tick, Warned
from mlfuzz.codefuzz.library import Harness
from mlfuzz.codefuzz.outcome import Outcome
from mlfuzz.codefuzz.records import Origin, candidate, suffix_of
from mlfuzz.codefuzz.share import Share
from mlfuzz.codefuzz.standing import Standing, corpus_folder, require_coverage, require_usable
from mlfuzz.errors import (
    EXIT_BROKEN,
    EXIT_CLEAN,
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    BadInputError,
    ReplayError,
    TargetError,
    TargetLoadError,
    UsageError,
    WorkerLostError,
)
from mlfuzz.findings.environment import environment, version
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import group
from mlfuzz.findings.promote import folder_name
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.durable import write_atomic
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.workdir import Workdir

FIRST_SLICE, LONGEST_SLICE, GROWTH = 2.0, 30.0, 1.5
"""Seconds of a turn: short at first, so that news is confirmed soon; a turn begins with reading the corpus."""

TICK_SECONDS = 2.0

SHRINK_SECONDS = 2.0
WRAP_UP_SHARE, WRAP_UP_SECONDS = 0.2, 5.0
"""After the time is up findings may still be confirmed: a fifth of the time, at least 5 s."""

COVERAGE_AFTER = 200
"""Inputs after which a harness must have reached something."""


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """What to run. options: of each session; its seed counts up by worker. confirm_share: of the time.

    regressions: findings kept in the corpus: what is ignored there is not looked for, and none of them is new.
    """

    workdir: Path
    harnesses: tuple[Harness, ...]
    engine: Engine
    budget: Budget
    options: Options = field(default_factory=Options)
    workers: int = 1
    confirm_share: float = 0.2
    fail_on: str = "any"
    max_disk: int = 0
    regressions: tuple[Finding, ...] = ()


def run(request: CampaignRequest, on_event: Callable[[Event], None] = lambda _: None) -> Result:
    """Run to the end of the budget.

    Raises TargetLoadError where the engine is not there, CampaignBusyError, UsageError.
    Ctrl-C and SIGTERM end the turn, save, and report; a second one ends at once.
    """
    if not request.harnesses:
        raise UsageError("no harness to run: mlfuzz harness new NAME writes one, mlfuzz harness list shows them")
    if missing := request.engine.available():
        raise TargetLoadError(missing)
    workdir = Workdir.create(request.workdir)
    with Lock.acquire(workdir.lock):
        workdir.stop_request.unlink(missing_ok=True)
        return _Campaign(request, workdir, on_event).run()


class _Campaign:
    def __init__(self, request: CampaignRequest, workdir: Workdir, on_event: Callable[[Event], None]) -> None:
        self.request, self.workdir, self._on_event = request, workdir, on_event
        reserve = Reserve(workdir.reserve)
        reserve.hold()
        self.store = FindingStore(workdir.findings, reserve=reserve)
        self.before = set(self.store.ids())
        self.life = workdir.new_life()
        self.guard = threading.RLock()
        self.share = Share()
        self.standings = {harness.name: self._standing(harness) for harness in request.harnesses}
        if len(self.standings) < len(request.harnesses):
            raise UsageError("two harnesses have one name: " + ", ".join(one.name for one in request.harnesses))
        self.share.join(self.standings)
        self.account = Account(workdir, self.life, request.harnesses, request.engine.name, request.options)
        for standing in self.standings.values():
            standing.restore(self.account.earlier(standing.name))
        self.interrupted = ""
        self.failed: BaseException | None = None
        self.first_ready = 0.0
        self.confirming = 0.0
        self._adopt_known()

    def run(self) -> Result:
        with _signals(self._signalled):
            self.tell(Begun(tuple(self.standings), self.workdir.name, str(self.workdir.root)))
            self._write_spec()
            if self.request.workers == 1:
                self._work(0)
            else:
                self._work_together()
        if self.failed is not None:
            raise self.failed
        return self._result()

    def tell(self, event: Event) -> None:
        with self.guard:
            self._on_event(event)

    def _work_together(self) -> None:
        """Threads only wait for their sessions' processes; the main one stays free for signals."""
        threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.request.workers)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.1)

    def _work(self, worker: int) -> None:
        sessions: dict[str, Session] = {}
        try:
            while not self._over():
                with self.guard:
                    try:
                        standing = self.standings[self.share.pick()]
                    except LookupError:
                        break
                self._turn(standing, sessions, worker)
            self._wrap_up(sessions)
        except BaseException as error:  # noqa: BLE001  # told by the main thread, which alone may raise
            self.failed = self.failed or error
        finally:
            for session in sessions.values():
                session.close()

    def _turn(self, standing: Standing, sessions: dict[str, Session], worker: int) -> None:
        began, edges, buckets = time.monotonic(), standing.edges, len(standing.known)
        try:
            if standing.name not in sessions:
                sessions[standing.name] = self._open(standing, worker)
            if not self._over():
                self._fuzz(standing, sessions[standing.name], worker)
                self._settle_some(standing, sessions[standing.name])
        except (TargetError, WorkerLostError) as error:
            self._break(standing, str(error))
        with self.guard:
            self.share.settle(
                standing.name, seconds=time.monotonic() - began, edges=standing.edges - edges,
                buckets=len(standing.known) - buckets,
            )  # fmt: skip
            self._tick(force=True)

    def _open(self, standing: Standing, worker: int) -> Session:
        options = msgspec.structs.replace(self.request.options, seed=self.request.options.seed + worker)
        with standing.opening:
            session = self.request.engine.prepare(standing.harness.declaration, options)
            try:
                if not standing.screened:
                    standing.prepared = session.prepared
                    self._screen(standing, session)
                    standing.screened = True
            except BaseException:
                session.close()
                raise
        self.first_ready = self.first_ready or time.monotonic()
        return session

    def _screen(self, standing: Standing, session: Session) -> None:
        seeds = standing.harness.seed_files()
        fresh = [path for path in seeds if path.read_bytes() not in standing.corpus]
        standing.origin = self._origin(standing.harness, suffix_of([path.name for path in seeds]), session)
        if fresh:
            screened = session.screen(fresh)
            require_usable(standing.name, screened)
            for name, outcome in screened.failing:
                self._failed(standing, _path(name, fresh).read_bytes(), outcome, seed=Path(name).name)
            standing.corpus.adopt(_path(name, fresh) for name in screened.usable)
            for name, reason in screened.refused:
                self.account.refuse(reason)
                self.tell(Warned(f"harness {standing.name}: seed {Path(name).name} is left out: {reason}"))
            standing.seeds = len(seeds) - len(screened.refused) - len(screened.failing)
        else:
            standing.seeds = len(seeds)
        prepared = session.prepared
        tops = {name.partition(".")[0] for name in standing.harness.declaration.instrument}
        native = [name for name in prepared.blind if name.partition(".")[0] in tops]
        notes = [f"no coverage of native {', '.join(native[:4])}"] if native else []
        said = [f"imported too late to be seen: {', '.join(prepared.lazy[:4])}"] if prepared.lazy else []
        plain = [name for name in prepared.uninstrumented if _below(name, standing.harness.declaration.instrument)]
        said += [f"not instrumented: {', '.join(plain[:4])}"] if plain else []
        self.tell(
            Ready(
                standing.name, prepared.seconds, prepared.cached, standing.seeds, tuple(notes),
                (*said, *prepared.warnings),
            )
        )  # fmt: skip

    def _fuzz(self, standing: Standing, session: Session, worker: int) -> None:
        seconds = self._slice(standing)
        standing.begin(worker)
        progress = session.fuzz(
            standing.corpus.folder, seconds=seconds, runs=self._runs_left(), known=list(standing.known),
            on_failure=lambda payload, outcome: self._failed(standing, payload, outcome),
            on_progress=lambda now: self._progressed(standing, worker, now), stop=self._stopping,
        )  # fmt: skip
        with self.guard:
            standing.count(worker, progress)
            standing.slices += 1
        require_coverage(standing, progress, executions=COVERAGE_AFTER)

    def _slice(self, standing: Standing) -> float:
        """Seconds of a turn: growing, but everyone shall have had one soon."""
        total = self.request.budget.total_seconds
        seconds = min(LONGEST_SLICE, FIRST_SLICE * GROWTH**standing.slices)
        if total is not None:
            seconds = min(seconds, max(0.5, total / (3 * max(1, len(self.share.names)))))
            left = total - (time.monotonic() - self.first_ready)
            seconds = max(0.1, min(seconds, left))
        return seconds

    def _runs_left(self) -> int:
        limit = self.request.budget.inputs
        return 0 if limit is None else max(1, limit - self._executions_here())

    def _executions_here(self) -> int:
        return sum(one.executions for one in self.standings.values()) - self.account.executions_before

    def _progressed(self, standing: Standing, worker: int, now: Progress) -> None:
        with self.guard:
            standing.count(worker, now)
            self._tick()

    def _failed(self, standing: Standing, payload: bytes, outcome: Outcome, *, seed: str = "") -> None:
        """A bucket nobody knew: saved before anything else happens, so that no kill can lose it."""
        with self.guard:
            if not outcome.failed or outcome.bucket in standing.known:
                return
            finding, files = candidate(payload, outcome, standing.origin, seed=seed)
            standing.known[outcome.bucket] = finding.id
            if self.store.save(finding, files):
                standing.waiting.append(finding.id)
                standing.last_new = time.monotonic()
                self.tell(NewFinding(finding))

    def _settle_some(self, standing: Standing, session: Session) -> None:
        """Confirm what waits, then minimise what is confirmed, within their share of the time."""
        while standing.unsettled and not self.interrupted:
            elapsed = time.monotonic() - self.first_ready
            grace = SHRINK_SECONDS if standing.waiting or standing.quick else 0.0
            if self.confirming > self.request.confirm_share * elapsed + grace:
                return
            self._settle_next(standing, session)

    def _settle_next(self, standing: Standing, session: Session) -> None:
        with self.guard:
            if not standing.unsettled:
                return
            confirming = bool(standing.waiting)
            finding = self.store.load(standing.next())
        began = time.monotonic()
        try:
            if confirming:
                settled = settle(self.store, finding, session, seconds=0.0)
            else:
                settled = shrink(self.store, finding, session, seconds=SHRINK_SECONDS)
            settled = explain(self.store, settled, standing.harness)
        except (TargetError, BadInputError, ReplayError, WorkerLostError) as error:
            self.tell(Warned(f"finding {finding.id[:10]} could not be run again: {error}"))
            return
        finally:
            self.confirming += time.monotonic() - began
            self.account.spend("confirm" if confirming else "minimise", time.monotonic() - began)
        with self.guard:
            standing.known.setdefault(settled.key, settled.id)
            if confirming and settled.verdict == "confirmed":
                standing.enlarge(settled)
        self.tell(Settled(settled))

    def _wrap_up(self, sessions: dict[str, Session]) -> None:
        """Confirm and minimise what is left, within a fifth of the time."""
        total = self.request.budget.total_seconds or max(0.0, time.monotonic() - self.first_ready)
        until = time.monotonic() + max(WRAP_UP_SECONDS, WRAP_UP_SHARE * total)
        if self.interrupted:
            until = time.monotonic() + 2.0
        open_ones = [(self.standings[name], session) for name, session in sessions.items()]
        for only in ("waiting", "large"):
            for standing, session in open_ones:
                while getattr(standing, only) and time.monotonic() < until and not standing.broken:
                    self._settle_next(standing, session)

    def _over(self) -> str:
        """Why the campaign is over, "" while it goes on."""
        if self.failed is not None:
            return "failed"
        if self._stopping():
            return self.interrupted or "stopped"
        seconds = time.monotonic() - self.first_ready if self.first_ready else 0.0
        found = len(set(self.store.ids()) - self.before) if self.request.budget.findings else 0
        reason = self.request.budget.spent(seconds=seconds, inputs=self._executions_here(), findings=found)
        if not reason and self.request.max_disk and self.workdir.used_bytes() > self.request.max_disk:
            reason = f"its allowance of {self.request.max_disk >> 20} MiB of disk is used up"
        return reason

    def _stopping(self) -> bool:
        return bool(self.interrupted) or self.failed is not None or self.workdir.stop_request.exists()

    def _break(self, standing: Standing, reason: str) -> None:
        with self.guard:
            if not standing.broken:
                standing.broken = reason
                self.share.leave(standing.name)
                self.tell(Broken(standing.name, reason))

    def _tick(self, *, force: bool = False) -> None:
        record = self.account.tick(self.standings, self.share, len(self.store.ids()), force=force, every=TICK_SECONDS)
        if record is not None:
            self.tell(Tick(record, {str(row["name"]): row for row in self.account.stats.harnesses}))

    def _result(self) -> Result:
        findings = list(self.store.records())
        reason = self._over() or "nothing is left to fuzz"
        broken = {name: one.broken for name, one in self.standings.items() if one.broken}
        stats = self.account.close(self.standings, reason)
        left = sum(len(one.waiting) for one in self.standings.values())
        if left:
            self.tell(Warned(f"{left} findings are still to be confirmed: the same command goes on with them"))
        result = Result(self._code(findings, broken), reason, stats, tuple(group(findings)), tuple(findings), broken)
        self.tell(Ended(result))
        return result

    def _code(self, findings: list[Finding], broken: dict[str, str]) -> int:
        if self.interrupted == "interrupted":
            return EXIT_INTERRUPTED
        if broken or not self.account.stats.inputs:
            return EXIT_BROKEN
        counted = [one for one in findings if one.verdict != "flaky" and one.triage in ("open", "fixed")]
        if self.request.fail_on == "new":
            kept = {(one.target, one.key) for one in self.request.regressions}
            counted = [one for one in counted if one.id not in self.before and (one.target, one.key) not in kept]
        return EXIT_FINDINGS if counted and self.request.fail_on != "none" else EXIT_CLEAN

    def _standing(self, harness: Harness) -> Standing:
        folder = self.workdir.working(f"corpus-{folder_name(harness.name)}")
        return Standing(harness, corpus_folder(folder), self._origin(harness, ".bin", None))

    def _origin(self, harness: Harness, suffix: str, session: Session | None) -> Origin:
        versions = {name: version(name) for name in _distributions(harness)}
        return Origin(
            harness, self.workdir.name, self.life, self.request.engine.name, self.request.options.lane.name,
            session.prepared.sandbox if session else (), suffix,
            {**environment(harness.project), **{name: told for name, told in versions.items() if told}},
        )  # fmt: skip

    def _adopt_known(self) -> None:
        """What earlier lives found: known buckets are not told again, candidates are confirmed first."""
        for finding in self.request.regressions:
            if finding.target in self.standings and finding.triage in ("ignored", "quarantined"):
                self.standings[finding.target].known.setdefault(finding.key, finding.id)
        for finding in self.store.records():
            standing = self.standings.get(finding.target)
            if standing is not None:
                standing.known.setdefault(finding.key, finding.id)
                if finding.verdict == "candidate":
                    standing.waiting.append(finding.id)
                elif finding.verdict == "confirmed" and not finding.shrunk:
                    standing.enlarge(finding)

    def _write_spec(self) -> None:
        told = {
            "side": "code", "engine": self.request.engine.name, "lane": self.request.options.lane.name,
            "seed": self.request.options.seed,
            "harnesses": [
                {"name": one.name, "load": one.load, "declaration": msgspec.to_builtins(one.declaration)}
                for one in self.request.harnesses
            ],
        }  # fmt: skip
        write_atomic(self.workdir.spec, msgspec.json.format(msgspec.json.encode(told), indent=1), sync=False)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = "interrupted" if number == signal.SIGINT else "stopped"


class _signals:  # noqa: N801  # reads as a function
    """Ctrl-C and SIGTERM go to a handler; only the main thread may say so."""

    def __init__(self, handler: Callable[[int, FrameType | None], None]) -> None:
        self._handler = handler
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous = {
                number: signal.signal(number, self._handler) for number in (signal.SIGINT, signal.SIGTERM)
            }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def _path(name: str, files: list[Path]) -> Path:
    """The file that an engine names, by its path or by its name alone."""
    return next((path for path in files if str(path) == name), None) or next(
        (path for path in files if path.name == Path(name).name), Path(name)
    )


def _below(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of the packages, or lies in one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def _distributions(harness: Harness) -> list[str]:
    """Distributions that the instrumented packages are likely of; most are called alike."""
    alike = {"PIL": "pillow", "yaml": "pyyaml", "soundfile": "soundfile", "cv2": "opencv-python"}
    tops = dict.fromkeys(name.partition(".")[0] for name in harness.declaration.instrument)
    return [alike.get(top, top) for top in tops]
