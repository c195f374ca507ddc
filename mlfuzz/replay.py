"""Run findings again from their files alone: is it fixed, does it still fail?

A torch-free front: a probe, a process of its own, loads the target and runs each input alone; what would take a process
down (a crash, an exit, a hang) takes only a child of the probe.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlfuzz.campaign.helm import ProbeProcess
from mlfuzz.campaign.probe import ISOLATED, Request
from mlfuzz.errors import ReplayError
from mlfuzz.findings.finding import Finding, Run
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore, read
from mlfuzz.storage.workdir import Workdir

State = Literal["fixed", "fails", "flaky", "error"]

TIMES = 3
LOAD_SECONDS = 300.0
RUN_SECONDS = 60.0


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
    plugins: Sequence[str] = (), on_result: Callable[[Replayed], None] = lambda _: None,
) -> list[Replayed]:  # fmt: skip
    """Run each finding `times` times, alone. directory: the project's, put on the import path.

    target: another "module:attribute" to run them against; "": each finding's own.
    """
    results = []
    with tempfile.TemporaryDirectory(prefix="mlfuzz-replay-") as scratch:
        probe = ProbeProcess(Workdir.create(Path(scratch)))
        try:
            for case in cases:
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
    plugins: Sequence[str] = (),
) -> Finding:  # fmt: skip
    """Look for a simpler chain for about `seconds`, and store what is found; the finding as it is then.

    A campaign's finding or a regression. Raises ReplayError where it cannot be run, StorageError.
    """
    finding = case.finding
    if not finding.chain or finding.kind in ISOLATED:
        why = "it has no chain of mutations" if not finding.chain else f"a {finding.kind} takes its process down"
        raise ReplayError(f"finding {finding.id[:10]} cannot be shrunk: {why}")
    load = _load_of(finding, target)
    with tempfile.TemporaryDirectory(prefix="mlfuzz-shrink-") as scratch:
        store = FindingStore(case.path.parent) if case.path.is_dir() else _borrowed(case, Path(scratch) / "findings")
        probe = ProbeProcess(Workdir.create(Path(scratch) / "probe"))
        try:
            reply = probe.consult(Request(
                op="shrink", path=str(store.folder(finding.id).resolve()), target=load, seconds=seconds, device=device,
                directory=str(directory.resolve()), plugins=list(plugins),
            ), LOAD_SECONDS + RUN_SECONDS + seconds)  # fmt: skip
        finally:
            probe.kill()
        if isinstance(reply, str) or reply.error:
            said = reply if isinstance(reply, str) else reply.error
            raise ReplayError(f"finding {finding.id[:10]} cannot be shrunk: {said}")
        changed = store.load(finding.id)
        if not case.path.is_dir() and changed.shrunk:
            write_regression(case.path.parent, changed, read(store.folder(finding.id))[1])
    return changed


def _one(
    probe: ProbeProcess, case: Case, directory: Path, target: str, times: int, device: str, plugins: Sequence[str]
) -> Replayed:
    try:
        load = _load_of(case.finding, target)
    except ReplayError as error:
        return _error(case.finding, str(error))
    request = Request(
        op="replay", path=str(case.path.resolve()), target=load, directory=str(directory.resolve()), device=device,
        times=times, plugins=list(plugins),
    )  # fmt: skip
    reply = probe.consult(request, RUN_SECONDS + (0.0 if probe.alive else LOAD_SECONDS))
    if isinstance(reply, str):
        return _error(case.finding, reply)
    return _error(case.finding, reply.error) if reply.error else _judged(case.finding, reply.value)


def _load_of(finding: Finding, target: str) -> str:
    if not target and not finding.load:
        raise ReplayError("its target was a live object; name one with --target module:attribute")
    return target or finding.load


def _borrowed(case: Case, folder: Path) -> FindingStore:
    """A store with a copy of a regression: shrinking wants a folder of its own."""
    store = FindingStore(folder)
    store.save(*read(case.path))
    return store


def _judged(finding: Finding, value: dict[str, Any]) -> Replayed:
    times = int(value["times"])
    # What took a process down in one way and now does so in another is not mended.
    failed = times - int(value["answered"]) if finding.kind in ISOLATED else int(value["failed"])
    state: State = "fails" if failed == times else "fixed" if failed == 0 else "flaky"
    after = msgspec.convert(value["after"], Run) if value.get("after") else None
    message = str(value.get("other", ""))
    if state == "fixed" and (message or (finding.oracle and value.get("margin") is None)):
        said = message or (after and (after.text or after.label)) or "nothing"
        return _error(finding, f"it no longer gives an answer to judge: {said}")
    return Replayed(finding, state, finding.after, after, failed, times, str(value.get("drifted", "")), message)


def _error(finding: Finding, message: str) -> Replayed:
    return Replayed(finding, "error", finding.after, None, message=message)
