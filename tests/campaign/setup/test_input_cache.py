"""Parents come back as they went in, whatever was evicted between."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlfuzz.batch import StoredRows, TensorRows, TextRows
from mlfuzz.campaign.setup.input_cache import InputCache, _Table
from mlfuzz.modality.base import Payload
from mlfuzz.modality.image import Image

CPU = torch.device("cpu")


def pictures(count: int, size: int = 4) -> list[Payload]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (1, size, size), dtype=np.uint8) for _ in range(count)]


def grown(payloads: list[Payload], max_bytes: int = 1 << 20) -> InputCache:
    pool = InputCache(Image(size=None), CPU, lambda row: payloads[row], max_bytes=max_bytes)
    for payload in payloads:
        pool.grow(payload)
    return pool


def test_gathered_rows_hold_the_stored_pixels() -> None:
    payloads = pictures(300)
    rows = grown(payloads).gather(np.asarray([299, 0, 5, 0]))
    assert isinstance(rows, TensorRows)
    for at, row in enumerate((299, 0, 5, 0)):
        assert np.array_equal(rows.payload(at), payloads[row])


def test_a_part_of_stored_parents_is_that_part_of_the_gathered_rows() -> None:
    pool, picked = grown(pictures(300)), np.asarray([299, 0, 5, 0, 7])
    parents, rows = pool.parents(picked), pool.gather(picked)
    assert isinstance(parents, StoredRows)
    assert isinstance(rows, TensorRows)
    assert torch.equal(parents.part(1, 4).data, rows.data[1:4])


def test_evicted_entries_are_read_again() -> None:
    payloads = pictures(500)
    pool = grown(payloads, max_bytes=1024)
    rng = np.random.default_rng(1)
    for _ in range(50):
        picked = rng.integers(0, 500, 40)
        rows = pool.gather(picked)
        assert all(np.array_equal(rows.payload(at), payloads[row]) for at, row in enumerate(picked.tolist()))


def test_a_batch_makes_room_for_itself_by_what_was_longest_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    slots, batch = 4096, 128
    payloads = pictures(slots + batch)
    read: list[int] = []
    pool = InputCache(Image(size=None), CPU, lambda row: (read.append(row), payloads[row])[1], max_bytes=slots * 16)
    pool.grow_many(payloads[:slots])
    for first in (slots // 2, 0):  # the second half is then longest unused
        pool.gather(np.arange(first, first + slots // 2))
    looks: list[int] = []
    look = _Table._look_for_idle
    monkeypatch.setattr(_Table, "_look_for_idle", lambda self: (looks.append(1), look(self))[1])
    pool.gather(np.arange(4))
    pool.grow_many(payloads[slots:])
    pool.gather(np.arange(slots // 2))
    pool.gather(np.arange(slots, slots + batch))
    assert read == []
    pool.gather(np.arange(slots // 2, slots))
    assert len(read) == batch
    assert 0 < len(looks) <= 2 * (2 * batch // 64 + 1)  # not one for each entry


def test_a_batch_larger_than_the_bound_is_still_served() -> None:
    payloads = pictures(500)
    rows = grown(payloads, max_bytes=1024).gather(np.arange(500))
    assert np.array_equal(rows.payload(499), payloads[499])


def test_picks_of_several_shapes_are_cut_by_shape() -> None:
    payloads = pictures(3) + pictures(2, size=6)
    parts = grown(payloads).split(np.asarray([3, 0, 4, 1, 0]))
    assert [part.tolist() for part in parts] == [[3, 4], [0, 1, 0]]


def test_entries_of_earlier_lives_are_read_when_they_are_picked() -> None:
    payloads = pictures(4)
    asked: list[int] = []

    def fetch(row: int) -> Payload:
        asked.append(row)
        return payloads[row]

    pool = InputCache(Image(size=(4, 4)), CPU, fetch)
    for payload in payloads:
        assert not isinstance(payload, str)
        pool.adopt(payload.shape, payload.dtype)
    assert np.array_equal(pool.gather(np.asarray([2, 2])).payload(1), payloads[2])
    assert asked == [2]


def test_texts_need_no_table() -> None:
    pool = InputCache(Image(size=None), CPU, lambda row: "read")
    pool.grow("first")
    pool.adopt((), None)
    assert pool.gather(np.asarray([1, 0])) == TextRows(("read", "first"), Image(size=None))
