"""Findings as training data: what failed under its true label, with some faults held out to prove the cure general."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from mlfuzz.errors import UsageError
from mlfuzz.findings.bundle import require_empty
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import Fault, fault_of, group
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.storage.durable import make_folder, new_folder, write_atomic
from mlfuzz.storage.names import folder_name

PER_FAULT = 20
"""A model that sees one fault a thousand times learns that fault, not its task."""

HELD_OUT = 0.25
"""Share of the faults that training never sees."""

Choose: TypeAlias = Callable[[Sequence[Finding]], Sequence[int]]

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Dataset:
    """train, heldout: findings by part. faults: of each part, by key. left_out: findings that keep no label, or that
    are one too many of their fault."""

    train: tuple[LocatedFinding, ...]
    heldout: tuple[LocatedFinding, ...]
    faults: tuple[tuple[str, ...], tuple[str, ...]]
    left_out: int


def dataset(
    found: Sequence[LocatedFinding],
    *,
    per_fault: int = PER_FAULT,
    held_out: float = HELD_OUT,
    choose: Choose | None = None,
) -> Dataset:
    """Choose what to train on.

    Only confirmed findings whose label is known and kept by every operator: those of the oracle "label".
    per_fault: inputs of one fault, the most severe first. held_out: share of the faults, in [0, 1); which ones is a
    matter of their names alone, so that a later export holds out the same. choose: which of the findings to train on,
    by their places, the most worth first (`mlfuzz.selection`); None: all. Raises UsageError where nothing is left.
    """
    by_id = {one.finding.id: one for one in found if keeps_label(one.finding)}
    faults = group(one.finding for one in by_id.values())
    if not faults:
        raise UsageError(
            f"none of {len(found)} findings is training data: it takes confirmed ones of the oracle 'label'"
        )
    ranked = sorted(faults, key=lambda fault: hashlib.sha256(fault.key.encode()).digest())
    count = min(len(ranked) - 1, round(held_out * len(ranked)) or int(held_out > 0))
    apart, rest = ranked[:count], ranked[count:]
    train, heldout = (_first(part, by_id, per_fault) for part in (rest, apart))
    if choose is not None:
        train = tuple(train[at] for at in choose([one.finding for one in train]))
        if not train:
            raise UsageError("all findings to train on have lost their label, by the opinion on it: nothing is left")
    taught = {one.finding.fault or fault_of(one.finding) for one in train}
    keys = (
        tuple(sorted(fault.key for fault in rest if fault.key in taught)),
        tuple(sorted(fault.key for fault in apart)),
    )
    return Dataset(train, heldout, keys, len(found) - len(train) - len(heldout))


def write_dataset(data: Dataset, folder: Path) -> Path:
    """train/<label>/<id>.png, heldout/<label>/<id>.png and manifest.jsonl in a new or empty folder; the manifest.

    Each part is a folder of seeds as `mlfuzz fuzz --seeds` takes it. Raises UsageError, CorruptRecordError.
    """
    require_empty(folder)
    lines = []
    with new_folder(folder) as place:
        for part, found in (("train", data.train), ("heldout", data.heldout)):
            for rank, one in enumerate(found, start=1):
                label, suffix = folder_name(_label(one.finding)), Path(one.finding.input.file).suffix
                name = f"{part}/{label}/{one.finding.id}{suffix}"
                make_folder((place / name).parent)
                write_atomic(place / name, one.bytes_of(one.finding.input), sync=False)
                lines.append(msgspec.json.encode({**_row(one.finding, name, part), "rank": rank}))
        write_atomic(place / MANIFEST, b"\n".join(lines) + b"\n")
    return folder / MANIFEST


def keeps_label(finding: Finding) -> bool:
    """Whether its input still is what its label says: the label oracle judges no row that an operator relabelled."""
    return finding.oracle.get("name") == "label" and finding.verdict == "confirmed" and bool(_label(finding))


def _label(finding: Finding) -> str:
    """The seed's own label; what the model thought of an unlabelled seed is no truth to train on."""
    return finding.label or ""


def _first(faults: Iterable[Fault], by_id: dict[str, LocatedFinding], most: int) -> tuple[LocatedFinding, ...]:
    return tuple(by_id[one.id] for fault in faults for one in fault.members[:most])


def _row(finding: Finding, name: str, part: str) -> dict[str, object]:
    return {
        "file": name, "split": part, "label": _label(finding), "got": finding.observed, "id": finding.id,
        "fault": finding.fault, "target": finding.target, "seed": finding.seed_name,
        "operators": [mutation.name for mutation in finding.chain], "sha256": finding.input.sha256,
    }  # fmt: skip
