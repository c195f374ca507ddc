"""Findings of the code side run again, without atheris: one child a harness, which forks for each input."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.native import variants
from mlfuzz.codefuzz.plain_run import PlainRun, text_of
from mlfuzz.codefuzz.triage.finding_builder import RESOURCES
from mlfuzz.errors import ReplayError, UnknownNameError
from mlfuzz.findings.finding import Finding, Run
from mlfuzz.storage.workdir import CAMPAIGNS


@dataclass(frozen=True, slots=True)
class Again:
    """failed of times runs failed. now: what it does now. other: how it fails, where that is not as recorded.

    drifted: what has changed besides the code under test.
    """

    failed: int
    times: int
    now: Run
    other: str = ""
    drifted: str = ""

    @property
    def state(self) -> Literal["fixed", "fails", "flaky"]:
        return "fails" if self.failed == self.times else "flaky" if self.failed else "fixed"


class PlainReplay:
    """Keeps the process of each harness that has been asked for. A context manager.

    project: its folder. natives: where `build-native` has left its builds, for findings of a sanitizer's lane.
    """

    def __init__(self, project: Path, *, natives: Path | None = None) -> None:
        self.project, self.natives = project, natives
        self._runs: dict[tuple[str, str], PlainRun] = {}

    def prepare(self, finding: Finding, *, target: str = "") -> None:
        """Import its harness now. Raises ReplayError, TargetLoadError."""
        self._run_of(finding, target).start()

    def judge(self, finding: Finding, payload: bytes, *, times: int, target: str = "") -> Again:
        """Run the input `times` times, each in a fork of its own. target: another harness, by name or file.

        Raises ReplayError where its harness or lane is not here, TargetLoadError where it does not import.
        """
        run = self._run_of(finding, target)
        outcomes = run.reproduce(payload, times=times, kind=finding.kind)
        failing = [one for one in outcomes if one.failed]
        last = (failing or outcomes)[-1]
        scores = {"seconds": round(last.seconds, 4)} if last.seconds == last.seconds else {}
        now = Run(label=last.type if last.failed else last.kind, text=text_of(outcomes), scores=scores)
        told = "" if target else drifted(finding, run.harness.path)
        return Again(len(failing), len(outcomes), now, _other(finding, failing), told)

    def close(self) -> None:
        for run in self._runs.values():
            run.close()
        self._runs.clear()

    def __enter__(self) -> PlainReplay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run_of(self, finding: Finding, target: str) -> PlainRun:
        load = target or finding.load
        lane = str(finding.evidence.get("lane", "plain"))
        if (load, lane) not in self._runs:
            harness = _harness(load, finding, self.project)
            natives = self.natives or self.project / CAMPAIGNS / variants.NATIVE
            found = variants.lane(lane, natives, harness.declaration.instrument)
            self._runs[load, lane] = PlainRun(harness, lane=found)
        return self._runs[load, lane]


def drifted(finding: Finding, harness: Path) -> str:
    """A note where the harness is not the file that the finding was made with."""
    told = str(finding.evidence.get("harness_sha256", ""))
    try:
        same = not told or hashlib.sha256(harness.read_bytes()).hexdigest() == told
    except OSError:
        return ""
    return "" if same else "the harness has changed since"


def _harness(load: str, finding: Finding, project: Path) -> Harness:
    if not load:
        raise ReplayError(f"finding {finding.id[:10]} names no harness; say which: --target NAME")
    try:
        return discovery.find(load, project)
    except UnknownNameError as error:
        raise ReplayError(f"its harness {load.partition(':')[0]} is not here: {error}") from error


def _other(finding: Finding, failing: list[Outcome]) -> str:
    """How it fails now, where it is another failure than the one recorded."""
    strange = [
        one
        for one in failing
        if one.bucket != finding.key
        and one.group != finding.fault
        and not (one.kind in RESOURCES and finding.kind in RESOURCES)
        and (one.kind, one.type) != (finding.kind, finding.observed)
    ]
    return f"fails otherwise now: {text_of(strange)}" if strange and len(strange) == len(failing) else ""
