"""What the journal says of one input that was kept."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import msgspec

from mlfuzz.decoding import require_shallow
from mlfuzz.mutation import Chain

T = TypeVar("T")

Identity: TypeAlias = tuple[str, int]
"""(life, sequence): the same for every process that reads the journals; row numbers are not."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="entry", tag_field="record"):
    """An input that ran, did not fail, and gained coverage or came nearer to failing.

    life, sequence: its identity, and blob: set by `Corpus.add`. parent: None for a seed. seed: its seed's number.
    name, label, truth: of a seed. chain: all of it, from the seed. gain: coverage when it was kept.
    margins: each oracle's, None where it did not judge. loads: distance from the seed, in units of the limits.
    invariant: whether every operator since the seed keeps the label. calibration: what its vector was measured under.
    batch: its number in the life. seconds: of the campaign, when it was kept.
    """

    life: str = ""
    sequence: int = -1
    parent: Identity | None = None
    seed: int = 0
    name: str = ""
    label: str | None = None
    truth: str = ""
    chain: Chain = ()
    gain: float = 0.0
    margins: list[float | None] = []
    loads: list[float] = []
    invariant: bool = True
    calibration: str = ""
    batch: int = 0
    seconds: float = 0.0
    blob: str = ""

    @property
    def identity(self) -> Identity:
        """What it is called on disk."""
        return self.life, self.sequence


class EntryMeasure(msgspec.Struct, frozen=True, kw_only=True, tag="measure", tag_field="record"):
    """An entry measured again under another calibration; its vector follows in the same record."""

    life: str
    sequence: int
    gain: float
    calibration: str


class EntryRow(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="entry", tag_field="record"):
    """An entry without what is only read when it is picked (the chain is most of its bytes)."""

    life: str
    sequence: int
    parent: Identity | None = None
    seed: int = 0
    gain: float = 0.0
    margins: list[float | None] = []
    loads: list[float] = []
    invariant: bool = True
    calibration: str = ""


_ENTRY = msgspec.json.Decoder(Entry)
_RECORD: msgspec.json.Decoder[EntryRow | EntryMeasure] = msgspec.json.Decoder(EntryRow | EntryMeasure)
_ENCODER = msgspec.json.Encoder()


def dumps(record: Entry | EntryMeasure) -> bytes:
    """As the header of a journal's record."""
    return _ENCODER.encode(record)


def loads(header: bytes) -> Entry:
    """Raises msgspec.DecodeError."""
    return _checked(_ENTRY, header)


def glance(header: bytes) -> EntryRow | EntryMeasure:
    """What is needed of a header to open a corpus. Raises msgspec.DecodeError."""
    return _checked(_RECORD, header)


def _checked(decoder: msgspec.json.Decoder[T], header: bytes) -> T:
    require_shallow(header)
    try:
        return decoder.decode(header)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"no UTF-8: {error}") from error
