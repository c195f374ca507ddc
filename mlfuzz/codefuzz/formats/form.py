"""What a format knows: how to take a file apart and put it together, and how to change one piece of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Protocol

from mlfuzz.codefuzz.formats.editing import back, edit
from mlfuzz.codefuzz.formats.part import Inside, Part, leaf

Raw = Callable[[bytes, int], bytes]
"""libFuzzer's own mutation of bytes: (data, largest size) -> data."""

RAW_SHARE = 0.1
"""So often the whole file is changed as bytes, unless the format says otherwise: that breaks frames."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A file taken apart. join: any of the pieces, in any order, -> a file with right sizes and checksums.

    Pieces that are given back unchanged are written as they were.
    """

    pieces: tuple[bytes, ...]
    join: Callable[[Sequence[bytes]], bytes]


KEPT, KEPT_BYTES = 64, 1 << 12
"""Trees of files that were mutated lately, and the largest such file: walking takes longer than all else."""

Walk = Callable[[bytes, Inside], Part | None]
"""The whole tree of a file; None where the bytes are not of the format."""


class Format(Protocol):
    """What changes, and walks, files of one format."""

    def walk(self, data: bytes, inside: Inside, /) -> Part | None: ...

    def mutate(self, data: bytes, max_size: int, seed: int, raw: Raw) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Form:
    """A format. walk: its tree. alter: one piece, or one leaf of the tree, changed; room: its largest size.

    take_apart: into the pieces at the top alone, several times as fast as the tree: None where the bytes are not of it;
    None for a format that is changed by its tree. spare: pieces that may be put in. repair: the last word on a changed
    file, to cap what it declares. raw_share: of mutations that change the whole file as bytes; deep_share: of the
    others those that change the tree. value: a leaf of the tree, changed to another that the format has; `alter` else.
    """

    name: str
    walk: Walk
    alter: Callable[[bytes, Random, Raw, int], bytes]
    take_apart: Callable[[bytes], Parts | None] | None = None
    spare: tuple[bytes, ...] = ()
    repair: Callable[[bytes], bytes] = bytes
    raw_share: float = RAW_SHARE
    deep_share: float = 0.0
    value: Callable[[bytes, Random, Raw, int], bytes] | None = None

    def parts(self, data: bytes) -> Parts | None:
        """The pieces at the top of a file; None where it is not of this format."""
        if self.take_apart is not None:
            return self.take_apart(data)
        root = self.walk(data, leaf)
        if root is None or root.join is None:
            return None
        return Parts(tuple(one.written() for one in root.parts), root.join)

    def mutate(self, data: bytes, max_size: int, seed: int, raw: Raw) -> bytes:
        """A changed file of at most max_size bytes. The same for the same seed, as far as `raw` is."""
        rng = Random(seed)
        if rng.random() < self.raw_share:
            joined = b""
        elif self.take_apart is None or (self.deep_share and rng.random() < self.deep_share):
            joined = self._grown(data, rng, raw, max_size)
        else:
            parts = self.take_apart(data)
            joined = b"" if parts is None else parts.join(self._edited(list(parts.pieces), rng, raw, max_size))
        return self.repair(joined if 0 < len(joined) <= max_size else raw(data, max_size))

    def _grown(self, data: bytes, rng: Random, raw: Raw, max_size: int) -> bytes:
        """Changed by its tree; nothing where it has none."""
        root = _walked(self.walk, data) if len(data) <= KEPT_BYTES else self.walk(data, leaf)
        if root is None:
            return b""
        room, saved = max(1, max_size - len(data)), []
        alter = self.alter if self.value is None else self.value
        try:
            while True:
                saved.append(edit(root, rng, lambda body: alter(body, rng, raw, min(max_size, room + len(body)))))
                if rng.random() < 0.75:
                    return root.written()
        finally:
            for one in reversed(saved):
                back(one)

    def _edited(self, pieces: list[bytes], rng: Random, raw: Raw, max_size: int) -> list[bytes]:
        """One change, seldom several."""
        while True:
            self._edit(pieces, rng, raw, max_size)
            if rng.random() < 0.75:
                return pieces

    def _edit(self, pieces: list[bytes], rng: Random, raw: Raw, max_size: int) -> None:
        chance = rng.random()
        if not pieces or (chance < 0.1 and self.spare):
            pieces.insert(rng.randint(0, len(pieces)), rng.choice(self.spare or (b"",)))
            return
        at = rng.randrange(len(pieces))
        until = at + rng.choice((1, 1, 1, 2, 4))
        if chance < 0.7:
            room = max_size - sum(map(len, pieces)) + len(pieces[at])
            pieces[at] = self.alter(pieces[at], rng, raw, max(1, min(max_size, room)))
        elif chance < 0.8:
            del pieces[at:until]
        elif chance < 0.9:
            to = rng.randint(0, len(pieces))
            pieces[to:to] = pieces[at:until]
        else:
            other = rng.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], pieces[at]


@lru_cache(maxsize=KEPT)
def _walked(walk: Walk, data: bytes) -> Part | None:
    return walk(data, leaf)
