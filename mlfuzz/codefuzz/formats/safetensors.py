"""safetensors: the header's JSON and the tensors' bytes together, with lengths and offsets repaired.

Source: Hugging Face, safetensors README, "Format": u64 length, JSON header, data.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from mlfuzz.codefuzz.formats import brackets
from mlfuzz.codefuzz.formats.brackets import Language
from mlfuzz.codefuzz.formats.part import Inside, Part, joined, once

WIDTH = 8
_OFFSETS = re.compile(rb"(\"data_offsets\"\s*:\s*\[\s*)(\d{1,18})(\s*,\s*)(\d{1,18})")
_PIECE = struct.Struct("<I")


def looks(data: bytes) -> bool:
    """Whether a length and the bracket of a header are there."""
    return data[WIDTH : WIDTH + 1] == b"{" and int.from_bytes(data[:WIDTH], "little") <= len(data)


def walk(data: bytes, inside: Inside) -> Part | None:
    """A part for each entry of the header, with its tensor's bytes; None where there is no header."""
    if data[WIDTH : WIDTH + 1] != b"{":
        return None
    size = min(int.from_bytes(data[:WIDTH], "little"), len(data) - WIDTH)
    text, values = data[WIDTH : WIDTH + size], data[WIDTH + size :]
    header = brackets.walk("header", text, Language())
    entries = _entries(header, values)
    if entries is None:
        return once(data, [header, Part("data", values)], _plain, "file", fixed=True)
    tail = text[len(text.rstrip()) :]

    def join(parts: Sequence[bytes]) -> bytes:
        heads, bodies, at = [], [], 0
        for part in parts:
            (length,) = _PIECE.unpack_from(part.ljust(_PIECE.size, b"\0"))
            head, body = part[_PIECE.size :][:length], part[_PIECE.size + length :]
            heads.append(_OFFSETS.sub(rb"\g<1>%d\g<3>%d" % (at, at + len(body)), head, count=1))
            bodies.append(body)
            at += len(body)
        return _plain([b"{" + b",".join(heads) + b"}" + tail, b"".join(bodies)])

    return once(data, entries, join, "file")


def _entries(header: Part, values: bytes) -> list[Part] | None:
    """None where the offsets do not tell each tensor's own bytes."""
    found: list[Part] = []
    end = 0
    if not header.written().lstrip().startswith(b"{"):
        return None
    for pair in header.parts:
        offsets = _OFFSETS.search(pair.written())
        start, stop = (int(offsets[2]), int(offsets[4])) if offsets else (end, end)
        if start != end or stop < start or stop > len(values):
            return None
        end = stop
        parts = [Part("entry", parts=[pair], join=_led), Part("values", values[start:stop])]
        found.append(Part(pair.name, parts=parts, join=joined, fixed=True))
    return found if end == len(values) else None


def _led(parts: Sequence[bytes]) -> bytes:
    text = b"".join(parts)
    return _PIECE.pack(len(text)) + text


def _plain(parts: Sequence[bytes]) -> bytes:
    return len(parts[0]).to_bytes(WIDTH, "little") + b"".join(parts)
