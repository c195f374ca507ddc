"""tar: entries with their sizes and checksums repaired.

Source: IEEE Std 1003.1-2017, pax, "ustar Interchange Format".
"""

from __future__ import annotations

from collections.abc import Sequence

from mlfuzz.codefuzz.formats.part import MOST_PARTS, Inside, Part, joined, once

BLOCK = 512
SIZE, CHECKSUM = slice(124, 136), slice(148, 156)
MAGIC, MAGIC_AT = b"ustar", 257


def walk(data: bytes, inside: Inside) -> Part | None:
    """Entries, then the blocks of the end; None where the first block is no header."""
    if data[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
        return None
    parts: list[Part] = []
    at = 0
    while at + BLOCK <= len(data) and len(parts) < MOST_PARTS:
        header = data[at : at + BLOCK]
        size = _octal(header[SIZE])
        if not header.strip(b"\0") or size < 0:
            break
        name = header[:100].rstrip(b"\0")
        content = inside("content of ", data[at + BLOCK : at + BLOCK + size])
        content.label = name
        # A header is changed at its place: what is cut from it is filled up again.
        parts.append(Part("entry ", label=name, parts=[Part("header", header), content], join=_entry, fixed=True))
        at += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
    parts.append(Part("end", data[at:]))
    return once(data, parts, joined, "archive")


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits:
        return 0
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else -1


def _entry(parts: Sequence[bytes]) -> bytes:
    header, content = bytearray(parts[0][:BLOCK].ljust(BLOCK, b"\0")), parts[1]
    if _octal(bytes(header[SIZE])) != len(content):
        header[SIZE] = b"%011o\0" % len(content)
    header[CHECKSUM] = b" " * 8
    header[CHECKSUM] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % BLOCK)
