"""Parents' inputs, resident on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Indices, Rows, StoredRows, TextRows
from mlfuzz.modality.base import Modality, Payload

POOL_BYTES = 512 << 20
"""Of stored integers; beyond it the entries longest unused make room (they are read again when picked)."""

IDLE_SHARE = 64
"""Of a full table, the part that is found idle in one look at all of it."""


Form: TypeAlias = "tuple[tuple[int, ...], np.dtype[np.generic] | None]"
"""Shape and type of a payload; no type of a text."""


class InputCache:
    """Corpus row -> rows on the device. Tensors are kept as their file's integers, a quarter of float32.

    fetch: gives the payload of a corpus row that is not resident. One table a shape: `split` cuts picks by it.
    """

    def __init__(
        self, modality: Modality, device: torch.device, fetch: Callable[[int], Payload], *, max_bytes: int = POOL_BYTES
    ) -> None:
        self._modality = modality
        self._device = device
        self._fetch = fetch
        self._max_bytes = max_bytes
        self._texts: dict[int, str] = {}
        self._tables: dict[tuple[int, ...], _Table] = {}
        self._shape_of: list[tuple[int, ...]] = []

    def grow(self, payload: Payload) -> None:
        """The payload of the next corpus row."""
        row = len(self._shape_of)
        if isinstance(payload, str):
            self._shape_of.append(())
            self._texts[row] = payload
            return
        shape = self._key(payload)
        self._shape_of.append(shape)
        self._table(shape, payload.dtype).put(row, payload)

    def grow_many(self, payloads: Sequence[Payload]) -> None:
        """The payloads of the next corpus rows."""
        fixed = [payload for payload in payloads if not isinstance(payload, str)]
        if len(fixed) < len(payloads) or self._modality.ragged or len({payload.shape for payload in fixed}) > 1:
            for payload in payloads:
                self.grow(payload)
            return
        row = len(self._shape_of)
        shape = self._key(fixed[0])
        self._shape_of += [shape] * len(fixed)
        self._table(shape, fixed[0].dtype).put_many(row, np.stack(fixed))

    def adopt(self, shape: tuple[int, ...], dtype: np.dtype[np.generic] | None) -> None:
        """The next corpus row, not resident yet. dtype: None for text."""
        key = shape[:-1] if shape and self._modality.ragged else shape
        self._shape_of.append(key)
        if dtype is not None:
            self._table(key, dtype)

    def adopt_many(self, forms: Sequence[Form], numbers: Iterable[int]) -> None:
        """`adopt` for the next rows, each of the form of its number."""
        first: dict[int, tuple[int, ...]] = {}
        for number in numbers:
            if number in first:
                self._shape_of.append(first[number])
            else:
                self.adopt(*forms[number])
                first[number] = self._shape_of[-1]

    def split(self, picked: Indices) -> list[Indices]:
        """Picks cut by shape, so that each part makes one batch; order kept within a part."""
        if len(self._tables) <= 1:
            return [picked]
        groups: dict[tuple[int, ...], list[int]] = {}
        for row in picked.tolist():
            groups.setdefault(self._shape_of[row], []).append(row)
        return [np.asarray(rows, np.int64) for rows in groups.values()]

    def gather(self, picked: Indices) -> Rows:
        """The rows of one shape, on the modality's grid."""
        rows = self.parents(picked)
        return rows.part(0, len(rows)) if isinstance(rows, StoredRows) else rows

    def parents(self, picked: Indices) -> StoredRows | TextRows:
        """The same rows as they are stored, for an operator to take its part of."""
        if not self._tables:
            return TextRows(tuple(self._text(row) for row in picked.tolist()), self._modality)
        table = self._tables[self._shape_of[int(picked[0])]]
        table.ensure(picked, self._fetch)
        stored, lengths = table.take(picked)
        return StoredRows(stored, self._modality, lengths)

    def _text(self, row: int) -> str:
        if row not in self._texts:
            self._texts[row] = str(self._fetch(row))
        return self._texts[row]

    def _key(self, payload: Payload) -> tuple[int, ...]:
        shape: tuple[int, ...] = np.shape(payload)
        return shape[:-1] if self._modality.ragged else shape

    def _table(self, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> _Table:
        if shape not in self._tables:
            self._tables[shape] = _Table(shape, dtype, self._device, self._max_bytes, ragged=self._modality.ragged)
        return self._tables[shape]


class _Table:
    """Slots of one shape, grown by doubling up to a bound, then reused oldest first."""

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[np.generic], device: torch.device, max_bytes: int, *, ragged: bool
    ) -> None:
        self._shape, self._dtype, self._device, self._ragged = shape, dtype, device, ragged
        self._max_bytes = max_bytes
        self._slots = np.full(1024, -1, np.int64)
        self._owner = np.full(0, -1, np.int64)
        self._used = np.zeros(0, np.int64)
        self._clock = 0
        self._next = 0
        self._idle: list[tuple[int, int]] = []
        self._data: Tensor | None = None
        self._lengths: Tensor | None = None

    def put(self, row: int, payload: Payload) -> None:
        array = np.array(payload, order="C")  # a copy: what a codec gives may be read-only, which torch warns of
        self._fit(row, array)
        slot = self._free()
        assert self._data is not None
        if self._ragged:
            assert self._lengths is not None
            self._data[slot].zero_()
            self._lengths[slot] = array.shape[-1]
        self._data[slot][..., : array.shape[-1]] = torch.from_numpy(array).to(self._device)
        if self._owner[slot] >= 0:
            self._slots[self._owner[slot]] = -1
        self._owner[slot], self._slots[row] = row, slot
        self._used[slot] = self._clock

    def put_many(self, row: int, stack: np.ndarray[Any, Any]) -> None:
        """Rows row, row + 1, ... of one shape, in one copy."""
        self._fit(row + len(stack) - 1, stack[0])
        slots = self._free_many(len(stack))
        assert self._data is not None
        if len(set(slots.tolist())) < len(slots):  # the bound is smaller than the batch: some were reused at once
            for at, array in enumerate(stack):
                self.put(row + at, array)
            return
        evicted = self._owner[slots]
        self._slots[evicted[evicted >= 0]] = -1
        self._data.index_copy_(0, torch.from_numpy(slots).to(self._device), torch.from_numpy(stack).to(self._device))
        self._owner[slots] = np.arange(row, row + len(stack))
        self._slots[row : row + len(stack)] = slots
        self._used[slots] = self._clock

    def ensure(self, picked: Indices, fetch: Callable[[int], Payload]) -> None:
        self._clock += 1
        if int(picked.max()) >= len(self._slots):
            self._slots = _grown(self._slots, int(picked.max()) + 1)
        resident = self._slots[picked]
        self._used[resident[resident >= 0]] = self._clock
        for row in np.unique(picked[resident < 0]).tolist():
            self.put(row, fetch(row))

    def take(self, picked: Indices) -> tuple[Tensor, Tensor | None]:
        assert self._data is not None
        index = torch.from_numpy(self._slots[picked]).to(self._device)
        data = self._data.index_select(0, index)
        if self._lengths is None:
            return data, None
        lengths = self._lengths.index_select(0, index)
        return data[..., : int(lengths.max())], lengths

    def _fit(self, row: int, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
        if row >= len(self._slots):
            self._slots = _grown(self._slots, row + 1)
        width = array.shape[-1] if self._ragged else None
        if self._data is None:
            self._allocate(64, array.shape)
        elif width is not None and width > self._data.shape[-1]:
            wider = self._data.new_zeros((*self._data.shape[:-1], width))
            wider[..., : self._data.shape[-1]] = self._data
            self._data = wider

    def _allocate(self, slots: int, shape: Sequence[int]) -> None:
        old, old_lengths = self._data, self._lengths
        kind = torch.from_numpy(np.zeros(0, self._dtype)).dtype
        self._data = torch.zeros((slots, *shape), dtype=kind, device=self._device)
        if self._ragged:
            self._lengths = torch.zeros(slots, dtype=torch.int64, device=self._device)
        if old is not None:
            self._data[: len(old)] = old
            if self._lengths is not None and old_lengths is not None:
                self._lengths[: len(old_lengths)] = old_lengths
        self._owner = _grown(self._owner, slots)
        self._used = _grown(self._used, slots)

    def _free_many(self, count: int) -> Indices:
        assert self._data is not None
        if self._next + count > len(self._data):
            return np.asarray([self._free() for _ in range(count)], np.int64)
        self._next += count
        return np.arange(self._next - count, self._next)

    def _free(self) -> int:
        assert self._data is not None
        if self._next < len(self._data):
            self._next += 1
            return self._next - 1
        each = self._data[0].numel() * self._data.element_size()
        if 2 * len(self._data) * each <= self._max_bytes or len(self._data) < 64:
            self._allocate(2 * len(self._data), self._data.shape[1:])
            return self._free()
        slot = self._oldest()
        if slot < 0:
            self._allocate(2 * len(self._data), self._data.shape[1:])  # one batch needs more than the bound
            return self._free()
        return slot

    def _oldest(self) -> int:
        """Of the slots that this batch does not need the one longest unused, taken; -1 where there is none."""
        for again in (False, True):
            if again:
                self._look_for_idle()
            while self._idle:
                slot, used = self._idle.pop()
                if self._used[slot] == used < self._clock:
                    self._used[slot] = self._clock
                    return slot
        return -1

    def _look_for_idle(self) -> None:
        """The slots longest unused, the oldest last: many at once, since it takes a look at all."""
        count = min(len(self._used), max(64, len(self._used) // IDLE_SHARE))
        slots = np.argpartition(self._used, count - 1)[:count]
        slots = slots[np.argsort(-self._used[slots], kind="stable")]
        self._idle = list(zip(slots.tolist(), self._used[slots].tolist(), strict=True))


def _grown(array: Indices, size: int) -> Indices:
    larger = np.full(max(size, 2 * len(array)), -1, np.int64)
    larger[: len(array)] = array
    return larger
