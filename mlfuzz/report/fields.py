"""What the bytes of an input mean, where its format is known: for the hexdump. Hostile inputs: nothing is trusted.

Sources: PNG (third edition, section 5.3 and 11.2.1), RIFF/WAVE (IBM and Microsoft, 1991), ZIP (APPNOTE 6.3, section
4.3), NumPy's .npy (format version 3), GGUF version 3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

MOST = 48
"""Fields that are shown."""


class ByteField(NamedTuple):
    """start, stop: offsets in bytes; stop may lie beyond the end where the input declares more than it has."""

    start: int
    stop: int
    name: str
    value: str


def fields(data: bytes) -> tuple[str, list[ByteField]]:
    """The format's name and its fields in order; ("", []) for a format that is not known."""
    for name, magic, reader in _FORMATS:
        if data[: len(magic)] == magic:
            found: list[ByteField] = []
            try:
                for field in reader(data):
                    found.append(field)
                    if len(found) == MOST:
                        break
            except (struct.error, UnicodeDecodeError):
                pass  # cut off: what came before is told
            return name, found
    return "", []


def _png(data: bytes) -> Iterator[ByteField]:
    yield ByteField(0, 8, "signature", "PNG")
    at = 8
    while at < len(data):
        length, tag = struct.unpack_from(">I4s", data, at)
        yield ByteField(at, at + 8, "chunk", f"{_name(tag)}, {length:,} bytes")
        if tag == b"IHDR":
            names = ("width", "height", "bit depth", "colour type", "compression", "filter", "interlace")
            yield from _numbers(data, at + 8, ">IIBBBBB", names)
        yield ByteField(at + 8 + length, at + 12 + length, "CRC", data[at + 8 + length : at + 12 + length].hex())
        at += 12 + length


def _riff(data: bytes) -> Iterator[ByteField]:
    order = ">" if data[:4] == b"RIFX" else "<"
    yield ByteField(0, 4, "magic", _name(data[:4]))
    yield from _numbers(data, 4, f"{order}I", ("size",))
    yield ByteField(8, 12, "form", _name(data[8:12]))
    at = 12
    while at < len(data):
        tag, length = struct.unpack_from(f"{order}4sI", data, at)
        yield ByteField(at, at + 8, "chunk", f"{_name(tag)}, {length:,} bytes")
        if tag == b"fmt ":
            names = ("format", "channels", "sample rate", "bytes a second", "block size", "bits a sample")
            yield from _numbers(data, at + 8, f"{order}HHIIHH", names)
        at += 8 + length + length % 2


def _zip(data: bytes) -> Iterator[ByteField]:
    at = 0
    while at < len(data):
        if data[at : at + 4] == b"PK\x03\x04":
            names = ("version", "flags", "method", "time", "date", "CRC", "packed", "unpacked", "name length", "extra")
            yield ByteField(at, at + 4, "local file", "")
            yield from _numbers(data, at + 4, "<HHHHHIIIHH", names)
            packed, _, name, extra = struct.unpack_from("<IIHH", data, at + 18)
            yield ByteField(at + 30, at + 30 + name, "name", _name(data[at + 30 : at + 30 + name]))
            at += 30 + name + extra + packed
        elif data[at : at + 4] == b"PK\x05\x06":
            counts = ("disk", "first disk", "entries here", "entries", "directory size", "directory at", "comment")
            yield ByteField(at, at + 4, "end of directory", "")
            yield from _numbers(data, at + 4, "<HHHHIIH", counts)
            return
        elif data[at : at + 4] == b"PK\x01\x02":
            name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
            yield ByteField(at, at + 46, "directory entry", _name(data[at + 46 : at + 46 + name]))
            at += 46 + name + extra + comment
        else:
            yield ByteField(at, len(data), "unknown", "")
            return


def _npy(data: bytes) -> Iterator[ByteField]:
    yield ByteField(0, 6, "magic", "NUMPY")
    yield from _numbers(data, 6, "<BB", ("major version", "minor version"))
    wide = data[6] >= 2
    length = struct.unpack_from("<I" if wide else "<H", data, 8)[0]
    start = 12 if wide else 10
    yield ByteField(8, start, "header length", f"{length:,}")
    yield ByteField(start, start + length, "header", _name(data[start : start + min(length, 200)]))


def _gguf(data: bytes) -> Iterator[ByteField]:
    yield ByteField(0, 4, "magic", "GGUF")
    yield from _numbers(data, 4, "<IQQ", ("version", "tensors", "key-value pairs"))


def _toy(data: bytes) -> Iterator[ByteField]:
    yield ByteField(0, 4, "magic", "TNSR")
    yield from _numbers(data, 4, "<BB", ("version", "rank"))
    at = 6 + 2 * data[5]
    if data[5]:
        yield ByteField(
            6, at, "dimensions", " x ".join(str(one) for one in struct.unpack_from(f"<{data[5]}H", data, 6))
        )
    while at < len(data):
        tag, length = struct.unpack_from("<1sH", data, at)
        yield ByteField(at, at + 3, "chunk", f"{_name(tag)}, {length:,} bytes")
        at += 3 + length


def _numbers(data: bytes, at: int, form: str, names: tuple[str, ...]) -> Iterator[ByteField]:
    order, codes = form[0], form[1:]
    for code, name in zip(codes, names, strict=True):
        size = struct.calcsize(order + code)
        yield ByteField(at, at + size, name, f"{struct.unpack_from(order + code, data, at)[0]:,}")
        at += size


def _name(raw: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw[:200])


_FORMATS: tuple[tuple[str, bytes, Callable[[bytes], Iterator[ByteField]]], ...] = (
    ("PNG", b"\x89PNG", _png), ("RIFF", b"RIFF", _riff), ("RIFX", b"RIFX", _riff), ("ZIP", b"PK", _zip),
    ("NumPy array", b"\x93NUMPY", _npy), ("GGUF", b"GGUF", _gguf), ("demonstration tensor", b"TNSR", _toy),
)  # fmt: skip
