"""PNG: chunks with their lengths and CRCs repaired; what is compressed in them is changed before it is compressed.

Source: W3C, Portable Network Graphics Specification (Third Edition), sections 5 (chunks) and 11.2.1 (IHDR).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from random import Random

from mlfuzz.codefuzz.formats.compressed import MAX_UNPACKED, unpacked
from mlfuzz.codefuzz.formats.form import Form, Parts, Raw
from mlfuzz.codefuzz.formats.part import Inside, Part, once

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 1 << 16
"""That a changed header declares: a mutated width of a billion only measures the allocator."""

PACKED = (b"IDAT", b"zTXt", b"iCCP")
"""Chunks that hold a compressed stream; the last two after a name and a method."""

TAGS = (
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"tEXt", b"zTXt",
    b"iTXt", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf", b"tIME", b"acTL", b"fcTL", b"fdAT",
)  # fmt: skip


def take_apart(data: bytes) -> Parts | None:
    """Pieces are the chunks: name and content. All IDAT are one, and content is unpacked."""
    if not data.startswith(SIGNATURE):
        return None
    chunks = _chunks(data)
    pixels = b"".join(body for tag, body in chunks if tag == b"IDAT")
    pieces: list[bytes] = []
    written: dict[bytes, bytes] = {}
    seen = False
    for tag, body in chunks:
        if tag == b"IDAT":
            if seen:
                continue
            seen, body = True, pixels
        head = _head(tag, body)
        content = unpacked(body[head:]) if tag in PACKED else None
        piece = tag + (body if content is None else body[:head] + content)
        pieces.append(piece)
        written[piece] = body

    def join(pieces: Sequence[bytes]) -> bytes:
        return SIGNATURE + b"".join(_chunk(piece, written.get(piece)) for piece in pieces)

    return Parts(tuple(pieces), join)


def walk(data: bytes, inside: Inside) -> Part | None:
    """The chunks, unpacked."""
    parts = take_apart(data)
    return None if parts is None else once(data, [_part(piece) for piece in parts.pieces], parts.join, "picture")


def _part(piece: bytes) -> Part:
    tag = piece[:4]
    content = Part("content of ", piece[4:], label=tag)
    return Part("chunk ", label=tag, parts=[content], join=lambda parts: tag + b"".join(parts))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _chunk(piece: bytes, written: bytes | None) -> bytes:
    tag, body = piece[:4].ljust(4, b"x"), piece[4:]
    if written is not None:
        body = written
    elif tag in PACKED:
        head = _head(tag, body)
        body = body[:head] + zlib.compress(body[head:], 1)
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def _head(tag: bytes, body: bytes) -> int:
    """Where the compressed stream of a chunk begins."""
    return 0 if tag == b"IDAT" else body.find(b"\0") + 2


def alter(piece: bytes, rng: Random, raw: Raw, room: int) -> bytes:
    tag, body = piece[:4], piece[4:]
    if rng.random() < 0.05:
        tag = rng.choice(TAGS)
        return tag + (_capped(body) if tag == b"IHDR" else body)
    if tag == b"IHDR":
        return tag + _header(body, rng, raw)
    return tag + raw(body, max(1, min(room, MAX_UNPACKED) - 4))


def _header(body: bytes, rng: Random, raw: Raw) -> bytes:
    """Width, height, depth, colour, compression, filter, interlace: one of them changed, or all of them as bytes."""
    if len(body) != 13 or rng.random() < 0.2:
        body = raw(body, 26)
        return _capped(body)
    width, height, *rest = struct.unpack(">II5B", body)
    field = rng.randrange(5)
    if field < 2:
        sizes = [width, height]
        sizes[field] = rng.choice((0, 1, 2, 7, 8, 9, 31, 64, 255, 256, sizes[field] // 2, sizes[field] ^ 1))
        width, height = sizes
    else:
        choices = ((1, 2, 4, 8, 16), (0, 2, 3, 4, 6), (0, 1))[field - 2]
        rest[(0, 1, 4)[field - 2]] = rng.choice((*choices, rng.randrange(256)))
    return _capped(struct.pack(">II5B", width, height, *rest))


def _capped(body: bytes) -> bytes:
    if len(body) < 8:
        return body
    width, height = struct.unpack_from(">II", body)
    if width * height > MAX_PIXELS:
        width, height = width % 257, height % 255
    return struct.pack(">II", width, height) + body[8:]


_FRAME = struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 10, 0, 0)
_TURNED = bytes.fromhex("49492a0008000000010012010300010000000600000000000000")

SPARE = (
    b"PLTE" + bytes(range(12)), b"tRNS\x00\x01", b"gAMA\x00\x00\xb1\x8f", b"zTXtkey\x00\x00text", b"tEXtkey\x00text",
    b"iTXtkey" + bytes(5) + b"text", b"pHYs\x00\x00\x00\x01\x00\x00\x00\x01\x01", b"acTL\x00\x00\x00\x02" + bytes(4),
    b"fcTL" + _FRAME, b"fdAT\x00\x00\x00\x02", b"iCCPkey\x00\x00profile", b"eXIf" + _TURNED, b"IEND",
)  # fmt: skip

PNG = Form("png", walk, alter, take_apart, spare=SPARE)
