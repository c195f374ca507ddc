"""A file as a tree of parts: what changes, minimises and compares files of a format walks through.

Whoever makes a tree is total: damaged input is walked as far as it goes, and what is left is one part more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Join = Callable[[Sequence[bytes]], bytes]

MOST_DEEP = 48
"""Levels that are told apart: a tree is walked by recursion, inside code under test that has its own on the stack."""

MOST_PARTS = 1 << 13
"""That are told apart; what comes after is one."""


@dataclass(slots=True, eq=False)
class Part:
    """A leaf (`body`), or a branch: `parts` and how their bytes are joined, with lengths and checksums right.

    name, label: for people: "chunk " and what the file calls it. kind: one part of a kind may stand in the place of
    another; "" for none.
    fixed: each part has its place, none is left out. plain: the least that may stand in its place.
    """

    name: str
    body: bytes = b""
    parts: list[Part] = field(default_factory=list)
    join: Join | None = None
    kind: str = ""
    fixed: bool = False
    plain: tuple[bytes, ...] = ()
    label: bytes = b""

    @property
    def title(self) -> str:
        """ "chunk IHDR": what it is, for people."""
        return f"{self.name}{shown(self.label)}".strip()

    def written(self) -> bytes:
        """The bytes of this part, as its parent joins them."""
        return self.body if self.join is None else self.join([one.written() for one in self.parts])

    def below(self) -> Iterator[Part]:
        """All parts under it, those nearest first."""
        level = self.parts
        while level:
            yield from level
            level = [part for one in level for part in one.parts]


Inside = Callable[[str, bytes], Part]
"""(name, content) -> the content as a tree of its own where its format is known, as a leaf where it is not."""


def leaf(name: str, body: bytes) -> Part:
    """Bytes that are not looked into."""
    return Part(name, body)


def joined(parts: Sequence[bytes]) -> bytes:
    """One after the other."""
    return b"".join(parts)


def shown(raw: bytes, most: int = 24) -> str:
    """A name or short value out of a file, for people."""
    text = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw[:most].strip())
    return text + ("..." if len(raw) > most else "")


def once(data: bytes, parts: list[Part], join: Join, name: str, *, fixed: bool = False) -> Part:
    """The root of a file; written byte for byte as it was as long as no part is changed."""
    before = [one.written() for one in parts]

    def write(given: Sequence[bytes]) -> bytes:
        return data if list(given) == before else join(given)

    return Part(name, parts=parts, join=write, fixed=fixed)
