"""Byte strings that are kept compressed once they lie behind."""

from __future__ import annotations

import random

import pytest

from mlfuzz.corpus.packed import OPENED, PACKED_TOGETHER, PackedBytes


def strings(count: int) -> list[bytes]:
    rng = random.Random(count)
    return [rng.randbytes(rng.randrange(0, 90)) + b"." * rng.randrange(900) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 63, 64, 65, 500, (OPENED + 9) * PACKED_TOGETHER + 5])
def test_what_is_packed_comes_back(count: int) -> None:
    items, packed = strings(count), PackedBytes(plain=16)
    for start in range(0, count, 37):
        packed.grow(items[start : start + 37])
        packed.pack(37)
    assert len(packed) == count
    assert list(packed) == items
    order = list(range(count))
    random.Random(1).shuffle(order)
    assert [packed[number] for number in order] == [items[number] for number in order]


def test_no_number_counts_from_the_end() -> None:
    packed = PackedBytes()
    packed.grow([b"a", b"b"])
    for number in (-1, 2):
        with pytest.raises(IndexError):
            packed[number]


def test_the_newest_stay_plain_and_only_so_many_are_packed() -> None:
    packed = PackedBytes(plain=64)
    packed.grow(strings(1000))
    packed.pack(100)
    assert len(packed._packs) == 100 // PACKED_TOGETHER
    packed.pack(10_000)
    assert 64 <= len(packed._tail) < 64 + PACKED_TOGETHER


def test_some_are_kept_in_another_order() -> None:
    items, packed = strings(300), PackedBytes(plain=10)
    packed.grow(items)
    packed.pack(300)
    assert packed[3] == items[3]
    packed.take([299, 3, 4])
    assert list(packed) == [items[299], items[3], items[4]]
    packed.grow([b"new"])
    assert packed[3] == b"new"
