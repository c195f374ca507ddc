"""The frames a journal is made of: what makes a damaged one known, and where the next whole one begins.

MAGIC | kind u8 | body length u32 | CRC-32 of the body u32 | CRC-32 of the 13 bytes before u32 | body

The head has a checksum of its own, so that a reader may trust its length and skip a body it does not want. Both
checksums start from the segment's salt: a frame of another segment inside a payload is never taken for one of this.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import NamedTuple

MAGIC = b"mlJ\xf5"
"""Not valid UTF-8: no header and no text contains it."""

_FIRST = struct.Struct("<4sBII")
HEAD = struct.Struct("<4sBIII")
CHECKED_BYTES = _FIRST.size
HEAD_BYTES = HEAD.size
MAX_BODY_BYTES = 1 << 30


class Kind(IntEnum):
    """OPEN: the first of a segment, with the schema. CLOSE: the last. HEADER makes the PAYLOAD and VECTOR before it one
    record. A reader skips kinds it does not know."""

    OPEN = 1
    CLOSE = 2
    PAYLOAD = 3
    VECTOR = 4
    HEADER = 5


class Head(NamedTuple):
    """kind: a plain number, since a later version may have more of them. length, crc: of the body."""

    kind: int
    length: int
    crc: int


def salt(life: str, segment: int) -> int:
    """What the checksums of a segment start from: the names of its folder and file are part of the format."""
    return zlib.crc32(f"{life}/{segment:06d}".encode())


def head(kind: int, body: bytes, salt: int) -> bytes:
    """The bytes that go before `body`."""
    first = _FIRST.pack(MAGIC, kind, len(body), zlib.crc32(body, salt))
    return first + zlib.crc32(first, salt).to_bytes(4, "little")


def read_head(data: bytes, at: int, salt: int) -> Head | None:
    """The head at `at`, None where there is no undamaged one. data must have HEAD_BYTES from there."""
    magic, kind, length, crc, check = HEAD.unpack_from(data, at)
    if magic != MAGIC or zlib.crc32(data[at : at + CHECKED_BYTES], salt) != check:
        return None
    return Head(kind, length, crc)


def matches(body: bytes, head: Head, salt: int) -> bool:
    """Whether a frame's body is the undamaged one of its head. salt: the segment's."""
    return len(body) == head.length and zlib.crc32(body, salt) == head.crc


def next_head(data: bytes, start: int, salt: int) -> int:
    """Where the next undamaged head begins at or after `start`, -1 where there is none."""
    at = data.find(MAGIC, start)
    while at >= 0:
        if at + HEAD_BYTES <= len(data) and read_head(data, at, salt) is not None:
            return at
        at = data.find(MAGIC, at + 1)
    return -1
