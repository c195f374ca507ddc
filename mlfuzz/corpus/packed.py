"""Byte strings by number, of which those that lie behind are kept compressed: most are never asked for again."""

from __future__ import annotations

import zlib
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

PACKED_TOGETHER = 32
"""Strings compressed as one. Records of entries come to 26 % of their size, taken out again in 0.1 ms; one at a time to
half, 128 to 25 % in 0.4 ms (2,049 records of 630 bytes on average, the shipped digits after 60,000 inputs)."""

LEVEL = 1
"""Of zlib: a higher one takes up to three times as long for 1 to 2 % of the size."""

PLAIN = 16_384
"""The newest so many are never packed: parents are mostly picked among them, and smaller campaigns pack nothing."""

OPENED = 64
"""Packs that stay open, 20 KiB each."""


class PackedBytes:
    """Grows at its end. `grow` leaves all as it is; `pack` compresses what is older than the newest `plain`."""

    def __init__(self, plain: int = PLAIN) -> None:
        self._plain = plain
        self._packs: list[tuple[bytes, bytes]] = []  # compressed, and their lengths as uint32
        self._tail: list[bytes] = []
        self._opened: OrderedDict[int, list[bytes]] = OrderedDict()

    def __len__(self) -> int:
        return self._packed + len(self._tail)

    def __getitem__(self, number: int) -> bytes:
        """Raises IndexError beyond the end; numbers are not counted from there."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        if number >= self._packed:
            return self._tail[number - self._packed]
        return self._open(number // PACKED_TOGETHER)[number % PACKED_TOGETHER]

    def __iter__(self) -> Iterator[bytes]:
        for pack in self._packs:
            yield from _unpacked(pack)
        yield from self._tail

    def grow(self, items: Sequence[bytes]) -> None:
        """Append them."""
        self._tail += items

    def pack(self, most: int) -> None:
        """Compress up to `most` of those that lie behind the newest, whole packs only."""
        packs = min(most, len(self._tail) - self._plain) // PACKED_TOGETHER
        if packs <= 0:
            return
        for start in range(0, packs * PACKED_TOGETHER, PACKED_TOGETHER):
            part = self._tail[start : start + PACKED_TOGETHER]
            self._packs.append((zlib.compress(b"".join(part), LEVEL), array("I", map(len, part)).tobytes()))
        del self._tail[: packs * PACKED_TOGETHER]

    def take(self, numbers: Sequence[int]) -> None:
        """Keep these alone, in this order."""
        everything = list(self)
        self._packs, self._tail = [], [everything[number] for number in numbers]
        self._opened.clear()

    @property
    def _packed(self) -> int:
        return PACKED_TOGETHER * len(self._packs)

    def _open(self, pack: int) -> list[bytes]:
        found = self._opened.get(pack)
        if found is None:
            found = self._opened[pack] = _unpacked(self._packs[pack])
            if len(self._opened) > OPENED:
                self._opened.popitem(last=False)
        else:
            self._opened.move_to_end(pack)
        return found


def _unpacked(pack: tuple[bytes, bytes]) -> list[bytes]:
    data, lengths = zlib.decompress(pack[0]), array("I", pack[1])
    return [data[start:stop] for start, stop in pairwise(accumulate(lengths, initial=0))]
