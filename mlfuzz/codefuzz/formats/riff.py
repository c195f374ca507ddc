"""RIFF, RIFX and RF64 (WAV, WebP, AVI): chunks with their sizes repaired, those inside LIST too.

Source: IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0, 1991, chapters 2 and 3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

from mlfuzz.codefuzz.formats.form import Form, Parts, Raw
from mlfuzz.codefuzz.formats.part import Inside, Part, once

TAGS = (
    b"fmt ",
    b"data",
    b"fact",
    b"LIST",
    b"JUNK",
    b"ds64",
    b"cue ",
    b"smpl",
    b"PEAK",
    b"bext",
    b"VP8 ",
    b"VP8L",
    b"VP8X",
)
KINDS = (0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE)
"""Of samples: PCM, ADPCM, floats, A-law, mu-law, IMA, GSM, MP3, and what a GUID tells."""

LIST = b"LIST"

FORM = "HHIIHH"
"""Of a fmt chunk: kind, channels, rate, bytes a second, bytes a frame, bits."""


def take_apart(data: bytes) -> Parts | None:
    """Pieces are the chunks: name and content."""
    magic, kind = data[:4], data[8:12]
    if magic not in (b"RIFF", b"RIFX", b"RF64") or len(kind) < 4:
        return None
    number = ">I" if magic == b"RIFX" else "<I"
    pieces = _pieces(data, 12, number)

    def join(pieces: Sequence[bytes]) -> bytes:
        body = kind + b"".join(_chunk(piece, number) for piece in pieces)
        return magic + struct.pack(number, len(body)) + body

    return Parts(tuple(pieces), join)


def _pieces(data: bytes, at: int, number: str) -> list[bytes]:
    found = []
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(number, data, at + 4)
        found.append(data[at : at + 4] + data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return found


def walk(data: bytes, inside: Inside) -> Part | None:
    """The chunks, and those inside LIST."""
    parts = take_apart(data)
    if parts is None:
        return None
    number = ">I" if data[:4] == b"RIFX" else "<I"
    return once(data, [_part(piece, number) for piece in parts.pieces], parts.join, "file")


def _part(piece: bytes, number: str) -> Part:
    tag, body = piece[:4], piece[4:]
    inner = _pieces(body, 4, number) if tag == LIST else []
    # Only what is written again as it was is taken for chunks.
    if inner and body == body[:4] + b"".join(_chunk(one, number) for one in inner):
        chunks = [_part(one, number) if one[:4] != LIST else Part("chunk ", one, label=one[:4]) for one in inner]
        return Part(
            "chunk ",
            label=tag,
            parts=chunks,
            join=lambda parts: tag + body[:4] + b"".join(_chunk(one, number) for one in parts),
        )
    return Part(
        "chunk ", label=tag, parts=[Part("content of ", body, label=tag)], join=lambda parts: tag + b"".join(parts)
    )


def _chunk(piece: bytes, number: str) -> bytes:
    tag, body = piece[:4].ljust(4), piece[4:]
    return tag + struct.pack(number, len(body)) + body + bytes(len(body) % 2)


def alter(piece: bytes, rng: Random, raw: Raw, room: int) -> bytes:
    tag, body = piece[:4], piece[4:]
    if rng.random() < 0.05:
        return rng.choice(TAGS) + body
    if tag == b"fmt " and len(body) >= 16 and rng.random() < 0.6:
        return tag + _form(body, rng)
    return tag + raw(body, max(1, room - 4))


def _form(body: bytes, rng: Random) -> bytes:
    """One field changed; half the time those that depend on it follow."""
    kind, channels, rate, flow, frame, bits = struct.unpack_from(f"<{FORM}", body)
    field = rng.randrange(4)
    if field == 0:
        kind = rng.choice(KINDS)
    elif field == 1:
        channels = rng.choice((0, 1, 2, 3, 255, 65535))
    elif field == 2:
        rate = rng.choice((0, 1, 8000, 44100, 0x7FFFFFFF, 0xFFFFFFFF))
    else:
        bits = rng.choice((0, 1, 7, 8, 12, 16, 20, 24, 32, 64, 65535))
    if rng.random() < 0.5:
        frame = channels * ((bits + 7) // 8) & 0xFFFF
        flow = rate * frame & 0xFFFFFFFF
    return struct.pack(f"<{FORM}", kind, channels, rate, flow, frame, bits) + body[16:]


SPARE = (
    b"fact\x08\x00\x00\x00", b"JUNK\x00\x00", b"LISTINFOISFT\x02\x00\x00\x00x\x00", b"ds64" + bytes(28),
    b"data\x00\x00",
)  # fmt: skip

RIFF = Form("riff", walk, alter, take_apart, spare=SPARE)
