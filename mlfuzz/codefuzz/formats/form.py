"""What a format knows: how to take a file apart and put it together, and how to change one piece of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

Raw = Callable[[bytes, int], bytes]
"""libFuzzer's own mutation of bytes: (data, largest size) -> data."""

RAW_SHARE = 0.1
"""So often the whole file is changed as bytes, unless the format says otherwise: that breaks frames."""


MOST_CUTS = 16
"""Into so many parts a piece is cut, to leave one out at a time; bytes are the minimiser's own matter."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A file taken apart. join: any of the pieces, in any order, -> a file with right sizes and checksums.

    Pieces that are given back unchanged are written as they were.
    """

    pieces: tuple[bytes, ...]
    join: Callable[[Sequence[bytes]], bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """A format. take_apart: None where the bytes are not of it. alter: one piece, changed; room: its largest size.

    spare: pieces that may be put in. repair: the last word on a changed file, to cap what it declares.
    raw_share: of mutations that change the whole file as bytes.
    """

    name: str
    take_apart: Callable[[bytes], Parts | None]
    alter: Callable[[bytes, Random, Raw, int], bytes]
    spare: tuple[bytes, ...] = ()
    repair: Callable[[bytes], bytes] = bytes
    raw_share: float = RAW_SHARE

    def parts(self, data: bytes) -> Parts | None:
        """The pieces of a file, for leaving some of them out; None where it is not of this format."""
        return self.take_apart(data)

    def simpler(self, data: bytes) -> Iterator[bytes]:
        """The same file without some of its pieces, or with less in one of them; nothing where it is another format."""
        parts = self.take_apart(data)
        if parts is None:
            return
        pieces = parts.pieces
        for start, stop in _spans(len(pieces), least=1):
            joined = parts.join(pieces[:start] + pieces[stop:])
            if len(joined) < len(data):
                yield joined
        for number, piece in enumerate(pieces):
            for start, stop in _spans(len(piece), least=max(1, len(piece) // MOST_CUTS)):
                joined = parts.join((*pieces[:number], piece[:start] + piece[stop:], *pieces[number + 1 :]))
                if len(joined) < len(data):
                    yield joined

    def mutate(self, data: bytes, max_size: int, seed: int, raw: Raw) -> bytes:
        """A changed file of at most max_size bytes. The same for the same seed, as far as `raw` is."""
        rng = Random(seed)
        parts = None if rng.random() < self.raw_share else self.take_apart(data)
        joined = b"" if parts is None else parts.join(self._edited(list(parts.pieces), rng, raw, max_size))
        return self.repair(joined if 0 < len(joined) <= max_size else raw(data, max_size))

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


def _spans(count: int, *, least: int) -> Iterator[tuple[int, int]]:
    """What to leave out of `count` things: all, each half, each quarter, down to `least` at a time."""
    width = count
    while width >= least and width:
        for start in range(0, count, width):
            yield start, start + width
        width //= 2
