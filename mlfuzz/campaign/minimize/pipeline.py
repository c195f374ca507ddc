"""Confirm a candidate, shrink it, and name its fault: the same steps in a probe and in the calling process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import msgspec

from mlfuzz.campaign.confirm.complexity import dominant
from mlfuzz.campaign.confirm.confirm import TIMES, confirm, with_verdict
from mlfuzz.campaign.confirm.severity import severity_of
from mlfuzz.campaign.minimize.shrink import ShrinkResult, shrink
from mlfuzz.campaign.minimize.trim import trim
from mlfuzz.findings.finding import FileRef, Finding, Trimmed
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.findings.store import FindingStore
from mlfuzz.findings.weakness import SHIFT
from mlfuzz.modality.base import Payload, rebuild
from mlfuzz.mutation import blobs_of, sentence
from mlfuzz.mutators.base import units
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.targets.given import GivenTarget
from mlfuzz.triage_queue import SHRINK_SECONDS


def confirm_finding(target: GivenTarget, store: FindingStore, finding: Finding, *, alone_in: str) -> Finding:
    """Its verdict, stored. Raises ReplayError, CorruptRecordError."""
    payload, seed = payloads(store, finding)
    confirmed = with_verdict(finding, confirm(target, finding, payload, seed), alone_in=alone_in)
    confirmed = msgspec.structs.replace(
        confirmed, fault=fault_of(confirmed, dominant(confirmed.chain)), severity=severity_of(confirmed, payload, seed)
    )
    store.update(confirmed)
    store.sync(confirmed.id)
    return confirmed


def shrink_finding(
    target: GivenTarget, store: FindingStore, finding: Finding, *, seconds: float = SHRINK_SECONDS
) -> Finding:
    """The finding with the simplest chain found, stored; as it was where nothing simpler fails."""
    payload, seed = payloads(store, finding)
    result = None if seed is None else shrink(target, finding, seed, seconds=seconds)
    if result is None:
        evidence = {**finding.evidence, "shrink": "the recorded chain alone does not fail from the stored seed"}
        unshrunk = msgspec.structs.replace(finding, evidence=evidence)
        store.update(unshrunk)
        return unshrunk
    return _stored(target, store, finding, result, seed, payload)


def trim_finding(
    target: GivenTarget, store: FindingStore, finding: Finding, *, seconds: float = SHRINK_SECONDS
) -> Finding:
    """The finding with the least difference from its seed that still fails, stored beside its input.

    As it was where it has no seed, its input is of another length, or nothing between the two fails alone.
    """
    payload, seed = payloads(store, finding)
    cut = None if seed is None else trim(target, finding, payload, seed, seconds=seconds)
    if cut is None:
        return finding
    data = target.modality.encode(cut.payload)
    ref = FileRef(
        f"{finding.id}.trimmed-{hashlib.sha256(data).hexdigest()[:8]}{target.modality.suffix}",
        hashlib.sha256(data).hexdigest(),
    )
    trimmed = msgspec.structs.replace(
        finding, trimmed=Trimmed(ref, cut.changed, cut.of, cut.what, cut.largest, cut.margin, f"{TIMES}/{TIMES}")
    )
    store.update(trimmed, {ref.file: data})
    return trimmed


def confirm_and_shrink(
    target: GivenTarget, store: FindingStore, finding: Finding, *, alone_in: str, until: float,
    checked: Callable[[Finding], Finding] = lambda finding: finding,
) -> Finding:  # fmt: skip
    """Confirm, then shrink where it is confirmed and time is left.

    checked: what else is said of its input, and stored; asked after each of the two, since either may be the last.
    """
    finding = checked(confirm_finding(target, store, finding, alone_in=alone_in))
    if finding.verdict == "confirmed" and time.monotonic() < until:
        left = until - time.monotonic()
        finding = checked(shrink_finding(target, store, finding, seconds=min(SHRINK_SECONDS, left)))
    return finding


def payloads(store: FindingStore, finding: Finding) -> tuple[Payload, Payload | None]:
    """Input and seed, decoded from the stored files. Raises CorruptRecordError, BadInputError."""
    modality = rebuild(finding.modality)
    suffix = modality.suffix
    CONTENTS.put_all(store.bytes_of(finding, ref) for ref in finding.blobs)
    seed = None if finding.seed is None else modality.decode(store.bytes_of(finding, finding.seed), suffix=suffix)
    return modality.decode(store.bytes_of(finding, finding.input), suffix=suffix), seed


def _stored(
    target: GivenTarget,
    store: FindingStore,
    finding: Finding,
    result: ShrinkResult,
    seed: Payload | None,
    payload: Payload,
) -> Finding:
    modality = target.modality
    data = modality.encode(result.payload)
    name = f"input-{hashlib.sha256(data).hexdigest()[:8]}{modality.suffix}"
    shrunk = msgspec.structs.replace(
        finding,
        chain=result.chain,
        blobs=tuple(ref for ref in finding.blobs if ref.sha256 in blobs_of(result.chain)),
        sentence=sentence(result.chain, units()),
        input=FileRef(name, hashlib.sha256(data).hexdigest()),
        margin=finding.margin if result.margin is None else result.margin,
        shrunk=True,
        evidence={**finding.evidence, "shrink_tried": result.tried, "steps_before": len(finding.first_chain)},
    )
    again = confirm(target, shrunk, modality.decode(data, suffix=modality.suffix), seed)
    if not again.confirmed:
        return finding
    shrunk = msgspec.structs.replace(
        shrunk, after=again.after, before=again.before, confirmed=f"{again.failed}/{again.times}",
        fault=fault_of(shrunk, result.dominant), evidence={**shrunk.evidence, **again.details, SHIFT: again.shift},
        **again.words,
    )  # fmt: skip
    shrunk = msgspec.structs.replace(shrunk, severity=severity_of(shrunk, result.payload, seed))
    store.update(shrunk, {name: data})
    return shrunk
