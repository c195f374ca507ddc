"""Waveforms as rows (B, C, T): their length, their power, and reading each from another place.

A row must come out the same alone and in any batch, so nothing here depends on T beyond a row's own length, and
nothing uses an operation that rounds a tensor's last lanes otherwise than its first (measured: pow, atan2, complex
products).
What is worked out once a row is worked out in float64 and rounded: a last bit that differs is then gone.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from mlfuzz.batch import TensorRows
from mlfuzz.errors import ConfigError

QUIET = 1e-20
"""Power below which a row counts as silent."""

MAX_SAMPLES = 32 << 20
"""No row grows longer than this, however often it is stretched."""


def rate_of(rows: TensorRows) -> int:
    """Samples a second."""
    rate_hz = getattr(rows.modality, "sample_rate_hz", None)
    if not isinstance(rate_hz, int):
        raise ConfigError(f"audio operators need a modality with a sample rate, not {rows.modality!r}")
    return rate_hz


def unit_of(rows: TensorRows) -> int:
    """Samples of about a millisecond: what works in such steps works on a sixteenth of the numbers."""
    return max(1, round(rate_of(rows) / 1000))


def each(column: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1) float32, to meet (B, C, T)."""
    return column.to(torch.float32).view(-1, 1, 1)


def samples_of(milliseconds: Tensor, rows: TensorRows) -> Tensor:
    """(B,) milliseconds -> (B,) whole samples, int64."""
    return milliseconds.double().mul(rate_of(rows) / 1000).round().long()


def amplitude(decibels: Tensor) -> Tensor:
    """(B,) dB -> (B,) float64 factor of the amplitude."""
    return torch.exp(decibels.double() * 0.11512925464970229)


def lengths_of(rows: TensorRows) -> Tensor:
    """(B,) samples of each row, int64."""
    if rows.lengths is not None:
        return rows.lengths.long()
    return torch.full((len(rows),), rows.data.shape[-1], dtype=torch.int64, device=rows.data.device)


def inside(rows: TensorRows) -> Tensor | None:
    """(B, 1, T) bool: which samples are a row's own; None where all are."""
    return None if rows.lengths is None else _first(rows.lengths, rows.data)


def changed(rows: TensorRows, data: Tensor) -> TensorRows:
    """The rows with other samples (B, C, T), zeros behind each row's length."""
    own = inside(rows)
    return rows.with_data(data if own is None else torch.where(own, data, 0.0))


def unless(neutral: Tensor, rows: TensorRows, data: Tensor) -> TensorRows:
    """As `changed`, but rows where `neutral` (B,) holds stay as they are to the bit."""
    return changed(rows, torch.where(neutral.view(-1, 1, 1), rows.data, data))


def of_length(rows: TensorRows, lengths: Tensor, data: Tensor) -> TensorRows:
    """Rows of new lengths (B,); data (B, C, T'), read as silence beyond T'.

    Where the modality has one length for all, T stays: what is longer is cut, and `data` must be silent behind a
    shorter row. Where lengths vary, they become `lengths`, and T grows as far as it must.
    """
    have = rows.data.shape[-1]
    if rows.lengths is None:
        return rows.with_data(_longer(data[..., :have], have))
    lengths = lengths.clamp(1, max(MAX_SAMPLES, have))
    wanted = max(have, int(lengths.max()))
    data = _longer(data, wanted)
    return replace(rows, data=cut(data, lengths), lengths=lengths)


def cut(data: Tensor, lengths: Tensor) -> Tensor:
    """Rows (B, C, T) with silence behind their first `lengths` (B,) samples."""
    return torch.where(_first(lengths, data), data, 0.0)


def room_for(rows: TensorRows, lengths: Tensor) -> int:
    """Samples that are worth working out for rows of new lengths (B,): T, or more where lengths may grow."""
    have = rows.data.shape[-1]
    return have if rows.lengths is None else max(have, min(int(lengths.max()), MAX_SAMPLES))


def power(rows: TensorRows) -> Tensor:
    """(B,) float64 mean square of each row's own samples."""
    return energy(rows.data) / (lengths_of(rows) * rows.data.shape[1])


def energy(data: Tensor) -> Tensor:
    """(B, ...) -> (B,) float64 sum of squares. Summed in float64: the order then changes no bit of a float32."""
    return data.square().flatten(1).sum(1, dtype=torch.float64)


def moved(data: Tensor, starts: Tensor) -> Tensor:
    """Rows (B, C, T), each read from sample `starts` (B,) on; silence outside. A new tensor."""
    count, channels, length = data.shape
    starts = starts.clamp(-length, length)
    # As much silence as the farthest row needs; a device would have to be waited for to say how much that is.
    reach = max(starts.abs().tolist(), default=0) if data.device.type == "cpu" else length
    framed = pad(data, (reach, reach)).view(-1)
    width = length + 2 * reach
    first = torch.arange(count * channels, device=data.device).mul_(width).add_(reach)
    first += starts.repeat_interleave(channels)
    return windows(framed, first, length).view(count, channels, length)


def windows(flat: Tensor, starts: Tensor, length: int) -> Tensor:
    """(n, length): `length` numbers of a flat tensor from each of `starts` (n,) on, copied run by run."""
    return flat.as_strided((len(flat) - length + 1, length), (1, 1)).index_select(0, starts)


def _longer(data: Tensor, wanted: int) -> Tensor:
    """Silence behind rows of fewer than `wanted` samples; else no copy."""
    return pad(data, (0, wanted - data.shape[-1])) if data.shape[-1] < wanted else data


def _first(lengths: Tensor, data: Tensor) -> Tensor:
    """(B, 1, T) bool: the first `lengths` samples of each row."""
    return (torch.arange(data.shape[-1], device=data.device) < lengths.view(-1, 1))[:, None]
