"""Tag, length, value as protocol buffers have it: messages in messages, their lengths repaired.

Source: Protocol Buffers, Encoding (protobuf.dev/programming-guides/encoding): varints, wire types 0, 1, 2 and 5.
"""

from __future__ import annotations

from functools import partial

from mlfuzz.codefuzz.formats.part import MOST_PARTS, Inside, Part, joined, once

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
MOST_NESTED = 12
"""Messages in one another; each level reads its bytes once more."""


def walk(data: bytes, inside: Inside) -> Part:
    """Fields, as far as they can be read; the rest as it is."""
    parts, at = _fields(data, MOST_NESTED)
    if at < len(data):
        parts.append(Part("rest", data[at:]))
    return once(data, parts, joined, "message")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends); (0, -1) where there is none."""
    value = 0
    for width in range(LONGEST_VARINT):
        if at + width >= len(data):
            break
        byte = data[at + width]
        value |= (byte & 0x7F) << 7 * width
        if byte < 0x80:
            return value, at + width + 1
    return 0, -1


def packed(value: int) -> bytes:
    """A varint."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _fields(data: bytes, nested: int) -> tuple[list[Part], int]:
    parts: list[Part] = []
    at = 0
    while at < len(data) and len(parts) < MOST_PARTS:
        key, begin = varint(data, at)
        kind, number = key & 7, key >> 3
        end = -1
        if begin < 0 or not number:
            break
        if kind == VARINT:
            _, end = varint(data, begin)
        elif kind in (FIXED64, FIXED32):
            end = begin + (8 if kind == FIXED64 else 4)
        elif kind == BYTES:
            size, start = varint(data, begin)
            end = start + size if start >= 0 else -1
        if end < 0 or end > len(data):
            break
        head, name = data[at:begin], f"field {number}"
        if kind == BYTES:
            parts.append(_content(name, head, data[start:end], nested))
        else:
            value = Part("value ", data[begin:end], label=data[begin:end], plain=(b"\0",) if kind == VARINT else ())
            parts.append(Part(name, parts=[value], join=partial(_led, head), fixed=True))
        at = end
    return parts, at


def _content(name: str, head: bytes, body: bytes, nested: int) -> Part:
    """A message where all of it reads as one, bytes where it does not."""
    below, at = _fields(body, nested - 1) if nested and body else ([], 0)
    if not below or at < len(body):
        below = [Part("bytes", body)]
    return Part(name, parts=below, join=partial(_sized, head), kind="message", plain=(head + b"\0",))


def _led(head: bytes, parts: list[bytes]) -> bytes:
    return head + b"".join(parts)


def _sized(head: bytes, parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    return head + packed(len(body)) + body
