"""What is known of one harness while a campaign runs: its corpus, its failures, its figures."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.corpus.corpus_directory import LARGEST, WorkingCorpus, read
from mlfuzz.codefuzz.corpus.dictionary import MOST_LEARNED, learned, parse, written
from mlfuzz.codefuzz.engine.coverage_blindness import explanation
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.failure.sandbox_refusal import Deed, gather, sentence
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Prepared, Screened
from mlfuzz.codefuzz.triage.call_paths import PathTally, reference
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin
from mlfuzz.errors import BadInputError, CorruptRecordError, SchemaError, SeedError, TargetError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.durable import write_atomic


@dataclass(slots=True)
class HarnessState:
    """known: bucket -> the first finding of it; tallies: bucket -> the ways to it. words: that the engine has found
    useful, kept in `dictionary`. refused: what the sandbox did not let it do; barred: failures that came of that, and
    are none.

    executions, seconds, restarts, failures: of all lives and workers; edges, features: the most that one has seen.
    """

    harness: Harness
    corpus: WorkingCorpus
    origin: CodeOrigin
    dictionary: Path
    known: dict[str, str] = field(default_factory=dict)
    tallies: dict[str, PathTally] = field(default_factory=dict)
    words: list[bytes] = field(default_factory=list)
    prepared: Prepared | None = None
    screened: bool = False
    seeds: int = 0
    executions: int = 0
    edges: int = 0
    features: int = 0
    seconds: float = 0.0
    restarts: int = 0
    failures: int = 0
    slices: int = 0
    broken: str = ""
    refused: dict[Deed, list[str]] = field(default_factory=dict)
    barred: int = 0
    last_new: float = field(default_factory=time.monotonic)
    opening: threading.Lock = field(default_factory=threading.Lock)
    _seen: dict[int, FuzzProgress] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.harness.name

    @property
    def project(self) -> str:
        """Paths are told from there."""
        return str(self.harness.project.resolve())

    def begin(self, worker: int) -> None:
        """`worker` begins a turn: its figures start at nothing."""
        self._seen.pop(worker, None)

    def count(self, worker: int, now: FuzzProgress) -> None:
        """Take in the figures of a turn so far."""
        before = self._seen.get(worker)
        self._seen[worker] = now
        self.executions += now.executions - (before.executions if before else 0)
        self.seconds += now.fuzzing - (before.fuzzing if before else 0.0)
        self.restarts += now.restarts - (before.restarts if before else 0)
        self.failures += now.failures - (before.failures if before else 0)
        if now.edges > self.edges or now.features > self.features:
            self.last_new = time.monotonic()
        self.edges, self.features = max(self.edges, now.edges), max(self.features, now.features)

    def know(self, finding: Finding) -> None:
        """Take up a finding of earlier: its bucket is no news, and the ways to it go on being counted."""
        self.known.setdefault(finding.key, finding.id)
        self.tallies.setdefault(finding.key, PathTally.of(finding))

    def note(self, outcome: Outcome, payload: bytes) -> str:
        """Another failure of a known bucket. The key of its way where that is new, else ""."""
        return self.tallies.setdefault(outcome.bucket, PathTally()).note(outcome, payload)

    def write_tallies(self, store: FindingStore) -> None:
        """Put into the records what has been counted since. Raises StorageError."""
        for bucket, tally in self.tallies.items():
            finding_id = self.known.get(bucket, "")
            if not tally.changed or not finding_id or finding_id not in store:
                continue
            files = {reference(digest, self.origin.suffix): data for digest, data in tally.files.items()}
            with suppress(CorruptRecordError, SchemaError):  # which `status` tells
                store.gather(finding_id, tally.evidence(), files)
            tally.changed, tally.files = False, {}

    def bar(self, outcome: Outcome) -> str:
        """Take note of what the sandbox refused; a sentence where nothing of the kind had been wanted before."""
        self.barred += outcome.kind == "barred"
        fresh = gather(self.refused, outcome.refusals)
        return sentence({deed: self.refused[deed] for deed in fresh}, self.name, self.project) if fresh else ""

    def facts(self, entries: int) -> dict[str, Any]:
        """One row of a table of harnesses. entries: files in its corpus."""
        prepared = self.prepared
        return {
            "name": self.name, "executions": self.executions, "seconds": round(self.seconds, 2), "edges": self.edges,
            "features": self.features, "corpus": entries, "seeds": self.seeds, "failures": self.failures,
            "buckets": len(self.known), "restarts": self.restarts, "broken": self.broken,
            "refused": {deed: list(whats) for deed, whats in self.refused.items()}, "barred": self.barred,
            "project": self.project,
            "import_seconds": round(prepared.seconds, 3) if prepared else None,
            "blind": list(prepared.blind) if prepared else [],
        }  # fmt: skip

    def restore(self, facts: dict[str, Any]) -> None:
        """Counters that an earlier life left."""
        self.executions, self.seconds = int(facts.get("executions", 0)), float(facts.get("seconds", 0.0))
        self.failures, self.restarts = int(facts.get("failures", 0)), int(facts.get("restarts", 0))
        self.seeds = int(facts.get("seeds", 0))
        self.barred = int(facts.get("barred", 0))

    def remember(self, tell: Callable[[str], object]) -> None:
        """Take up the words of earlier lives. tell: gets a line where they cannot be read, which is as good as none."""
        if not os.path.lexists(self.dictionary):
            return
        try:
            self.words = parse(read(self.dictionary, most=LARGEST))[0][:MOST_LEARNED]
        except BadInputError as error:
            tell(f"{self.dictionary}: {error.reason}; its words are learnt anew")

    def learn(self, words: Sequence[bytes]) -> None:
        """Keep words that the engine has found useful. Raises StorageError."""
        kept = learned(words, self.words)
        if kept != self.words:
            self.words = kept
            write_atomic(self.dictionary, written(kept), sync=False)


def require_usable(name: str, screened: Screened) -> None:
    """Raises SeedError where no seed runs through and all fail alike: then it is the harness that is broken."""
    if screened.usable or not screened.failing:
        return
    buckets = {outcome.bucket for _, outcome in screened.failing}
    if len(buckets) > 1 and len(screened.failing) > 2:
        return
    count, outcome = len(screened.failing), screened.failing[0][1]
    where = f" at {outcome.frames[-1]}" if outcome.frames else ""
    raise SeedError(
        f"harness {name} fails on {'its only seed' if count == 1 else f'every one of its {count} seeds'}: "
        f"{outcome.kind} {outcome.type}: {outcome.message[:200]}{where}; "
        "mend it, say what is documented (allowed), or give other seeds"
    )


def require_coverage(state: HarnessState, progress: FuzzProgress, *, executions: int) -> None:
    """Raises TargetError where a harness that is not declared blind reaches nothing that is measured."""
    declaration = state.harness.declaration
    if declaration.blind or (not progress.unseen and max(progress.edges, state.edges) > 1):
        return
    if progress.executions < executions or not progress.measured:
        return
    raise TargetError(
        f"harness {state.name} gives no coverage: {progress.executions:,} inputs reached nothing instrumented but "
        f"its own file ({progress.edges} edges); {explanation(declaration, state.prepared, progress.unseen)}"
    )


def corpus_folder(working: Path) -> WorkingCorpus:
    return WorkingCorpus(working).make()
