"""Operators that lose stretches of a waveform: silence where packets, or contacts, went missing."""

from __future__ import annotations

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.bank import noise
from mlfuzz.mutators.audio.wave import lengths_of, unit_of
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Integer, LogReal, Real, Seed

MAX_DROPOUTS = 32

SHORTEST_PACKET = 10
"""Milliseconds: packets asked to be shorter are as long."""


@mutator(
    "audio.dropouts", kind="level", cost=2,
    count=Integer(0, 8, neutral=0, unit="dropouts"), milliseconds=Real(2.0, 30.0, unit="ms"), seed=Seed(),
)  # fmt: skip
def dropouts(rows: TensorRows, *, count: Column, milliseconds: Column, seed: Column) -> TensorRows:
    """Silence `count` stretches (at most 32) at places that the seed decides: a loose contact, a starved buffer."""
    units = _units(rows)
    chance = noise("uniform", seed, 1, MAX_DROPOUTS)[:, 0]
    starts = (chance * (lengths_of(rows) / unit_of(rows)).view(-1, 1)).long()
    width = milliseconds.double().round().long().clamp(min=0).view(-1, 1)
    there = (torch.arange(MAX_DROPOUTS, device=seed.device) < count.view(-1, 1)).long()
    edges = torch.zeros(len(rows), units + 1, dtype=torch.int64, device=seed.device)
    edges.scatter_add_(1, starts.clamp(max=units), there)
    edges.scatter_add_(1, (starts + width).clamp(max=units), -there)
    return _silenced(rows, edges.cumsum(1)[:, :units] > 0)


@mutator(
    "audio.packet_loss_gilbert", kind="time", cost=2,
    share=Real(0.0, 0.3, neutral=0.0, unit="of the packets"), burst=LogReal(1.0, 4.0, unit="packets"),
    packet_ms=Integer(10, 40, unit="ms"), seed=Seed(),
)  # fmt: skip
def packet_loss_gilbert(
    rows: TensorRows, *, share: Column, burst: Column, packet_ms: Column, seed: Column
) -> TensorRows:
    """Lose packets in bursts, as networks do; a lost packet is silence (no concealment).

    share: of packets lost in the long run. burst: packets lost in a row, on average.
    Source: Gilbert, Capacity of a burst-noise channel, Bell System Technical Journal 39, 1960 (every packet of the bad
    state is lost); the lengths of the two states are drawn in turn from their geometric laws.
    """
    units, packet = _units(rows), packet_ms.clamp(min=SHORTEST_PACKET).view(-1, 1)
    packets = units // SHORTEST_PACKET + 1
    lost = share.double().clamp(0, 0.999).view(-1, 1)
    leave_bad = 1 / burst.double().clamp(min=1).view(-1, 1)
    leave_good = (leave_bad * lost / (1 - lost)).clamp(max=1)
    chance = noise("uniform", seed, 1, packets + 2)[:, 0].double()
    # A state ends after each packet with probability p: its length is 1 + floor(log(1 - u) / log(1 - p)).
    starts_bad = chance[:, :1] < lost
    bad = (torch.arange(packets + 1, device=seed.device) % 2 == 0) == starts_bad
    log_good, log_bad = (torch.log1p(-p.clamp(1e-12, 1 - 1e-12)) for p in (leave_good, leave_bad))
    leave = torch.where(bad, log_bad, log_good)
    stays = torch.log1p(-chance[:, 1:]).div_(leave).floor_()
    ends = stays.clamp_(max=packets).add_(1).cumsum(1).clamp_(max=packets).long()
    changes = torch.zeros_like(ends).scatter_add_(1, ends, torch.ones_like(ends)).cumsum_(1)[:, :packets]
    gone = (((changes % 2) == 0) == starts_bad) & (lost > 0)
    # Halves over whole numbers never fall on a whole one: the same quotients as of integers, at a third of the cost.
    middles = torch.arange(units, dtype=torch.float64, device=seed.device) + 0.5
    return _silenced(rows, gone.gather(1, (middles / packet).long()))


@mutator(
    "audio.packet_loss_periodic", kind="time", cost=1,
    share=Real(0.0, 0.4, neutral=0.0, unit="of each period"), period_ms=Integer(20, 80, unit="ms"),
)  # fmt: skip
def packet_loss_periodic(rows: TensorRows, *, share: Column, period_ms: Column) -> TensorRows:
    """Silence the last `share` of every `period_ms`.

    Source: AequeVox's drop, 5 to 25 % of the frames, 20 ms out of blocks of 40 ms (Rajan et al., FASE 2022).
    """
    period = period_ms.clamp(min=1).view(-1, 1)
    kept = period - (share.double().clamp(0, 1).view(-1, 1) * period).round().long()
    return _silenced(rows, torch.arange(_units(rows), device=share.device) % period >= kept)


def _units(rows: TensorRows) -> int:
    return -(-rows.data.shape[-1] // unit_of(rows))


def _silenced(rows: TensorRows, lost: Tensor) -> TensorRows:
    """lost: (B, units) bool."""
    unit, length = unit_of(rows), rows.data.shape[-1]
    whole = length // unit
    count, channels, _ = rows.data.shape
    kept = (~lost).to(rows.data.dtype)[:, None, :, None]
    main = rows.data[..., : whole * unit].reshape(count, channels, whole, unit) * kept[:, :, :whole]
    if whole * unit == length:
        return rows.with_data(main.view(count, channels, length))
    rest = rows.data[..., whole * unit :] * kept[:, :, whole]
    return rows.with_data(torch.cat([main.view(count, channels, -1), rest], 2))
