"""gzip and zlib streams: their content is changed, and compressed again with its checksum right."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from random import Random

from mlfuzz.codefuzz.formats.form import Form, Parts, Raw
from mlfuzz.codefuzz.formats.part import Inside, Part, once

MAX_UNPACKED = 1 << 16
"""Bytes that a stream may unpack to; a longer one is left as it is."""

BLOCK = 64
"""Bytes of a piece: fine enough for leaving some out."""


def unpacked(data: bytes, *, window: int = zlib.MAX_WBITS) -> bytes | None:
    """The content of a compressed stream; None where it is none, is cut off before its first byte, or is too long."""
    unpacker = zlib.decompressobj(window)
    try:
        content = unpacker.decompress(data, MAX_UNPACKED)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail or (not content and not unpacker.eof) else content


def take_apart(data: bytes, window: int, pack: Callable[[bytes], bytes]) -> Parts | None:
    content = unpacked(data, window=window)
    if content is None:
        return None
    pieces = tuple(content[at : at + BLOCK] for at in range(0, len(content), BLOCK))

    def join(given: Sequence[bytes]) -> bytes:
        return data if tuple(given) == pieces else pack(b"".join(given))

    return Parts(pieces, join)


def alter(piece: bytes, rng: Random, raw: Raw, room: int) -> bytes:
    return raw(piece, max(1, min(room, MAX_UNPACKED)))


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def _zlib(content: bytes) -> bytes:
    return zlib.compress(content, 1)


def walk(data: bytes, inside: Inside, window: int, pack: Callable[[bytes], bytes]) -> Part | None:
    """The stream's content, with what its format has in it."""
    content = unpacked(data, window=window)
    if content is None:
        return None
    return once(data, [inside("content", content)], lambda parts: pack(b"".join(parts)), "stream")


GZIP = Form(
    "gzip", lambda data, inside: walk(data, inside, 16 + zlib.MAX_WBITS, _gzip), alter,
    lambda data: take_apart(data, 16 + zlib.MAX_WBITS, _gzip),
)  # fmt: skip
ZLIB = Form(
    "zlib", lambda data, inside: walk(data, inside, zlib.MAX_WBITS, _zlib), alter,
    lambda data: take_apart(data, zlib.MAX_WBITS, _zlib),
)  # fmt: skip
