"""Inputs from elsewhere become findings: those that fail here, one of each bucket, into a campaign of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlfuzz.codefuzz.triage.confirm import TIMES, Reproducer
from mlfuzz.codefuzz.triage.crash_directories import Foreign
from mlfuzz.codefuzz.triage.finding_builder import Origin, candidate, confirmed, tried
from mlfuzz.errors import MlfuzzError, StorageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore

State = Literal["new", "known", "holds", "unreadable"]

LARGEST = 64 << 20


@dataclass(slots=True)
class Adopted:
    """What became of each file: (file, state, words). findings: the new ones."""

    files: list[tuple[Foreign, State, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def count(self, state: State) -> int:
        return sum(each == state for _, each, _ in self.files)


def adopt(
    inputs: Sequence[Foreign], run: Reproducer, store: FindingStore, origin: Origin,
    *, on_file: Callable[[Foreign, State, str], None] = lambda *_: None,
) -> Adopted:  # fmt: skip
    """Run each input alone; save what fails in a way that no finding of this harness in the store does."""
    known = {one.key for one in store.records() if one.target == origin.harness.name}
    adopted = Adopted()
    for one in inputs:
        state, said, finding = _adopt(one, run, store, origin, known)
        adopted.files.append((one, state, said))
        adopted.findings += [finding] if finding else []
        on_file(one, state, said)
    return adopted


def _adopt(
    one: Foreign, run: Reproducer, store: FindingStore, origin: Origin, known: set[str]
) -> tuple[State, str, Finding | None]:
    try:
        payload = _read(one)
        outcomes = run.reproduce(payload, times=TIMES)
    except MlfuzzError as error:
        return "unreadable", str(error), None
    failing = [outcome for outcome in outcomes if outcome.failed]
    if not failing:
        return "holds", outcomes[-1].kind, None
    first = failing[0]
    if first.bucket in known:
        return "known", f"{first.kind} {first.type}", None
    known.add(first.bucket)
    finding, files = candidate(payload, first, origin, seed=one.path.name)
    finding = confirmed(finding, tried(outcomes, finding.key, finding.kind), payload)
    if not store.save(finding, files):
        return "known", f"{first.kind} {first.type}", None
    return "new", f"{first.kind} {first.type}", finding


def _read(one: Foreign) -> bytes:
    try:
        if one.path.stat().st_size > LARGEST:
            raise StorageError(f"{one.path} is larger than {LARGEST >> 20} MiB")
        return one.path.read_bytes()
    except OSError as error:
        raise StorageError(f"{one.path} cannot be read: {error.strerror or error}") from error
