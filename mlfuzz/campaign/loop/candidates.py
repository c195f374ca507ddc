"""From failing rows to candidate findings: grouped by a cheap key, capped, and written at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Batch
from mlfuzz.campaign.evidence import RUNS, TYPICAL, named, run_of, shown_by
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.errors import ReplayError, StorageError
from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.findings.fingerprint import CHANGE
from mlfuzz.findings.store import FindingStore
from mlfuzz.mutation import Chain, blobs_of, sentence
from mlfuzz.observation import Crash
from mlfuzz.oracles.base import Oracle
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.targets.base import Target
from mlfuzz.targets.execute import Execution

PER_OPERATOR = 1
"""Of the inputs kept under one key, so many come from one operator: the faults behind a key differ by operator."""


@dataclass(slots=True)
class Origin:
    """Where findings of this process come from; written into each. plain: see `targets.plain`."""

    campaign: str
    life: str
    load: str
    linf: float | None
    environment: Mapping[str, str]
    units: Mapping[str, Mapping[str, str]]
    plain: Mapping[str, str] = field(default_factory=dict)


class Chains(Protocol):
    """The corpus, as far as it is needed here."""

    def chain(self, row: int) -> Chain: ...


@dataclass(slots=True)
class Candidates:
    """Counts failing rows by key, and saves the first few inputs of each.

    rows: (oracle number, key) -> failing rows seen. saved: findings written in this life.
    typical: of each oracle the margin by which a typical seed does not fail, for the severity; () where not measured.
    """

    target: Target
    oracles: tuple[Oracle, ...]
    floors: tuple[float, ...]
    store: FindingStore
    corpus: Chains
    seeds: Seeds
    origin: Origin
    cap: int = 20
    typical: tuple[float, ...] = ()
    rows: dict[tuple[int, int], int] = field(default_factory=dict)
    names: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    crash_rows: dict[str, int] = field(default_factory=dict)
    saved: int = 0
    batches: int = 0
    _kept: dict[tuple[Any, ...], int] = field(default_factory=dict)
    _full: dict[tuple[Any, ...], set[int]] = field(default_factory=dict)

    def consider(
        self, batch: Batch, execution: Execution, margins: NDArray[np.float32], keys: NDArray[np.int64]
    ) -> None:
        """Count every failing row; save rows of keys, and of operators under them, that have room left.

        margins, keys: (ran, oracles). A margin below the oracle's floor is counted, and never saved.
        """
        assert execution.seen is not None
        found: list[tuple[Finding, dict[str, bytes]]] = []
        operators = operators_of(batch)[execution.ran]
        for number, oracle in enumerate(self.oracles):
            failing = np.flatnonzero(margins[:, number] > 0)
            solid = (margins[failing, number] > self.floors[number]).tolist()
            made_by = operators[failing].tolist()
            for key, places in _by_key(keys[failing, number]):
                name = (number, key)
                self.rows[name] = self.rows.get(name, 0) + len(places)
                if self._kept.get(name, 0) >= self.cap:
                    continue
                full = self._full.setdefault(name, set())
                for at in places:
                    if solid[at] and made_by[at] not in full and self._take(name, made_by[at]):
                        row = int(failing[at])
                        margin = float(margins[row, number])
                        found.append(self._finding(oracle, number, batch, execution, row, margin, key))
        self._save(found)

    def know(self, finding: Finding) -> None:
        """A finding saved in an earlier life takes its room under the cap."""
        oracles = [oracle.name for oracle in self.oracles]
        name, _, key = finding.key.rpartition("|")
        known: tuple[Any, ...] = (oracles.index(name), int(key)) if name in oracles else (finding.key,)
        operator = hash_name(finding.first_chain[-1].name) if finding.first_chain else -1
        self._take(known, operator)
        if name in oracles:
            self.names.setdefault((oracles.index(name), int(key)), (finding.expected, finding.observed))

    def crashes(self, batch: Batch, execution: Execution) -> None:
        """Exceptions of single rows."""
        found = []
        operators = operators_of(batch)
        for row, crash in execution.crashes:
            self.crash_rows[crash.key] = self.crash_rows.get(crash.key, 0) + 1
            if self._take((crash.key,), operators[row]):
                found.append(self.crash_finding(batch, row, crash))
        self._save(found)

    def crash_finding(self, batch: Batch, row: int, crash: Crash) -> tuple[Finding, dict[str, bytes]]:
        """A finding, with its files, of one row that raised, died or hung."""
        oracle = crash.kind
        return self._record(
            batch, row, oracle=oracle, kind=crash.kind, description={}, key=crash.key,
            expected="an answer", observed=crash.type, message=crash.message,
            evidence={"traceback": crash.traceback, "frames": list(crash.frames), **dict(crash.details)},
        )  # fmt: skip

    def _take(self, name: tuple[Any, ...], operator: int) -> bool:
        under = (*name, "operator", operator)
        if self._kept.get(name, 0) >= self.cap or self._kept.get(under, 0) >= PER_OPERATOR:
            self._full.setdefault(name, set()).add(operator)
            return False
        self._kept[name] = self._kept.get(name, 0) + 1
        self._kept[under] = self._kept.get(under, 0) + 1
        return True

    def _finding(
        self, oracle: Oracle, number: int, batch: Batch, execution: Execution, at: int, margin: float, key: int
    ) -> tuple[Finding, dict[str, bytes]]:
        assert execution.seen is not None
        row = int(execution.ran[at])
        seed = np.asarray([batch.seeds[row]], np.int64)
        seen, reference = execution.seen.take(np.asarray([at])), self.seeds.of(seed)
        details = oracle.explain(seen, reference, batch.take(np.asarray([row])), 0)
        expected, observed = (named(details.pop(which, ""), self.target.labels) for which in ("expected", "observed"))
        change = details.get(CHANGE)
        self.names.setdefault((number, key), ("", str(change)) if change else (expected, observed))
        return self._record(
            batch, row, oracle=oracle.name, kind=oracle.name, description={"name": oracle.name, **oracle.describe()},
            key=f"{oracle.name}|{key}", expected=expected, observed=observed, message="", margin=margin,
            floor=self.floors[number], unit=oracle.unit, before=run_of(reference, self.target),
            after=run_of(seen, self.target, margin, output=shown_by(oracle)),
            evidence={name: value for name, value in details.items() if name not in RUNS} | self._scale(number),
        )  # fmt: skip

    def _record(
        self, batch: Batch, row: int, *, oracle: str, kind: str, description: dict[str, Any], key: str, **what: Any
    ) -> tuple[Finding, dict[str, bytes]]:
        modality = self.target.modality
        seed = int(batch.seeds[row])
        chain = self.corpus.chain(int(batch.parents[row])) + batch.mutations(row)
        data = modality.encode(batch.rows.payload(row))
        seed_data = self.seeds.files[seed]
        files = {f"input{modality.suffix}": data, f"seed{modality.suffix}": seed_data}
        files |= {f"blob-{digest[:8]}{modality.suffix}": data for digest, data in _contents(chain)}
        references = [FileRef(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
        if self.origin.linf is not None:
            what["evidence"] = {**what["evidence"], "linf": self.origin.linf}
        if self.origin.plain:
            what["evidence"] = {**what["evidence"], "repro": dict(self.origin.plain)}
        finding = Finding(
            id=identify(data, self.target.name, oracle), side="model", kind=kind, target=self.target.name,
            load=self.origin.load, modality={"name": modality.name, **modality.describe()}, oracle=description,
            input=references[0], seed=references[1], seed_name=self.seeds.names[seed],
            label=self.seeds.label_names[seed], chain=chain, first_chain=chain,
            blobs=tuple(references[2:]), sentence=sentence(chain, self.origin.units), key=key,
            environment=dict(self.origin.environment),
            campaign=self.origin.campaign, life=self.origin.life, batch=self.batches,
            created=datetime.now(UTC).isoformat(timespec="seconds"), **what,
        )  # fmt: skip
        return finding, files

    def _scale(self, number: int) -> dict[str, float]:
        typical = self.typical[number] if number < len(self.typical) else 0.0
        return {TYPICAL: float(f"{typical:.6g}")} if typical > 0 else {}

    def _save(self, found: Sequence[tuple[Finding, dict[str, bytes]]]) -> None:
        if found:
            self.saved += self.store.save_many(found, sync=False)


def _contents(chain: Chain) -> Iterator[tuple[str, bytes]]:
    """What its replace mutations put in place. What is lost is left out: the finding still has its input."""
    for digest in blobs_of(chain):
        with suppress(ReplayError, StorageError):
            yield digest, CONTENTS.get(digest)


def operators_of(batch: Batch) -> NDArray[np.int64]:
    """A number for the last operator of each row (B,); -1 for unmutated rows."""
    operators = np.full(len(batch), -1, np.int64)
    for step in batch.steps:
        operators[step.start : step.stop] = hash_name(step.name)
    return operators


@cache
def hash_name(name: str) -> int:
    """A stable number of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _by_key(keys: NDArray[np.int64]) -> Iterator[tuple[int, list[int]]]:
    """Each key, ascending, with the positions that hold it."""
    if not len(keys):
        return
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    edges = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(keys)]
    values, places = ordered[edges[:-1]].tolist(), order.tolist()
    for value, start, stop in zip(values, edges[:-1], edges[1:], strict=True):
        yield value, places[start:stop]
