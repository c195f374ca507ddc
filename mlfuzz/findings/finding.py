"""One failure, of a model or of the code around it, as a plain record."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from mlfuzz.decoding import json_as
from mlfuzz.errors import SchemaError
from mlfuzz.mutation import Chain

SCHEMA = "mlfuzz.finding/1"

SEVERITY_UNIT = "margins of a typical seed per whole range of change"
"""At a severity of 1 the answer moves as far as a typical seed is from failing, over one whole range of an operator."""

SEVERITY_SCALE = "of 5"
"""Of the code side, where severity says what the failure does to whoever calls the code."""

SHORT_ID = 10
"""Digits of an id that people are shown; commands take any beginning that is unambiguous."""

Verdict = Literal["candidate", "confirmed", "flaky"]
Triage = Literal["open", "fixed", "quarantined", "ignored"]


class FileRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file beside the record: its name (no directories) and the SHA-256 of its bytes."""

    file: str
    sha256: str


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one run of the target said: the label (or another short form of the output), its scores, the margin."""

    label: str = ""
    scores: dict[str, float] = {}
    margin: float | None = None
    text: str = ""


class Trimmed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least difference from the seed that still fails in the same way: see `campaign.trim`.

    changed, of: how many `what` ("pixels", "samples", "characters") differ from the seed, of how many it has.
    largest: change of a value, of full scale; None of texts. confirmed: "3/3" runs failed alone.
    """

    file: FileRef
    changed: int
    of: int
    what: str
    largest: float | None = None
    margin: float | None = None
    confirmed: str = ""

    @property
    def sentence(self) -> str:
        """ "fails with 14 of 784 pixels changed, by at most 0.31 of full scale"."""
        most = "" if self.largest is None else f", by at most {self.largest:.3g} of full scale"
        what = self.what if self.of != 1 else self.what.removesuffix("s")
        return f"fails with {self.changed} of {self.of:,} {what} changed{most}"


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One failure; kept as finding.json beside its input and its seed.

    id: hash of the first failing input, target name and oracle (`identify`); kept through shrinking and retraining.
    kind: "label", "nonfinite", "tolerance", ... for models; "exception", "crash", "exit", "hang", "memory" for both.
    target: its name; load: "module:attribute" that gives it, "" for a live object.
    modality: description from which the codec is rebuilt ({"name": "image", ...}); {} for plain bytes.
    oracle: {"name": ..., constructor arguments}.
    key: cheap provisional key; fault: what groups findings after shrinking ("" until then).
    margin: in `unit`. confirmed: "3/3" runs failed alone. severity: see SEVERITY_UNIT and `campaign.severity`.
    chain: from the seed to the stored input; first_chain: as found, before shrinking.
    trimmed: the least difference from the seed that still fails, where somebody asked for it.
    blobs: files that replace mutations in `chain` put in place, each named there by its SHA-256.
    """

    schema: str = msgspec.field(default_factory=lambda: SCHEMA)  # a plain default would be left out of the record
    id: str
    side: Literal["model", "code"]
    kind: str
    target: str
    load: str = ""
    modality: dict[str, Any] = {}
    oracle: dict[str, Any] = {}
    input: FileRef
    seed: FileRef | None = None
    seed_name: str = ""
    label: str | None = None
    chain: Chain = ()
    first_chain: Chain = ()
    blobs: tuple[FileRef, ...] = ()
    trimmed: Trimmed | None = None
    sentence: str = ""
    expected: str = ""
    observed: str = ""
    before: Run | None = None
    after: Run | None = None
    margin: float | None = None
    floor: float | None = None
    unit: str = ""
    key: str = ""
    fault: str = ""
    severity: float | None = None
    verdict: Verdict = "candidate"
    confirmed: str = ""
    shrunk: bool = False
    triage: Triage = "open"
    note: str = ""
    message: str = ""
    evidence: dict[str, Any] = {}
    environment: dict[str, str] = {}
    campaign: str = ""
    life: str = ""
    batch: int = 0
    created: str = ""


def identify(payload: bytes, target: str, oracle: str) -> str:
    """16 hex digits: stable under renaming of files and changes of source code."""
    digest = hashlib.sha256()
    for part in (hashlib.sha256(payload).digest(), target.encode(), oracle.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()[:16]


def dumps(finding: Finding) -> bytes:
    """Indented JSON with a newline at the end: diffs well in git. What JSON cannot hold is written as text."""
    try:
        encoded = msgspec.json.encode(finding, enc_hook=_plain)
    except UnicodeEncodeError:  # a target's message may hold half a surrogate pair
        encoded = msgspec.json.encode(printable(msgspec.to_builtins(finding, enc_hook=_plain)))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def loads(data: bytes, origin: str = "finding") -> Finding:
    """Raises SchemaError for another version, or a record that does not fit: with `origin` and the place in it."""
    try:
        schema = json_as(data, _Header).schema
        if schema != SCHEMA:
            raise SchemaError(
                f"{origin}: schema {schema!r}, this mlfuzz reads {SCHEMA!r}; use the mlfuzz that wrote it"
            )
        return json_as(data, Finding)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{origin}: {error}; the file was edited or is damaged") from error


class _Header(msgspec.Struct):
    schema: str = ""


def _plain(value: Any) -> Any:
    """Evidence comes from oracles and targets: numpy's numbers and arrays as numbers and lists, the rest as text."""
    plain = getattr(value, "tolist", None)
    return plain() if plain is not None else str(value)


def printable(value: Any) -> Any:
    """Builtins in which half a surrogate pair, which JSON cannot hold, is written out: "\\udcff"."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list | tuple) else value


def severity_unit(finding: Finding) -> str:
    """What a finding's severity is counted in, the same in every report."""
    return SEVERITY_SCALE if finding.side == "code" else SEVERITY_UNIT
