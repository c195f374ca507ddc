"""A candidate becomes confirmed or flaky, and small: run alone three times, then minimised within its own bucket."""

from __future__ import annotations

from typing import Protocol

import msgspec

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.triage.finding_builder import confirmed, minimised, tried
from mlfuzz.codefuzz.triage.replay import unjudged
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import ReplayError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore

TIMES = 3

PROVIDER = b"FuzzedDataProvider"


class Reproducer(Protocol):
    """What runs one input alone: a session."""

    def reproduce(self, payload: bytes, *, times: int = 3, kind: str = "") -> list[Outcome]: ...


class Minimiser(Reproducer, Protocol):
    def minimise(self, payload: bytes, bucket: str, *, seconds: float) -> bytes: ...


def confirm(store: FindingStore, finding: Finding, session: Minimiser, *, seconds: float) -> Finding:
    """Confirm and minimise a stored candidate, each step stored as soon as it is known; the finding as it is then.

    Raises ReplayError where the sandbox leaves no verdict.
    """
    payload = store.bytes_of(finding, finding.input)
    outcomes = session.reproduce(payload, times=TIMES, kind=finding.kind)
    if not any(one.failed for one in outcomes) and (reason := unjudged(outcomes, finding.target, "")):
        raise ReplayError(reason)
    trial = tried(outcomes, finding.key, finding.kind)
    changed = confirmed(finding, trial, payload)
    store.update(changed)
    if not trial.confirmed or seconds <= 0:
        return changed
    return shrink(store, changed, session, seconds=seconds)


def shrink(store: FindingStore, finding: Finding, session: Minimiser, *, seconds: float) -> Finding:
    """Look for a smaller input with the same bucket; the finding as it is then, marked as shrunk even where there is
    none. A smaller one is kept only where it fails alone in the same way."""
    payload = store.bytes_of(finding, finding.input)
    smaller = session.minimise(payload, finding.key, seconds=seconds)
    changed = msgspec.structs.replace(finding, shrunk=True)
    files: dict[str, bytes] = {}
    if len(smaller) <= len(payload) and smaller != payload:
        (outcome,) = session.reproduce(smaller, times=1, kind=finding.kind)
        if outcome.failed and outcome.bucket == finding.key:
            changed, files = minimised(finding, payload, smaller, outcome)
    store.update(changed, files)
    return changed


def explain(store: FindingStore, finding: Finding, harness: Harness) -> Finding:
    """Add what a FuzzedDataProvider made of the input, where the harness uses one: run once more, without atheris."""
    try:
        source = harness.path.read_bytes()
    except OSError:
        return finding
    if PROVIDER not in source or finding.verdict != "confirmed" or finding.evidence.get("refused"):
        return finding  # what the sandbox refuses is not done behind its back
    with replay_session(harness) as session:
        values = session.consumed(store.bytes_of(finding, finding.input))
    changed = msgspec.structs.replace(finding, evidence={**finding.evidence, "consumed": [list(one) for one in values]})
    store.update(changed)
    return changed
