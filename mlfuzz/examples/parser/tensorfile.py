"""The file: a header, then chunks until an end chunk.

    header   "TNSR", version 1, rank (u8, at most 4), rank dimensions (u16) of at most 4096 values
    chunk    tag (one letter), length of the body (u16), body; all numbers little-endian

Tags: T name, N notes, F fill, Q quantised values, B buffer, V view of a buffer, E end.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

from mlfuzz.examples.parser import chunks
from mlfuzz.examples.parser.format import FormatError
from mlfuzz.examples.parser.slots import Slots

MAGIC = b"TNSR"
VERSION = 1
MAX_RANK = 4
MAX_VALUES = 4096


@dataclass(slots=True)
class Tensor:
    """What a file holds: dims, and at most prod(dims) values. notes: how many there were."""

    dims: tuple[int, ...]
    name: str = ""
    notes: int = 0
    values: list[float] = field(default_factory=list)


def parse(data: bytes) -> Tensor:
    """The tensor of a file. Raises FormatError (a ValueError) where it is malformed."""
    dims, at = _header(data)
    tensor, slots = Tensor(dims), Slots()
    while True:
        tag, body, at = _chunk(data, at)
        if tag == b"E":
            break
        _take(tensor, slots, tag, body)
    if len(tensor.values) > math.prod(dims):
        raise FormatError(f"{len(tensor.values)} values do not go into {dims}")
    return tensor


def _take(tensor: Tensor, slots: Slots, tag: bytes, body: bytes) -> None:
    if tag == b"T":
        tensor.name = chunks.name(body)
    elif tag == b"N":
        tensor.notes += chunks.notes(body)
    elif tag == b"F":
        tensor.values.extend(chunks.fill(body, room=math.prod(tensor.dims)))
    elif tag == b"Q":
        tensor.values.extend(chunks.quantised(body))
    elif tag == b"B":
        slots.fill(body)
    elif tag == b"V":
        tensor.values.extend(slots.view(body))
    else:
        raise FormatError(f"unknown chunk {tag!r}")


def _header(data: bytes) -> tuple[tuple[int, ...], int]:
    if data[:4] != MAGIC:
        raise FormatError("not a tensor file")
    if len(data) < 6 or data[4] != VERSION:
        raise FormatError("unknown version")
    rank = data[5]
    end = 6 + 2 * rank
    if rank > MAX_RANK or len(data) < end:
        raise FormatError(f"rank {rank} in {len(data)} bytes")
    dims = struct.unpack(f"<{rank}H", data[6:end])
    if math.prod(dims) > MAX_VALUES:
        raise FormatError(f"{dims} is too large")
    return dims, end


def _chunk(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    if len(data) < at + 3:
        raise FormatError("the end chunk is missing")
    tag = data[at : at + 1]
    start = at + 3
    end = start + int.from_bytes(data[at + 1 : start], "little")
    if len(data) < end:
        raise FormatError("a chunk is cut off")
    return tag, data[start:end], end
