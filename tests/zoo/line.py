"""The whole line in this process, by the functions that the verbs call: check, fuzz, confirm, shrink, replay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlfuzz
from mlfuzz.campaign.confirm.replay import retry
from mlfuzz.campaign.minimize.pipeline import confirm_finding
from mlfuzz.corpus.seeds import SeedSet, load_seeds
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore, read
from mlfuzz.progress import Stats
from mlfuzz.targets.check import CheckLine, check

INPUTS = 600
BATCH = 16
SECONDS = 120.0
"""Never reached on a machine that works: the number of inputs ends a campaign here."""

TIMES = 3
RETRIED = 3
"""So many findings of a campaign are run again from their files; the others differ in their pictures."""

LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Walked:
    """What one target gave on its way. retried: (finding, what `retry` said of it), from files alone."""

    lines: list[CheckLine]
    seeds: SeedSet
    findings: list[Finding]
    stats: Stats | None
    retried: list[tuple[Finding, dict[str, Any]]]
    folder: Path

    @property
    def ready(self) -> bool:
        return not [line for line in self.lines if line.level == "fail"]

    @property
    def confirmed(self) -> list[Finding]:
        return [one for one in self.findings if one.verdict == "confirmed"]

    def said(self, part: str) -> bool:
        """Whether a line of the check has these words."""
        return any(part in line.text for line in self.lines)


def walk(target: Any, seeds: Path, folder: Path, *, inputs: int = INPUTS, batch: int = BATCH, **options: Any) -> Walked:
    """From `seeds` to findings run again from their files. Ends after the check where that says "fail".

    options: of `Campaign.open`. Raises AssertionError where a confirmed finding does not fail when run again.
    """
    usable = load_seeds(seeds, target.modality, labels=target.labels)
    payloads = [one.payload for one in usable.seeds]
    shape = getattr(payloads[0], "shape", None)
    alike = [one for one in usable.seeds if getattr(one.payload, "shape", None) == shape]
    lines = list(check(target, [one.payload for one in alike], [one.label for one in alike]))
    if [line for line in lines if line.level == "fail"]:
        return Walked(lines, usable, [], None, [], folder)
    with mlfuzz.Campaign.open(folder, target, seeds=seeds, batch=batch, **options) as campaign:
        result = campaign.run(mlfuzz.Budget(inputs=inputs, seconds=SECONDS), triage_here=False)
        store = campaign.findings
        for finding in list(store.records())[: 2 * RETRIED]:
            confirm_finding(campaign.target, store, finding, alone_in="calling process")
        found = list(store.records())
        retried = retried_of(campaign.target, store, [one for one in found if one.verdict == "confirmed"])
    for finding, said in retried:
        assert said["failed"] == TIMES, (finding.id, finding.sentence, said)
    return Walked(lines, usable, found, result.stats, retried, folder)


def retried_of(target: Any, store: FindingStore, findings: Sequence[Finding]) -> list[tuple[Finding, dict[str, Any]]]:
    """The first few, run again as `replay` does it: alone, from the files of the finding."""
    again = []
    for finding in findings[:RETRIED]:
        kept, files = read(store.folder(finding.id))
        again.append((finding, retry(target, kept, files, TIMES)))
    return again


def run(folder: Path, *arguments: str, module: str = "mlfuzz", **environment: str) -> subprocess.CompletedProcess[str]:
    """One real command in `folder`: `python -m mlfuzz ...`, or of another module ("pytest")."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, cwd=folder, timeout=LIMIT_SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_STATE_HOME": str(folder / "state"), **environment},
    )  # fmt: skip


def kept(walked: Walked, project: Path) -> int:
    """Its confirmed findings as regressions of `project`, for a pytest run there. Returns how many."""
    store = FindingStore(walked.folder / "findings")
    for finding in walked.confirmed:
        _, files = read(store.folder(finding.id))
        write_regression(project / "corpus" / "regressions" / "zoo", finding, files)
    return len(walked.confirmed)
