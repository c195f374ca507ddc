"""Run findings again from their files alone: is it fixed, does it still fail?

A torch-free front: a probe, a process of its own, loads the target and runs each input alone; what would take a process
down (a crash, an exit, a hang) takes only a child of the probe. Findings of the code side go to their harness.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlfuzz.campaign.supervisor.processes import ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import TriageRequest
from mlfuzz.codefuzz.harness.trust import refusal
from mlfuzz.codefuzz.triage.confirm import confirm as confirm_code
from mlfuzz.codefuzz.triage.confirm import shrink as minimise
from mlfuzz.codefuzz.triage.replay import Replay
from mlfuzz.codefuzz.triage.sessions import Sessions
from mlfuzz.errors import ConfigError, MlfuzzError, ReplayError, TargetLoadError, WorkerLostError
from mlfuzz.findings.finding import SHORT_ID, Finding, Run
from mlfuzz.findings.fingerprint import ISOLATED
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore, read
from mlfuzz.findings.trust import Trust
from mlfuzz.storage.scratch import scratch_folder
from mlfuzz.storage.workdir import Workdir
from mlfuzz.triage_queue import SHRINK_SECONDS, Waiting

State = Literal["fixed", "fails", "flaky", "error"]

TIMES = 3
RUN_SECONDS = 300.0
"""For all the runs of one finding: an input that takes seconds is run a dozen times."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one finding.

    before: as recorded; after: now. drifted: why the recipe no longer gives the input.
    """

    finding: Finding
    state: State
    before: Run | None
    after: Run | None
    failed: int = 0
    times: int = 0
    drifted: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A finding, and the path it lies at: its directory in a campaign, or its .json in the regressions."""

    finding: Finding
    path: Path


def replay(
    cases: Sequence[Case], *, directory: Path = Path(), target: str = "", times: int = TIMES, device: str = "cpu",
    plugins: Sequence[str] = (), trust: Trust | None = None, on_result: Callable[[Replayed], None] = lambda _: None,
    sandbox: str = "", allow: Sequence[str] = (),
) -> list[Replayed]:  # fmt: skip
    """Run each finding `times` times, alone. directory: the project's, put on the import path.

    target: another "module:attribute" (of the code side: another harness) to run them against; "": each finding's own.
    trust: which names of a record may be imported; None: the findings are the caller's own. sandbox, allow: in place
    of, and beside, what harnesses declare.
    """
    results = []
    with scratch_folder("mlfuzz-replay-") as scratch, Replay(directory, sandbox=sandbox, allow=allow) as code:
        directory, probe = _probe_in(scratch, directory, trust, target)
        try:
            for case in cases:
                if problem := refusal(trust, case.finding, case.path, target=target):
                    result = _error(case.finding, problem)
                elif case.finding.side == "code":
                    result = _by_harness(code, case, target, times)
                else:
                    result = _one(probe, case, directory, target, times, device, plugins)
                on_result(result)
                results.append(result)
        finally:
            probe.kill()
    return results


def exit_code(results: Sequence[Replayed]) -> int:
    """0 all fixed (or flaky, with a warning), 1 any fails, 3 any error."""
    states = {result.state for result in results}
    return 3 if "error" in states else 1 if "fails" in states else 0


def shrink(
    case: Case, *, directory: Path = Path(), target: str = "", seconds: float, device: str = "cpu",
    plugins: Sequence[str] = (), trim: bool = False, trust: Trust | None = None,
) -> Finding:  # fmt: skip
    """Look for a simpler chain for about `seconds`, and store what is found; the finding as it is then.

    trim: look for the least difference from the seed as well, for as long again. A campaign's finding or a regression.
    trust: as in `replay`. Raises ReplayError where it cannot be run, StorageError.
    """
    finding = case.finding
    if problem := refusal(trust, finding, case.path, target=target):
        raise ReplayError(f"finding {finding.id[:SHORT_ID]} is not run: {problem}")
    if finding.side == "code":
        return _minimised(case, directory, target, seconds)
    if not finding.chain or finding.kind in ISOLATED:
        why = "it has no chain of mutations" if not finding.chain else f"a {finding.kind} takes its process down"
        raise ReplayError(f"finding {finding.id[:SHORT_ID]} cannot be shrunk: {why}")
    load = _load_of(finding, target)
    with scratch_folder("mlfuzz-shrink-") as scratch:
        store = FindingStore(case.path.parent) if case.path.is_dir() else _borrowed(case, scratch / "findings")
        directory, probe = _probe_in(scratch, directory, trust, target)
        wishes: tuple[Literal["shrink", "trim"], ...] = ("shrink", "trim") if trim else ("shrink",)
        try:
            for op in wishes:
                reply = probe.consult(TriageRequest(
                    op=op, path=str(store.folder(finding.id).resolve()), target=load, seconds=seconds, device=device,
                    directory=str(directory.resolve()), plugins=list(plugins),
                ), RUN_SECONDS + seconds)  # fmt: skip
                if isinstance(reply, str) or reply.error:
                    problem = reply if isinstance(reply, str) else reply.error
                    raise ReplayError(f"finding {finding.id[:SHORT_ID]} cannot be shrunk: {problem}")
        finally:
            probe.kill()
        changed = store.load(finding.id)
        if not case.path.is_dir() and (changed.shrunk or changed.trimmed):
            write_regression(case.path.parent, changed, read(store.folder(finding.id))[1])
    return changed


def confirm(
    cases: Sequence[Case], *, directory: Path = Path(), seconds: float, device: str = "cpu",
    plugins: Sequence[str] = (), trust: Trust | None = None,
    on_result: Callable[[Finding | ReplayError], None] = lambda _: None,
) -> int:  # fmt: skip
    """Confirm and shrink a campaign's candidates for about `seconds`, breadth first; how many are left.

    trust: as in `replay`. on_result: each with its verdict, or why it could not be run.
    """
    places = {case.finding.id: case.path for case in cases if case.path.is_dir()}
    waiting = Waiting(case.finding for case in cases if case.path.is_dir())
    until = float("inf")  # the time runs from the first answer: loading a target may take longer than it
    with scratch_folder("mlfuzz-confirm-") as scratch, Sessions(directory) as sessions:
        directory, probe = _probe_in(scratch, directory, trust, "")
        try:
            while time.monotonic() < until and (finding := waiting.take()) is not None:
                path = places[finding.id]
                try:
                    if problem := refusal(trust, finding, path):
                        raise ReplayError(f"finding {finding.id[:SHORT_ID]} is not run: {problem}")
                    if finding.side == "code":
                        on_result(
                            confirm_code(
                                FindingStore(path.parent), finding, sessions.of(finding), seconds=SHRINK_SECONDS
                            )
                        )
                    else:
                        on_result(_confirmed(probe, finding, path, directory, device, plugins))
                except ReplayError as error:
                    on_result(error)
                except (TargetLoadError, ConfigError, WorkerLostError) as error:
                    if finding.side == "model":
                        raise
                    on_result(ReplayError(f"finding {finding.id[:SHORT_ID]} is not run: {error}"))
                until = min(until, time.monotonic() + seconds)
        finally:
            probe.kill()
    return len(waiting)


def _probe_in(scratch: Path, directory: Path, trust: Trust | None, target: str) -> tuple[Path, ProbeProcess]:
    """The folder on the import path, an empty one where a stranger's files may lie, and a probe."""
    workdir = Workdir.create(scratch / "probe")
    if trust is None or not trust.apart(target=target):
        return directory, ProbeProcess(workdir)
    return workdir.blobs, ProbeProcess(workdir, folder=workdir.blobs)


def _confirmed(
    probe: ProbeProcess, finding: Finding, path: Path, directory: Path, device: str, plugins: Sequence[str]
) -> Finding:
    request = TriageRequest(
        op="settle", path=str(path.resolve()), target=_load_of(finding, ""), directory=str(directory.resolve()),
        device=device, plugins=list(plugins),
    )  # fmt: skip
    reply = probe.consult(request, RUN_SECONDS)
    if isinstance(reply, str) or reply.error:
        problem = reply if isinstance(reply, str) else reply.error
        raise ReplayError(f"finding {finding.id[:SHORT_ID]} cannot be run: {problem}")
    return FindingStore(path.parent).load(finding.id)


def _minimised(case: Case, directory: Path, target: str, seconds: float) -> Finding:
    """A smaller input of the code side, in the same bucket."""
    finding = case.finding
    with scratch_folder("mlfuzz-shrink-") as scratch, Sessions(directory) as sessions:
        store = FindingStore(case.path.parent) if case.path.is_dir() else _borrowed(case, scratch / "findings")
        changed = minimise(store, finding, sessions.of(finding, target=target), seconds=seconds)
        if not case.path.is_dir() and changed != finding:
            write_regression(case.path.parent, changed, read(store.folder(finding.id))[1])
    return changed


def _one(
    probe: ProbeProcess, case: Case, directory: Path, target: str, times: int, device: str, plugins: Sequence[str]
) -> Replayed:
    try:
        load = _load_of(case.finding, target)
    except ReplayError as error:
        return _error(case.finding, str(error))
    request = TriageRequest(
        op="replay", path=str(case.path.resolve()), target=load, directory=str(directory.resolve()), device=device,
        times=times, plugins=list(plugins),
    )  # fmt: skip
    reply = probe.consult(request, RUN_SECONDS)
    if isinstance(reply, str):
        return _error(case.finding, reply)
    return _error(case.finding, reply.error) if reply.error else _replayed(case.finding, reply.value)


def _by_harness(code: Replay, case: Case, target: str, times: int) -> Replayed:
    """A finding of the code side: no torch, and no atheris."""
    finding = case.finding
    try:
        _, files = read(case.path)
        again = code.run(finding, files[finding.input.file], times=times, target=target)
    except MlfuzzError as error:
        return _error(finding, str(error))
    return Replayed(
        finding, again.state, finding.after, again.now, again.failed, again.times, again.drifted, again.other
    )


def _load_of(finding: Finding, target: str) -> str:
    if not target and not finding.load:
        raise ReplayError("its target was a live object; name one with --target module:attribute")
    return target or finding.load


def _borrowed(case: Case, folder: Path) -> FindingStore:
    """A store with a copy of a regression: shrinking wants a folder of its own."""
    store = FindingStore(folder)
    store.save(*read(case.path))
    return store


def _replayed(finding: Finding, value: dict[str, Any]) -> Replayed:
    times = int(value["times"])
    # What took a process down in one way and now does so in another is not mended.
    failed = times - int(value["answered"]) if finding.kind in ISOLATED else int(value["failed"])
    state: State = "fails" if failed == times else "fixed" if failed == 0 else "flaky"
    after = msgspec.convert(value["after"], Run) if value.get("after") else None
    message = str(value.get("other", ""))
    if state == "fixed" and (message or (finding.oracle and value.get("margin") is None)):
        observed = message or (after and (after.text or after.label)) or "nothing"
        return _error(finding, f"it no longer gives an answer to judge: {observed}")
    return Replayed(finding, state, finding.after, after, failed, times, str(value.get("drifted", "")), message)


def _error(finding: Finding, message: str) -> Replayed:
    return Replayed(finding, "error", finding.after, None, message=message)
