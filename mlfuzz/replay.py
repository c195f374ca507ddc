"""Run findings again from their files alone: is it fixed, does it still fail?

A torch-free front: a probe, a process of its own, loads the target and runs each input alone; what would take a process
down (a crash, an exit, a hang) takes only a child of the probe.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlfuzz.campaign.helm import ProbeProcess
from mlfuzz.campaign.probe import Reply, Request
from mlfuzz.findings.finding import Finding, Run
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


def _one(
    probe: ProbeProcess, case: Case, directory: Path, target: str, times: int, device: str, plugins: Sequence[str]
) -> Replayed:
    finding = case.finding
    load = target or finding.load
    if not load:
        return _error(finding, "its target was a live object; name one with --target module:attribute")
    request = Request(
        op="replay", path=str(case.path.resolve()), target=load, directory=str(directory.resolve()), device=device,
        times=times, plugins=list(plugins),
    )  # fmt: skip
    was_alive = probe.alive
    probe.ask(request)
    deadline = time.monotonic() + RUN_SECONDS + (0.0 if was_alive else LOAD_SECONDS)
    reply: Reply | None = None
    while reply is None and probe.alive and time.monotonic() < deadline:
        reply = probe.reply(wait=0.5)
    if reply is None:
        said = "no answer in time" if probe.alive else "the process that ran it died"
        probe.kill()
        return _error(finding, said)
    if reply.error:
        return _error(finding, reply.error)
    return _judged(finding, reply.value)


def _judged(finding: Finding, value: dict[str, Any]) -> Replayed:
    failed, times = int(value["failed"]), int(value["times"])
    state: State = "fails" if failed == times else "fixed" if failed == 0 else "flaky"
    after = msgspec.convert(value["after"], Run) if value.get("after") else None
    message = str(value.get("other", ""))
    if state == "fixed" and message:
        return _error(finding, f"it no longer gives an answer to judge: {message}")
    return Replayed(finding, state, finding.after, after, failed, times, str(value.get("drifted", "")), message)


def _error(finding: Finding, message: str) -> Replayed:
    return Replayed(finding, "error", finding.after, None, message=message)
