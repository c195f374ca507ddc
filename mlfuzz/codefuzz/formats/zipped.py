"""ZIP (npz, checkpoints, many more): members with sizes, offsets and CRCs repaired; contents are changed unpacked.

A reader and a writer of our own: zipfile is often the very code under test, and refuses what is to be written here.
Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.
"""

from __future__ import annotations

import bz2
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from mlfuzz.codefuzz.formats import npy
from mlfuzz.codefuzz.formats.compressed import MAX_UNPACKED, unpacked
from mlfuzz.codefuzz.formats.form import Form, Parts, Raw
from mlfuzz.codefuzz.formats.part import Inside, Part, once

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
STORED, DEFLATED, BZIPPED = 0, 8, 12
METHODS = (STORED, DEFLATED, BZIPPED, 14, 9, 99)
FLAGS = (0, 1, 8, 0x20, 0x40, 0x800)
"""Encrypted, sizes afterwards, patched, strongly encrypted, names in UTF-8."""

_PIECE = struct.Struct("<HHHH")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. content: unpacked."""

    flags: int
    method: int
    name: bytes
    extra: bytes
    content: bytes

    def pack(self) -> bytes:
        head = _PIECE.pack(self.flags, self.method, len(self.name), len(self.extra))
        return head + self.name + self.extra + self.content


def member(piece: bytes) -> Member:
    """What `Member.pack` has packed; of shorter bytes, what there is."""
    flags, method, name, extra = _PIECE.unpack(piece[: _PIECE.size].ljust(_PIECE.size, b"\0"))
    rest = piece[_PIECE.size :]
    return Member(flags, method, rest[:name], rest[name : name + extra], rest[name + extra :])


def take_apart(data: bytes) -> Parts | None:
    """Pieces are packed members, in the order of the central directory."""
    at = data.rfind(b"PK\5\6")
    if at < 0 or at + END.size > len(data):
        return None
    start, entries = END.unpack_from(data, at)[6], END.unpack_from(data, at)[4]
    comment = data[at + END.size :]
    pieces: list[bytes] = []
    written: dict[bytes, bytes] = {}
    for _ in range(entries):
        if start + CENTRAL.size > len(data):
            break
        entry = CENTRAL.unpack_from(data, start)
        if entry[0] != b"PK\1\2":
            break
        flags, method, size, offset = entry[3], entry[4], entry[8], entry[16]
        names, extras, comments = entry[10:13]
        name = data[start + CENTRAL.size :][:names]
        extra = data[start + CENTRAL.size + names :][:extras]
        start += CENTRAL.size + names + extras + comments
        packed = _packed(data, offset, size)
        content = _unpacked(packed, method)
        piece = Member(flags, method, name, extra, packed if content is None else content).pack()
        pieces.append(piece)
        written[piece] = packed

    def join(pieces: Sequence[bytes]) -> bytes:
        return _archive([(member(piece), written.get(piece)) for piece in pieces], comment)

    return Parts(tuple(pieces), join)


def walk(data: bytes, inside: Inside) -> Part | None:
    """The members, each with its name and content."""
    parts = take_apart(data)
    return None if parts is None else once(data, [_part(one, inside) for one in parts.pieces], parts.join, "archive")


def _part(piece: bytes, inside: Inside) -> Part:
    one = member(piece)
    how = Part("flags and method", _PIECE.pack(one.flags, one.method, 0, 0)[:4], plain=(bytes(4),))
    content = inside("content of ", one.content)
    content.label = one.name
    parts = [how, Part("name", one.name), Part("extra", one.extra), content]
    return Part("member ", label=one.name, parts=parts, join=_joined, fixed=True)


def _joined(parts: Sequence[bytes]) -> bytes:
    how, name, extra, content = parts
    flags, method = struct.unpack("<HH", how[:4].ljust(4, b"\0"))
    return Member(flags, method, name[:0xFFFF], extra[:0xFFFF], content).pack()


def _packed(data: bytes, offset: int, size: int) -> bytes:
    if offset + LOCAL.size > len(data):
        return b""
    names, extras = LOCAL.unpack_from(data, offset)[9:]
    begin = offset + LOCAL.size + names + extras
    return data[begin : begin + size]


def _unpacked(packed: bytes, method: int) -> bytes | None:
    if method == STORED:
        return packed
    if method == DEFLATED:
        return unpacked(packed, window=-zlib.MAX_WBITS)
    if method == BZIPPED:
        try:
            return bz2.BZ2Decompressor().decompress(packed, MAX_UNPACKED)
        except (OSError, ValueError):
            return None
    return None


def _repacked(content: bytes, method: int) -> bytes:
    if method == DEFLATED:
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(content) + packer.flush()
    return bz2.compress(content, 1) if method == BZIPPED else content


def _archive(members: list[tuple[Member, bytes | None]], comment: bytes) -> bytes:
    body, directory = b"", b""
    for one, written in members:
        packed = _repacked(one.content, one.method) if written is None else written
        content = _unpacked(packed, one.method) if written is not None else one.content
        crc, size = zlib.crc32(one.content if content is None else content), len(one.content)
        offset = len(body)
        common = (20, one.flags, one.method, 0, 0x21, crc, len(packed), size, len(one.name))
        body += LOCAL.pack(b"PK\3\4", *common, 0) + one.name + packed
        directory += CENTRAL.pack(b"PK\1\2", 20, *common, len(one.extra), 0, 0, 0, 0, offset) + one.name + one.extra
    count = len(members)
    end = END.pack(b"PK\5\6", 0, 0, count, count, len(directory), len(body), len(comment))
    return body + directory + end + comment


def alter(piece: bytes, rng: Random, raw: Raw, room: int) -> bytes:
    one = member(piece)
    chance = rng.random()
    if chance < 0.7:
        nested = one.content.startswith(npy.MAGIC) and rng.random() < 0.8
        room = max(1, min(room, MAX_UNPACKED))
        content = npy.NPY.mutate(one.content, room, rng.getrandbits(32), raw) if nested else raw(one.content, room)
        return replace(one, content=content).pack()
    if chance < 0.8:
        return replace(one, name=raw(one.name, 64)).pack()
    if chance < 0.88:
        return replace(one, method=rng.choice(METHODS)).pack()
    if chance < 0.95:
        return replace(one, flags=one.flags ^ rng.choice(FLAGS)).pack()
    return replace(one, extra=raw(one.extra, 32)).pack()


ZIP = Form("zip", walk, alter, take_apart, spare=(Member(0, STORED, b"x.npy", b"", npy.SMALL).pack(),))
