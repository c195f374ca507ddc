"""Buffers outside Python's reach, as a native extension would keep them. One planted bug, marked."""

from __future__ import annotations

import ctypes

from mlfuzz.examples.parser.format import FormatError

SLOTS = 8


class Slots:
    """Eight places for buffers, filled in order."""

    def __init__(self) -> None:
        self._kept: list[ctypes.Array[ctypes.c_char]] = []
        self._pointers = (ctypes.c_void_p * SLOTS)()

    def fill(self, body: bytes) -> None:
        """B: keep these bytes in the next place."""
        if len(self._kept) == SLOTS:
            raise FormatError("all slots are taken")
        buffer = ctypes.create_string_buffer(body, len(body) + 1)
        self._pointers[len(self._kept)] = ctypes.addressof(buffer)
        self._kept.append(buffer)

    def view(self, body: bytes) -> list[float]:
        """V: slot (u8), count (u8): the first bytes of what is kept there, as values."""
        if len(body) != 2:
            raise FormatError("a view has 2 bytes")
        slot, count = body
        if slot >= SLOTS:
            raise FormatError(f"there is no slot {slot}")
        if not count or (slot < len(self._kept) and count > len(self._kept[slot])):
            raise FormatError("a view takes at least one byte, and at most its buffer's")
        copy = ctypes.create_string_buffer(count)
        # planted: a slot that was never filled holds the null pointer
        ctypes.memmove(copy, ctypes.c_void_p(self._pointers[slot]), count)
        return [float(byte) for byte in copy.raw]
