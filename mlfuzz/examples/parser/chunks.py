"""Bodies of chunks. Three of the planted bugs are here, each marked."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence

from mlfuzz.examples.parser.format import FormatError

MAX_FILL = 1 << 27


def name(body: bytes) -> str:
    """T: the tensor's name, in UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise FormatError("the name is not UTF-8") from error


def notes(body: bytes) -> int:
    """N: how many notes there are. Each begins with its own length, that byte included."""
    count, at = 0, 0
    while at < len(body):
        at += body[at]  # planted: a note of length 0 never ends
        count += 1
    return count


def fill(body: bytes, *, room: int) -> Sequence[float]:
    """F: count (u32), value (f64): the same value many times; of these, as many as there is room for."""
    if len(body) != 12:
        raise FormatError("a fill chunk has 12 bytes")
    count, value = struct.unpack("<Id", body)
    if count > MAX_FILL:  # planted: a limit, but of 1 GiB; and all is made before it is cut
        raise FormatError(f"{count} values are too many")
    values: Sequence[float] = array("d", [value]) * count
    return values[:room]


def quantised(body: bytes) -> list[float]:
    """Q: levels (u8), lowest (i16), highest (i16), then one code (u8) a value."""
    if len(body) < 5:
        raise FormatError("a quantised chunk has at least 5 bytes")
    levels, lowest, highest = struct.unpack("<Bhh", body[:5])
    if not levels:
        raise FormatError("no levels")
    step = (highest - lowest) / (levels - 1)  # planted: one level leaves nothing to divide by
    return [lowest + step * min(code, levels - 1) for code in body[5:]]
