"""Counters of native code that was compiled for coverage: found in the process's own libraries.

The compiler puts a byte for each edge into a section of its own; libFuzzer is told where, and nobody else. The section
is in the file's table, and the file's place in memory in /proc/self/maps: from both the bytes can be read.
Source: LLVM, SanitizerCoverage, inline 8-bit counters; System V ABI, ELF-64 section headers.
"""

from __future__ import annotations

import contextlib
import ctypes
import struct

SECTION = b"__sancov_cntrs"
FIRST_EDGE = 1 << 32
"""Native edges are numbered from here on; those of Python code are below."""

Region = tuple[int, int]
"""address, bytes"""


def regions() -> list[Region]:
    """Where the counters of all loaded libraries are, by file name."""
    found = []
    for path, base in sorted(_libraries().items()):
        with contextlib.suppress(OSError, struct.error, IndexError):
            place = _section(path)
            if place is not None:
                found.append((base + place[0], place[1]))
    return found


class Native:
    """The counters as a whole."""

    def __init__(self) -> None:
        self._regions = regions()

    def clear(self) -> None:
        for address, size in self._regions:
            ctypes.memset(address, 0, size)

    def reached(self) -> list[int]:
        """Numbers of the edges whose counters are not nought."""
        edges: list[int] = []
        first = FIRST_EDGE
        for address, size in self._regions:
            edges += [first + place for place, count in enumerate(ctypes.string_at(address, size)) if count]
            first += size
        return edges


def _libraries() -> dict[str, int]:
    """Files mapped into this process, and where the first byte of each is."""
    found: dict[str, int] = {}
    try:
        with open("/proc/self/maps") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in lines:
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and ".so" in fields[5] and int(fields[2], 16) == 0:
            found.setdefault(fields[5], int(fields[0].partition("-")[0], 16))
    return found


def _section(path: str) -> Region | None:
    """Address within the library and size of its counters; None where it has none."""
    with open(path, "rb") as file:
        header = file.read(64)
        if header[:5] != b"\x7fELF\x02":
            return None
        offset, size, count, names = (*struct.unpack_from("<Q", header, 40), *struct.unpack_from("<HHH", header, 58))
        file.seek(offset)
        table = file.read(size * count)
        rows = [struct.unpack_from("<IIQQQQ", table, size * row) for row in range(count)]
        file.seek(rows[names][4])
        strings = file.read(rows[names][5])
    for name, _, _, address, _, length in rows:
        if strings[name : strings.index(b"\0", name)] == SECTION:
            return address, length
    return None
