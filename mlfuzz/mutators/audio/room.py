"""Operators that put a waveform into a room."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio import bank
from mlfuzz.mutators.audio.spectrum import convolved
from mlfuzz.mutators.audio.wave import QUIET, changed, each, energy, inside, moved, rate_of, samples_of, unless
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import LogReal, Real, Seed

TAIL_SECONDS = 0.6
"""Of a room's answer; what comes later is not worked out."""

SILENT_AFTER = 3 * math.log(10)
"""The amplitude falls by this power of e in the reverberation time: 60 dB."""

ECHOES = 3


@mutator(
    "audio.reverb", kind="room", cost=32,
    rt60_seconds=LogReal(0.1, 0.6, unit="s"), wet=Real(0.0, 0.7, neutral=0.0, unit="of the direct sound"), seed=Seed(),
)  # fmt: skip
def reverb(rows: TensorRows, *, rt60_seconds: Column, wet: Column, seed: Column) -> TensorRows:
    """Add the reverberation of a room: noise that the seed decides, dying away by 60 dB in `rt60_seconds`.

    wet: loudness of the reverberation over that of the direct sound. The row stays as loud as it was.
    Source: J. A. Moorer, About this reverberation business, Computer Music Journal 3, 1979 (noise that dies away).
    """
    tail = convolved(rows.data, _answers(rows, rt60_seconds.double().clamp(0.01, 10), seed))
    data = torch.addcmul(rows.data, tail, each(wet))
    own = inside(rows)
    mixed = energy(data if own is None else data * own) / (energy(rows.data) + QUIET)
    return unless(wet == 0, rows, data * each(mixed.clamp(min=QUIET).rsqrt()))


@mutator(
    "audio.echo", kind="room", cost=8,
    milliseconds=Real(40.0, 250.0, unit="ms"), share=Real(0.0, 0.5, neutral=0.0, unit="of the amplitude"),
)  # fmt: skip
def echo(rows: TensorRows, *, milliseconds: Column, share: Column) -> TensorRows:
    """Add three echoes, each later by `milliseconds` and weaker by `share` than the one before."""
    delay = samples_of(milliseconds, rows).clamp(min=1)
    data, factor = rows.data, torch.ones_like(share)
    for turn in range(1, ECHOES + 1):
        factor = factor * share
        data = torch.addcmul(data, moved(rows.data, -delay * turn), each(factor))
    return changed(rows, data)


def _answers(rows: TensorRows, rt60_seconds: Tensor, seed: Tensor) -> Tensor:
    """(B, L) impulse responses of energy 1, without the direct sound."""
    length = max(1, int(TAIL_SECONDS * rate_of(rows)))
    loss = (-SILENT_AFTER / rate_of(rows)) / rt60_seconds.view(-1, 1)
    # exp(loss t) by rows and columns: 32 times fewer exponentials, in float64.
    columns = 64
    rows_of = -(-length // columns)
    slow = torch.exp(loss * torch.arange(0, rows_of * columns, columns, device=seed.device))
    fast = torch.exp(loss * torch.arange(columns, device=seed.device))
    total = (1 - torch.exp(2 * loss * length)) / (1 - torch.exp(2 * loss))
    fall = ((slow / total.sqrt()).float()[:, :, None] * fast.float()[:, None]).flatten(1)[:, :length]
    return fall.mul_(bank.noise("white", seed, 1, length)[:, 0])
