"""What a criterion may look at in an observation: (B, D) numbers on the observation's device."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.observation import Observation, Output, Ragged

Extract: TypeAlias = Callable[[Observation], Tensor]
"""Observation of B rows -> (B, D) float32; D is the same for every batch of one target."""

TEXT_BINS = 64
"""Columns that an output text is counted into."""


class Layer(Protocol):
    """Where a layer's units stand in `Observation.activations`: columns [start, stop)."""

    @property
    def name(self) -> str: ...

    @property
    def start(self) -> int: ...

    @property
    def stop(self) -> int: ...


def extractor(name: str, *, layers: Sequence[Layer] = (), columns: slice | None = None) -> Extract:
    """The features of that name.

    "pooled": every unit. "penultimate": the units of the last layer that is watched. "logits": the main output,
    flattened. "sum_abs_logits": the sum of its absolute values (Odena et al., TensorFuzz, ICML 2019, section 4.1).
    columns: a part of the units instead of what the name says; for "pooled" and "penultimate".
    Where a black box has no units, "pooled" and "penultimate" are the outputs.
    Raises UnknownNameError, and ConfigError for "penultimate" where neither layers nor columns are given.
    """
    if name == "logits":
        return logits
    if name == "sum_abs_logits":
        return sum_abs_logits
    if name == "penultimate" and columns is None:
        if not layers:
            raise ConfigError("features 'penultimate' need the target's layers, or columns=slice(start, stop)")
        columns = slice(layers[-1].start, layers[-1].stop)
    if name in ("pooled", "penultimate"):
        return lambda seen: units(seen, columns)
    raise UnknownNameError("feature", name, ("pooled", "penultimate", "logits", "sum_abs_logits"))


def units(seen: Observation, columns: slice | None = None) -> Tensor:
    """Activations (B, units), or the outputs of a black box."""
    if seen.activations.shape[1] == 0:
        return torch.cat([numbers(output) for output in seen.outputs.values()], dim=1)
    chosen = seen.activations if columns is None else seen.activations[:, columns]
    return chosen.to(torch.float32)


def logits(seen: Observation) -> Tensor:
    """The main output, flattened (B, D)."""
    return numbers(seen.outputs["main"])


def sum_abs_logits(seen: Observation) -> Tensor:
    """(B, 1): how large the main output is in all."""
    return logits(seen).abs().sum(1, keepdim=True)


def spans(layers: Sequence[Layer], width: int) -> list[slice]:
    """The layers' columns; one for all where no layers are known, or where the features are not the units."""
    fits = bool(layers) and layers[-1].stop == width
    return [slice(layer.start, layer.stop) for layer in layers] if fits else [slice(0, width)]


def numbers(output: Output) -> Tensor:
    """(B, D) float32 of any output.

    Sequences of different length: their mean over time and the logarithm of the length. Texts: how often three bytes
    in a row fall into each of TEXT_BINS bins, and the logarithm of the length.
    """
    if isinstance(output, Tensor):
        return output.reshape(output.shape[0], -1).to(torch.float32)
    if isinstance(output, Ragged):
        return _mean_over_time(output)
    rows = {text: row for row, text in enumerate(dict.fromkeys(output))}  # names of labels repeat
    counted = _counted(list(rows))
    return torch.from_numpy(counted if len(rows) == len(output) else counted[[rows[text] for text in output]])


def _mean_over_time(output: Ragged) -> Tensor:
    values = output.values.to(torch.float32)
    lengths = output.lengths.to(torch.float32)
    inside = torch.arange(values.shape[1], device=values.device) < output.lengths[:, None]
    flat = values.reshape(*values.shape[:2], -1).masked_fill(~inside[:, :, None], 0.0)
    return torch.cat([flat.sum(1) / lengths.clamp_min(1.0)[:, None], lengths.log1p()[:, None]], dim=1)


def _counted(texts: Sequence[str]) -> NDArray[np.float32]:
    """(texts, TEXT_BINS + 1) by zlib.crc32 of three bytes in a row; of a shorter text, of what it has.

    Not by hash(): that is salted anew in each process.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.asarray([len(data) for data in encoded])
    windows = np.maximum(lengths - 2, 1)
    bins = np.zeros((len(encoded), TEXT_BINS), np.float32)
    # Behind each other: a window that reaches over into the next text is left out below.
    data = np.frombuffer(b"".join(encoded) + b"\0\0", np.uint8)
    starts = np.cumsum(lengths) - lengths
    rows = np.repeat(np.arange(len(encoded)), lengths)
    inside = np.arange(len(rows)) - starts[rows] < lengths[rows] - 2
    at = np.flatnonzero(inside)
    found = _crc32(data[at], data[at + 1], data[at + 2]) % TEXT_BINS
    bins += np.bincount(rows[at] * TEXT_BINS + found, minlength=bins.size).reshape(bins.shape)
    for row in np.flatnonzero(lengths < 3).tolist():
        bins[row, zlib.crc32(encoded[row]) % TEXT_BINS] += 1.0
    bins /= windows[:, None].astype(np.float32)
    return np.concatenate([bins, np.log1p(lengths).astype(np.float32)[:, None]], axis=1)


def _table() -> NDArray[np.uint32]:
    """Of CRC-32, one number a byte (reflected polynomial of zlib)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0xEDB88320), table >> 1).astype(np.uint32)
    return table


CRC = _table()


def _crc32(*columns: NDArray[np.uint8]) -> NDArray[np.int64]:
    """zlib.crc32 of the bytes that stand beside each other in the columns."""
    crc = np.full(len(columns[0]), 0xFFFFFFFF, np.uint32)
    for column in columns:
        crc = CRC[(crc ^ column) & 0xFF] ^ (crc >> 8)
    return (crc ^ np.uint32(0xFFFFFFFF)).astype(np.int64)
