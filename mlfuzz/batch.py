"""B inputs of one modality on the target's device, and what was done to each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlfuzz.modality.base import Modality, Payload, stored_dtype
from mlfuzz.mutation import Chain, Mutation, Value

Indices: TypeAlias = NDArray[np.int64]
Recorded: TypeAlias = Mapping[str, NDArray[np.generic] | list[Value]]
"""Parameter columns of a slice as they are recorded: one value a row each."""


class Rows(Protocol):
    """B inputs of one modality; the loop never looks inside."""

    def __len__(self) -> int: ...

    def take(self, rows: Indices) -> Self:
        """Rows by position, in that order (repeats allowed)."""

    def part(self, start: int, stop: int) -> Self:
        """A contiguous slice; shares memory where it can."""

    def join(self, parts: Sequence[Self]) -> Self:
        """The parts one after the other; `self` only lends its type."""

    def project(self) -> Self:
        """The nearest rows on the modality's grid: what `payload` gives is then exactly what ran."""

    def payload(self, row: int) -> Payload:
        """One row on the host, as the modality encodes it."""

    def payloads(self, rows: Indices) -> list[Payload]:
        """Several rows on the host, in one copy."""


@dataclass(frozen=True, slots=True)
class TensorRows:
    """Inputs that are values, (B, ...) float32: images (B, C, H, W) in [0, 1], waveforms (B, C, T) in [-1, 1].

    lengths: valid samples of each row (B,), where rows are shorter than the tensor (zeros behind); else None.
    """

    data: Tensor
    modality: Modality
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return int(self.data.shape[0])

    def take(self, rows: Indices) -> TensorRows:
        index = torch.as_tensor(rows, device=self.data.device)
        lengths = None if self.lengths is None else self.lengths.index_select(0, index)
        return TensorRows(self.data.index_select(0, index), self.modality, lengths)

    def part(self, start: int, stop: int) -> TensorRows:
        lengths = None if self.lengths is None else self.lengths[start:stop]
        return TensorRows(self.data[start:stop], self.modality, lengths)

    def join(self, parts: Sequence[TensorRows]) -> TensorRows:
        if parts[0].lengths is None:
            return replace(self, data=torch.cat([part.data for part in parts]), lengths=None)
        longest = max(part.data.shape[-1] for part in parts)
        data = [functional.pad(part.data, (0, longest - part.data.shape[-1])) for part in parts]
        lengths = torch.cat([part.lengths for part in parts if part.lengths is not None])
        return replace(self, data=torch.cat(data), lengths=lengths)

    def project(self) -> TensorRows:
        return replace(self, data=snap(self.data, self.modality))

    def payload(self, row: int) -> Payload:
        data = self.data[row]
        if self.lengths is not None:
            data = data[..., : int(self.lengths[row])]
        return to_payload(data, self.modality)

    def payloads(self, rows: Indices) -> list[Payload]:
        taken = self.take(rows)
        stored = to_payload(taken.data, self.modality)
        if taken.lengths is None:
            return list(stored)
        return [row[..., :length] for row, length in zip(stored, taken.lengths.tolist(), strict=True)]

    def with_data(self, data: Tensor, lengths: Tensor | None = None) -> TensorRows:
        """The same rows with other values; for mutators."""
        return TensorRows(data, self.modality, self.lengths if lengths is None else lengths)


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Inputs that are values, as the integers of their files; a part becomes float32 when it is asked for.

    A whole batch made float32 at once would have left the cache before the last operator reads its part.
    """

    stored: Tensor
    modality: Modality
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return int(self.stored.shape[0])

    def part(self, start: int, stop: int) -> TensorRows:
        """A contiguous slice as it ran, on the grid."""
        lengths = None if self.lengths is None else self.lengths[start:stop]
        return TensorRows(to_unit(self.stored[start:stop], self.modality), self.modality, lengths)


@dataclass(frozen=True, slots=True)
class TextRows:
    """B strings on the host."""

    texts: tuple[str, ...]
    modality: Modality

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Indices) -> TextRows:
        return TextRows(tuple([self.texts[row] for row in rows.tolist()]), self.modality)

    def part(self, start: int, stop: int) -> TextRows:
        return TextRows(self.texts[start:stop], self.modality)

    def join(self, parts: Sequence[TextRows]) -> TextRows:
        return TextRows(tuple([text for part in parts for text in part.texts]), self.modality)

    def project(self) -> TextRows:
        limit = int(self.modality.high)
        return TextRows(tuple([_valid(text)[:limit] for text in self.texts]), self.modality)

    def payload(self, row: int) -> Payload:
        return self.texts[row]

    def payloads(self, rows: Indices) -> list[Payload]:
        return [self.texts[row] for row in rows.tolist()]


def snap(data: Tensor, modality: Modality, *, out: Tensor | None = None) -> Tensor:
    """Values clipped to the modality's range and rounded to its grid. NaN becomes the low end.

    out: of the same shape, is written and returned; either `data` itself or memory apart from it.
    """
    if data.device.type != "cpu" or not math.isfinite(data.sum().item()):  # elsewhere the look costs more than the deed
        data = torch.nan_to_num(data, nan=modality.low)
    if modality.levels is None:
        return torch.clamp(data, modality.low, modality.high, out=out)
    scaled = torch.mul(data, modality.levels, out=out).round_()
    return scaled.clamp_(modality.low * modality.levels, modality.high * modality.levels).div_(modality.levels)


def to_payload(data: Tensor, modality: Modality) -> NDArray[np.generic]:
    """Rows, or one row, on the grid -> the integers their files hold (float32 where the grid is float32)."""
    if modality.levels is None:
        return np.ascontiguousarray(data.detach().cpu().numpy())
    return data.detach().mul(modality.levels).round().cpu().numpy().astype(stored_dtype(modality))


def shape_of(rows: Rows) -> tuple[int, ...]:
    """Rows first; of texts nothing else."""
    return tuple(rows.data.shape) if isinstance(rows, TensorRows) else (len(rows),)


def from_payloads(payloads: Sequence[Payload], modality: Modality, device: torch.device) -> Rows:
    """Payloads of one shape (waveforms may differ in length: zeros are put behind) -> rows on the device."""
    if isinstance(payloads[0], str):
        return TextRows(tuple(str(payload) for payload in payloads), modality)
    arrays = [np.asarray(payload) for payload in payloads]
    if not modality.ragged:
        return TensorRows(to_unit(torch.from_numpy(np.stack(arrays)).to(device), modality), modality)
    return _padded(arrays, modality, device)


def to_unit(stored: Tensor, modality: Modality) -> Tensor:
    """Stored integers -> float32 on the grid; the same division everywhere, so the same bits."""
    return stored if modality.levels is None else stored.to(torch.float32).div_(modality.levels)


@dataclass(frozen=True, slots=True)
class Step:
    """One operator over rows [start, stop): its parameters as columns, as recorded. seconds: that it took."""

    name: str
    version: int
    start: int
    stop: int
    columns: Recorded
    seconds: float = field(default=0.0, compare=False)

    def mutation(self, row: int) -> Mutation:
        at = row - self.start
        return Mutation(self.name, {name: _plain(column[at]) for name, column in self.columns.items()}, self.version)

    def mutations(self, rows: Indices) -> list[Mutation]:
        """`mutation` of several rows (n,), column by column."""
        at = rows - self.start
        names = tuple(self.columns)
        columns = [_plain_values(column, at) for column in self.columns.values()]
        values = zip(*columns, strict=True) if columns else ((),) * len(at)
        return [Mutation(self.name, dict(zip(names, row, strict=True)), self.version) for row in values]


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit of all work.

    parents: corpus row of each row's parent (B,); seeds: seed number of each row (B,).
    loads: (B, K) distance from the seed so far, in units of the limits (see mutators/limits/limits.py).
    invariant: (B,) whether every operator since the seed keeps the label.
    steps: what was done to the parents in this batch.
    chains: the whole chain of a row since its seed, for the few parts that ask; None where it is not known.
    """

    rows: Rows
    parents: Indices
    seeds: Indices
    loads: NDArray[np.float32]
    invariant: NDArray[np.bool_]
    steps: tuple[Step, ...] = ()
    chains: Callable[[int], Chain] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Indices) -> Batch:
        """Rows by position, with their chains but without `steps`, whose rows have moved."""
        chains = self.chains
        moved = None if chains is None else lambda row: chains(int(rows[row]))
        return Batch(
            self.rows.take(rows), self.parents[rows], self.seeds[rows], self.loads[rows], self.invariant[rows],
            chains=moved,
        )  # fmt: skip

    def mutations(self, row: int) -> Chain:
        """The record of one row: only made for rows that are kept."""
        return tuple(step.mutation(row) for step in self.steps if step.start <= row < step.stop)

    def mutations_of(self, rows: Indices) -> list[Chain]:
        """`mutations` of several rows (n,), ascending."""
        chains: list[Chain] = [()] * len(rows)
        edges = np.searchsorted(rows, [[step.start for step in self.steps], [step.stop for step in self.steps]])
        for step, low, high in zip(self.steps, *edges.tolist(), strict=True):
            if low < high:
                for at, made in enumerate(step.mutations(rows[low:high]), low):
                    chains[at] += (made,)
        return chains


def _plain_values(column: NDArray[np.generic] | list[Value], at: Indices) -> list[Value]:
    """What `_plain` makes of the column's values there."""
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iuf":
        plain: list[Value] = column[at].tolist()
        return plain
    return [_plain(column[position]) for position in at.tolist()]


def _plain(value: object) -> Value:
    item = value.item() if isinstance(value, np.generic) else value
    if isinstance(item, bool):
        return int(item)
    if isinstance(item, int | float | str | list):
        return item
    raise TypeError(f"a recorded parameter is a number, a string or a list of them, not {type(item).__name__}")


def _valid(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(char for char in text if not "\ud800" <= char <= "\udfff")
    return text


def _padded(arrays: Sequence[NDArray[np.generic]], modality: Modality, device: torch.device) -> TensorRows:
    longest = max(array.shape[-1] for array in arrays)
    stored = np.zeros((len(arrays), arrays[0].shape[0], longest), arrays[0].dtype)
    for row, array in enumerate(arrays):
        stored[row, :, : array.shape[-1]] = array
    lengths = torch.tensor([array.shape[-1] for array in arrays], device=device)
    return TensorRows(to_unit(torch.from_numpy(stored).to(device), modality), modality, lengths)
