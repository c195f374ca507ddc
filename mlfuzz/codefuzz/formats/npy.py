"""npy: the header is changed word by word with its length repaired, the values as bytes.

Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from random import Random

from mlfuzz.codefuzz.formats import brackets
from mlfuzz.codefuzz.formats.brackets import Language
from mlfuzz.codefuzz.formats.form import Form, Parts, Raw
from mlfuzz.codefuzz.formats.part import Inside, Part, once
from mlfuzz.codefuzz.formats.tokens import TOKEN, changed

MAGIC = b"\x93NUMPY"
MAX_ITEMS = 1 << 20
"""That a changed header declares."""

WORDS = (
    b"'<f8'", b"'>i2'", b"'|u1'", b"'|b1'", b"'|S3'", b"'<U2'", b"'|V5'", b"'|O'", b"'<M8[ns]'", b"'<c16'", b"True",
    b"False", b"None", b"()", b"(0,)", b"(1, 2)", b"(-1,)", b"[('a', '<i4')]", b"[('a', '<i4', (2,))]", b"'descr'",
    b"'fortran_order'", b"'shape'", b"L", b"{", b"}", b", ",
)  # fmt: skip
_SHAPE = re.compile(rb"\d+")
_DECLARED = re.compile(rb"'shape'\s*:\s*\(([^)\n]*)")


def take_apart(data: bytes) -> Parts | None:
    """Pieces are the words of the header, then the values in one piece, which begins with a zero byte."""
    found = _cut(data)
    if found is None:
        return None
    version, header, values = found

    def join(pieces: Sequence[bytes]) -> bytes:
        words = b"".join(piece for piece in pieces if not piece.startswith(b"\0"))
        return _whole(version, words, b"".join(piece[1:] for piece in pieces if piece.startswith(b"\0")))

    return Parts((*TOKEN.findall(header), b"\0" + values), join)


def walk(data: bytes, inside: Inside) -> Part | None:
    """The header's dictionary, and the values."""
    found = _cut(data)
    if found is None:
        return None
    version, header, values = found
    parts = [brackets.walk("header", header, Language(plain=(b"0", b"''"))), Part("values", values)]
    return once(data, parts, lambda parts: _whole(version, *parts), "array", fixed=True)


def _cut(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Version, header, values."""
    if not data.startswith(MAGIC) or len(data) < 10:
        return None
    version = data[6:8]
    width, code = (2, "<H") if version[0] == 1 else (4, "<I")
    start = 8 + width
    if len(data) < start:
        return None
    end = start + struct.unpack_from(code, data, 8)[0]
    return version, data[start:end], data[end:]


def _whole(version: bytes, header: bytes, values: bytes) -> bytes:
    narrow = version[:1] == b"\x01"
    length = min(len(header), 0xFFFF) if narrow else len(header)
    return MAGIC + version + struct.pack("<H" if narrow else "<I", length) + header[:length] + values


def alter(piece: bytes, rng: Random, raw: Raw, room: int) -> bytes:
    if piece.startswith(b"\0"):
        return b"\0" + raw(piece[1:], room)
    return changed(piece, rng, raw, room, WORDS).lstrip(b"\0")


def repair(data: bytes) -> bytes:
    """The same, with what its header declares kept small."""
    return _DECLARED.sub(_smaller, data, count=1)


def _smaller(found: re.Match[bytes]) -> bytes:
    """Dimensions whose product is too large get their last digits alone; the length stays."""
    dimensions = _SHAPE.findall(found[1])
    if all(len(one) < 9 for one in dimensions) and math.prod(map(int, dimensions)) <= MAX_ITEMS:
        return found[0]
    small = _SHAPE.sub(lambda number: number[0][-1:].rjust(len(number[0])), found[1])
    return found[0].replace(found[1], small)


NPY = Form("npy", walk, alter, take_apart, spare=WORDS, repair=repair)

_HEADER = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n"
SMALL = MAGIC + b"\1\0" + struct.pack("<H", len(_HEADER)) + _HEADER + b"abc"
"""An array of three bytes."""
