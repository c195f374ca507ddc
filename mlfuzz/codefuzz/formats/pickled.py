"""Pickles, opcode by opcode; the length of a frame follows its opcodes.

Source: CPython, Lib/pickletools.py (opcodes and their arguments).
"""

from __future__ import annotations

import pickletools

from mlfuzz.codefuzz.formats.part import MOST_PARTS, Inside, Part, joined, once

_OPCODES = {one.code.encode("latin-1"): one for one in pickletools.opcodes}
FRAME = b"\x95"


def walk(data: bytes, inside: Inside) -> Part:
    """Opcodes with their arguments up to where one is not known or cut short; the rest as it is."""
    parts: list[Part] = []
    at = 0
    while at < len(data) and len(parts) < MOST_PARTS:
        opcode = _OPCODES.get(data[at : at + 1])
        end = -1 if opcode is None else _end(data, at + 1, opcode.arg)
        if opcode is None or not at < end <= len(data):
            break
        if data[at : at + 1] != FRAME:  # those who read need none, and one with a wrong length stops them
            parts.append(Part(f"{opcode.name} ", data[at:end], label=data[at + 1 : end]))
        at = end
    if at < len(data):
        parts.append(Part("rest", data[at:]))
    return once(data, parts, joined, "pickle")


def _end(data: bytes, at: int, argument: pickletools.ArgumentDescriptor | None) -> int:
    """Where an opcode's argument ends; -1 where it does not."""
    if argument is None:
        return at
    if argument.n >= 0:
        return at + argument.n
    if argument.n == pickletools.UP_TO_NEWLINE:
        lines = 2 if argument.name == "stringnl_noescape_pair" else 1
        for _ in range(lines):
            found = data.find(b"\n", at)
            if found < 0:
                return -1
            at = found + 1
        return at
    width = {-2: 1, -3: 4, -4: 4, -5: 8}.get(argument.n, 0)
    if not width or at + width > len(data):
        return -1
    return at + width + int.from_bytes(data[at : at + width], "little")
