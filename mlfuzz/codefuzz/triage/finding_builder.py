"""From an outcome to a finding: the record that both sides share. Confirming and minimising change it, never its id."""

from __future__ import annotations

import hashlib
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from signal import Signals
from typing import Any

import msgspec

from mlfuzz.budget import in_words
from mlfuzz.codefuzz.failure import stack_parser
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.failure.sanitizer_report import ATTEMPT
from mlfuzz.codefuzz.failure.severity import severity, words
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.triage.call_paths import first_of
from mlfuzz.findings.finding import FileRef, Finding, Run, Verdict, identify
from mlfuzz.findings.fingerprint import RESOURCES

TAKEN = (frozenset({"hang", "slow"}), frozenset({"memory", "memory-error", "killed"}))
"""Kinds between which the machine decides: how quick it is, how much memory it has."""

LONGEST = 20_000
"""Characters of a traceback or of output that a record holds."""

EXPECTED = "an answer"

_MODULE = re.compile(r"\bmlfuzz_harness\.\w+\.(?=\w)")
"""A harness's module inside a type's name; once it was the module itself."""


@dataclass(frozen=True, slots=True)
class CodeOrigin:
    """Where a finding comes from. suffix: of its files. environment: versions, among them those of what is tested."""

    harness: Harness
    campaign: str = ""
    life: str = ""
    engine: str = ""
    lane: str = "plain"
    sandbox: tuple[str, ...] = ()
    suffix: str = ".bin"
    environment: Mapping[str, str] = field(default_factory=dict)


def candidate(
    payload: bytes, outcome: Outcome, origin: CodeOrigin, *, seed: str = ""
) -> tuple[Finding, dict[str, bytes]]:
    """A finding that waits to be confirmed, and its files. seed: the name of the seed that fails by itself."""
    name = origin.harness.name
    file = f"input{origin.suffix}"
    finding = Finding(
        id=identify(payload, name, outcome.kind), side="code", kind=outcome.kind, target=name,
        load=origin.harness.load, oracle={"name": outcome.kind}, input=FileRef(file, _sha256(payload)),
        seed_name=seed, expected=EXPECTED, observed=outcome.type or outcome.kind, message=outcome.message[:2000],
        key=outcome.bucket, fault=outcome.group, severity=severity(outcome), campaign=origin.campaign,
        life=origin.life, environment=dict(origin.environment), created=datetime.now(UTC).isoformat(timespec="seconds"),
        sentence=sentence_of(outcome, len(payload)),
        evidence={**_evidence(outcome, payload, origin), **first_of(outcome)},
    )  # fmt: skip
    return finding, {file: payload}


@dataclass(frozen=True, slots=True)
class RepeatedRun:
    """What running an input alone has shown: failed of times in the same way; the outcome to record."""

    failed: int
    times: int
    outcome: Outcome | None

    @property
    def confirmed(self) -> bool:
        return self.failed == self.times > 0


def tried(outcomes: Sequence[Outcome], bucket: str, kind: str) -> RepeatedRun:
    """Whether an input fails alone. One that fails each time, but otherwise than it was told, fails as it does alone:
    which input was running when the memory ran out, say, is known only now.
    """
    failing = [one for one in outcomes if one.failed]
    same = [one for one in failing if one.bucket == bucket or (kind in RESOURCES and one.kind in RESOURCES)]
    if same:
        return RepeatedRun(len(same), len(outcomes), _typical(same))
    if failing and len(failing) == len(outcomes) and len({one.bucket for one in failing}) == 1:
        return RepeatedRun(len(failing), len(outcomes), _typical(failing))
    return RepeatedRun(0, len(outcomes), None)


def former_keys(outcome: Outcome, harness: str) -> frozenset[str]:
    """Bucket and group as the runner told them that findings were imported and replayed with before there was one for
    all."""
    kind, keys = outcome.kind, {outcome.bucket, outcome.group}
    if kind == "overflow":
        keys = {f"crash{key.removeprefix(kind)}" for key in keys}
    elif kind in ("slow", "memory", "leak"):
        keys = {f"{kind}::{harness}"}
    elif outcome.type == "descriptors.closed":
        keys = {"os-exit:status 113"}
    elif outcome.type == "descriptors.written":
        keys = {"os-exit:descriptor"}
    elif kind == "os-exit":
        keys = {f"{kind}:{outcome.type}", *(f"{kind}:{outcome.type}{key.removeprefix(f'{kind}:')}" for key in keys)}
    elif kind == "sanitizer" and outcome.type in ("double-free", "bad-free"):
        keys = {key.replace(f":{outcome.type}:", f":{ATTEMPT}:", 1) for key in keys}
    elif kind == "crash" and outcome.signal:
        name = Signals(outcome.signal).name
        keys |= {f"{kind}:{name}", *(f"{kind}:{name}{key.removeprefix(f'{kind}:signal')}" for key in keys)}
    return frozenset(_MODULE.sub("mlfuzz_harness.", key) for key in keys)


def same_key(finding: Finding, outcome: Outcome) -> bool:
    """Whether an outcome has the key of a finding, as it is told now or was told before."""
    recorded = {finding.key, finding.fault}
    return not recorded.isdisjoint({outcome.bucket, outcome.group, *former_keys(outcome, finding.target)})


def as_recorded(finding: Finding, outcome: Outcome) -> bool:
    """Whether a failure is the finding's: by its key; by its type, wherever the code has gone since; or, of one that
    takes too much, by what it takes too much of.
    """
    kinds = {outcome.kind, "crash"} if outcome.kind == "overflow" else {outcome.kind}
    types = {outcome.type or outcome.kind, _MODULE.sub("mlfuzz_harness.", outcome.type)}
    types |= {Signals(outcome.signal).name} if outcome.signal else set()
    alike = finding.kind in kinds and finding.observed in types
    takes = any(finding.kind in taken and outcome.kind in taken for taken in TAKEN)
    return alike or takes or same_key(finding, outcome)


def confirmed(finding: Finding, trial: RepeatedRun, payload: bytes) -> Finding:
    """The finding with its verdict, and what was measured when it ran alone."""
    verdict: Verdict = "confirmed" if trial.confirmed else "flaky"
    hits = f"{trial.failed}/{trial.times}"
    outcome = trial.outcome
    if outcome is None:
        return msgspec.structs.replace(finding, verdict=verdict, confirmed=hits, after=Run(text="it did not fail"))
    changed = _measured(finding, outcome, payload)
    evidence = {**changed.evidence, "confirmed_in": "fresh process"}
    if outcome.bucket != finding.key:
        evidence["told_as"] = finding.key
    return msgspec.structs.replace(changed, verdict=verdict, confirmed=hits, evidence=evidence)


def minimised(finding: Finding, first: bytes, smaller: bytes, outcome: Outcome) -> tuple[Finding, dict[str, bytes]]:
    """The finding with a smaller input, and the new file. What was found first stays beside it, as its seed."""
    suffix = finding.input.file.rpartition(".")[2]
    file = f"minimised-{_sha256(smaller)[:8]}.{suffix}"
    original = finding.seed or finding.input
    changed = _measured(finding, outcome, smaller)
    size = finding.evidence.get("first_size", len(first))
    return msgspec.structs.replace(
        changed, input=FileRef(file, _sha256(smaller)), seed=original, shrunk=True,
        evidence={**changed.evidence, "first_size": size}, sentence=sentence_of(outcome, len(smaller), first=int(size)),
    ), {file: smaller}  # fmt: skip


def sentence_of(outcome: Outcome, size: int, *, first: int = 0) -> str:
    """ "PIL/Image.py:120:open; 26 bytes (found with 411); 3.2 s, 1,090 MiB": what stands for a chain of mutations."""
    parts = [outcome.frames[-1].removesuffix(":") if outcome.frames else "", f"{size:,} byte{'' if size == 1 else 's'}"]
    parts[1] += f" (found with {first:,})" if first > size else ""
    if outcome.kind in RESOURCES:
        spent = [in_words(outcome.seconds)] if math.isfinite(outcome.seconds) else []
        spent += [f"{outcome.mebibytes:,.0f} MiB"] if math.isfinite(outcome.mebibytes) else []
        parts.append(", ".join(spent))
    return "; ".join(part for part in parts if part)


def amplification(size: int, seconds: float, mebibytes: float) -> dict[str, float]:
    """Seconds and MiB per KiB of input; an input below 1 KiB counts as what it is."""
    kib = max(size, 1) / 1024
    spent = {"seconds_per_kib": seconds, "mebibytes_per_kib": mebibytes}
    return {name: round(value / kib, 3) for name, value in spent.items() if math.isfinite(value)}


def suffix_of(names: Sequence[str]) -> str:
    """The ending that most seeds have, for the files of findings; ".bin" where they have none."""
    endings = [name[name.rfind(".") :].lower() for name in names if "." in name[1:]]
    plain = [ending for ending in endings if ending[1:].isalnum() and len(ending) <= 6 and ending != ".json"]
    return statistics.mode(plain) if plain else ".bin"


def _measured(finding: Finding, outcome: Outcome, payload: bytes) -> Finding:
    """The record as this outcome has it. Its file and id stay."""
    evidence = {**finding.evidence, **_facts(outcome, payload)}
    return msgspec.structs.replace(
        finding, kind=outcome.kind, observed=outcome.type or outcome.kind, message=outcome.message[:2000],
        key=outcome.bucket, fault=outcome.group, severity=severity(outcome), evidence=evidence,
        after=Run(label=outcome.type or outcome.kind, text=outcome.message[:300]),
        sentence=sentence_of(outcome, len(payload), first=int(finding.evidence.get("first_size", 0))),
    )  # fmt: skip


def _evidence(outcome: Outcome, payload: bytes, origin: CodeOrigin) -> dict[str, Any]:
    where: dict[str, Any] = {"engine": origin.engine, "lane": origin.lane, "sandbox": list(origin.sandbox) or "none"}
    where |= {"shipped": True} if origin.harness.shipped else {}
    with suppress(OSError):
        where["harness_sha256"] = _sha256(origin.harness.path.read_bytes())
    return {**_facts(outcome, payload), **where, "first_size": len(payload)}


def _facts(outcome: Outcome, payload: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "type": outcome.type, "frames": list(outcome.frames), "causes": list(outcome.causes),
        "origin": outcome.origin, "escapes": outcome.escapes, "caught": words(outcome) if outcome.failed else "",
        "traceback": stack_parser.readable(outcome.traceback)[-LONGEST:],
        "bucket": outcome.bucket, "group": outcome.group,
        "size": len(payload), "output": outcome.output[-2000:], "signal": outcome.signal, "status": outcome.status,
        "sanitizer": dict(outcome.sanitizer), "refused": [one.text for one in outcome.refusals],
    }  # fmt: skip
    facts |= {
        name: round(value, 4)
        for name, value in (("seconds", outcome.seconds), ("mebibytes", outcome.mebibytes))
        if math.isfinite(value)
    }
    facts["amplification"] = amplification(len(payload), outcome.seconds, outcome.mebibytes)
    return {name: value for name, value in facts.items() if value not in ("", None, [], {}, 0) or name == "size"}


def _typical(outcomes: Sequence[Outcome]) -> Outcome:
    """The one in the middle by time, with the commonest bucket."""
    bucket = statistics.mode(one.bucket for one in outcomes)
    chosen = sorted((one for one in outcomes if one.bucket == bucket), key=lambda one: _finite(one.seconds))
    return chosen[len(chosen) // 2]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
