"""What a person has decided about a finding."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec

from mlfuzz.errors import UsageError, suggestion
from mlfuzz.findings.finding import Finding, Triage, dumps
from mlfuzz.findings.labels import PERSON, LabelOpinion, opinion_of, with_opinion
from mlfuzz.findings.record import RECORD, read_record
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.durable import write_atomic

STATES: tuple[Triage, ...] = typing.get_args(Triage)
REASONED = frozenset({"quarantined", "ignored"})
"""States that keep a failure from being seen: they need a reason."""


def set_triage(store: FindingStore, finding_id: str, state: str, note: str = "") -> Finding:
    """Set a campaign's finding to open, fixed, quarantined or ignored; the changed one. An empty note keeps the old.

    Raises UsageError for another state, or where a reason is due and none is there.
    """
    current = store.load(finding_id)
    return store.annotate(finding_id, triage=_state(state), note=_note(current, state, note))


def triage_record(record: Path, state: str, note: str = "") -> Finding:
    """The same for any record, a campaign's finding.json or a regression's <id>.json."""
    if record.name == RECORD:
        return set_triage(FindingStore(record.parent.parent), record.parent.name, state, note)
    current = read_record(record)
    changed = msgspec.structs.replace(current, triage=_state(state), note=_note(current, state, note))
    write_atomic(record, dumps(changed))
    return changed


def set_fault(record: Path, fault: str) -> Finding:
    """Put a finding under a fault of a person's naming: one name for several merges them, a new one splits.

    Raises UsageError for an empty name, CorruptRecordError, SchemaError.
    """
    if not fault.strip():
        raise UsageError("a fault needs a name")
    if record.name == RECORD:
        return FindingStore(record.parent.parent).annotate(record.parent.name, fault=fault.strip())
    changed = msgspec.structs.replace(read_record(record), fault=fault.strip())
    write_atomic(record, dumps(changed))
    return changed


LABELS = {"kept": (True, True), "lost": (False, True), "invalid": (False, False)}
"""What a person may say of a failing input: whether it kept its label, and whether it is a natural input at all."""


def set_label(record: Path, said: str) -> Finding:
    """Keep what a person has seen in an input: kept, lost or invalid; nothing else changes it afterwards.

    Raises UsageError for another word; CorruptRecordError, SchemaError.
    """
    if said not in LABELS:
        raise UsageError(f"{said!a} is nothing that can be said of a label{suggestion(said, LABELS)}")
    kept, valid = LABELS[said]
    folder = record.name == RECORD
    store = FindingStore(record.parent.parent)
    current = store.load(record.parent.name) if folder else read_record(record)
    before = opinion_of(current) or LabelOpinion()
    changed = with_opinion(current, msgspec.structs.replace(before, kept=kept, valid=valid, by=PERSON, sure=1.0))
    if folder:
        store.update(changed)
    else:
        write_atomic(record, dumps(changed))
    return changed


def _state(state: str) -> Triage:
    for known in STATES:
        if known == state:
            return known
    raise UsageError(f"{state!a} is no state of a finding{suggestion(state, STATES)}")


def _note(current: Finding, state: str, note: str) -> str:
    text = note.strip() or current.note
    if state in REASONED and not text:
        raise UsageError(f"say why finding {current.id[:8]} is {state}: --note REASON")
    return text
