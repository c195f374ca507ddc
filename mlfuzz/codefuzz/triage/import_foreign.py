"""Findings of other fuzzers: which of their files are inputs that failed, and a campaign of those that fail here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.triage.call_paths import PathTally, reference
from mlfuzz.codefuzz.triage.confirm import TIMES, Reproducer
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate, confirmed, former_keys, tried
from mlfuzz.codefuzz.triage.replay import unjudged
from mlfuzz.errors import MlfuzzError, StorageError, UsageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.record import files_of
from mlfuzz.findings.store import FindingStore

Maker = Literal["libFuzzer", "AFL", "ClusterFuzz", "unknown"]

_LIBFUZZER = re.compile(r"(crash|timeout|oom|leak|slow-unit|minimized-from)-[0-9a-f]{8,40}")
_AFL = re.compile(r"id[:_]\d{6},.*")
_CLUSTERFUZZ = re.compile(r"(clusterfuzz-testcase|fuzz-)(-minimized)?-?.*")
_NOTES = re.compile(r"(?i)(readme|license|notice|sources)(\.(txt|md|rst))?$|.*\.(md|json|log|stderr|stdout)$")
_PASSED = frozenset({"queue", ".state", ".synced", "corpus"})
"""AFL's folders of inputs that did not fail."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """An input of somebody else's, and who told so."""

    path: Path
    maker: Maker


def inputs(folder: Path) -> list[Foreign]:
    """The inputs below a folder, or a single file. Where none has a name that a fuzzer gives, all files are taken.

    Raises UsageError where there is nothing.
    """
    if folder.is_file():
        return [Foreign(folder, _maker(folder))]
    if not folder.is_dir():
        raise UsageError(f"{folder} is neither a file nor a folder")
    every = [Foreign(path, _maker(path)) for path in _files(folder)]
    named = [one for one in every if one.maker != "unknown"]
    if not every:
        raise UsageError(f"{folder} holds no inputs")
    return named or every


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        plain = path.is_file() and not path.is_symlink() and not path.name.startswith(".")
        if plain and not _NOTES.match(path.name) and not _PASSED & set(inside[:-1]):
            yield path


def _maker(path: Path) -> Maker:
    if _LIBFUZZER.fullmatch(path.name):
        return "libFuzzer"
    if _AFL.fullmatch(path.name):
        return "AFL"
    return "ClusterFuzz" if _CLUSTERFUZZ.fullmatch(path.name) else "unknown"


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
    inputs: Sequence[Foreign], run: Reproducer, store: FindingStore, origin: CodeOrigin,
    *, on_file: Callable[[Foreign, State, str], None] = lambda *_: None,
) -> Adopted:  # fmt: skip
    """Run each input alone; save what fails in a way that no finding of this harness in the store does."""
    known = {one.key: one.id for one in store.records() if one.target == origin.harness.name}
    adopted = Adopted()
    for one in inputs:
        state, reason, finding = _adopt(one, run, store, origin, known)
        adopted.files.append((one, state, reason))
        adopted.findings += [finding] if finding else []
        on_file(one, state, reason)
    return adopted


def _adopt(
    one: Foreign, run: Reproducer, store: FindingStore, origin: CodeOrigin, known: dict[str, str]
) -> tuple[State, str, Finding | None]:
    try:
        payload = _read(one)
        outcomes = run.reproduce(payload, times=TIMES)
    except MlfuzzError as error:
        return "unreadable", str(error), None
    failing = [outcome for outcome in outcomes if outcome.failed]
    if not failing and (reason := unjudged(outcomes, origin.harness.name, str(origin.harness.project.resolve()))):
        return "unreadable", reason, None
    if not failing:
        return "holds", outcomes[-1].kind, None
    first = failing[0]
    keys = {first.bucket, *former_keys(first, origin.harness.name)}
    if same := next((known[key] for key in known if key in keys), ""):
        _note(store, same, first, payload, origin.suffix)
        return "known", f"{first.kind} {first.type}", None
    finding, files = candidate(payload, first, origin, seed=one.path.name)
    finding = confirmed(finding, tried(outcomes, finding.key, finding.kind), payload)
    known[first.bucket] = finding.id
    if not store.save(finding, files):
        return "known", f"{first.kind} {first.type}", None
    return "new", f"{first.kind} {first.type}", finding


def _note(store: FindingStore, finding_id: str, outcome: Outcome, payload: bytes, suffix: str) -> None:
    """Keep by which way it has come to the place of a finding that is there."""
    finding = store.load(finding_id)
    held = {ref.sha256 for ref in files_of(finding)}
    if hashlib.sha256(payload).hexdigest() in held:  # the same file once more
        return
    tally = PathTally.of(finding)
    tally.note(outcome, payload)
    store.gather(
        finding_id, tally.evidence(), {reference(digest, suffix): data for digest, data in tally.files.items()}
    )


def _read(one: Foreign) -> bytes:
    try:
        if one.path.stat().st_size > LARGEST:
            raise StorageError(f"{one.path} is larger than {LARGEST >> 20} MiB")
        return one.path.read_bytes()
    except OSError as error:
        raise StorageError(f"{one.path} cannot be read: {error.strerror or error}") from error
