"""A waveform in a rectangular room: reflections from its six walls, worked out as images of the source."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.spectrum import convolved
from mlfuzz.mutators.audio.wave import QUIET, each, energy, inside, rate_of, unless
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.noise import uniform
from mlfuzz.mutators.param import LogReal, Real, Seed

SOUND = 343.0
"""Metres a second, at 20 degrees."""

SIDES = (1.0, 0.78, 0.55)
"""Length, width and height of the room, of its length: no two are multiples, as for good studios (Bolt 1946)."""

REACH_SECONDS = 0.25
"""Of the room's answer after the direct sound: what comes later is 60 dB down in all but the hardest rooms."""

MOST_ORDER = 10
"""Reflections at one pair of walls: a room of 2.5 m needs more for the whole reach, and is quiet by then."""


@mutator(
    "audio.shoebox", kind="room", cost=512, default=False,
    metres=LogReal(2.5, 12.0, unit="m"), absorption=Real(0.1, 0.9, unit="of the sound at a wall"),
    wet=Real(0.0, 1.0, neutral=0.0, unit="of the reflections"), seed=Seed(),
)  # fmt: skip
def shoebox(rows: TensorRows, *, metres: Column, absorption: Column, wet: Column, seed: Column) -> TensorRows:
    """Reflections of a rectangular room, whose longest side is `metres`; the seed decides where speaker and ear are.

    wet: 1 is the room itself, less fades the reflections. The direct sound comes when it came, the row stays as loud.
    Source: Allen and Berkley, Image method for efficiently simulating small-room acoustics, JASA 1979 (to the nearest
    sample, walls of one absorption).
    """
    places = uniform(seed, (6,)).double()
    taps = [
        _answer(float(side), float(loss), place, rate_of(rows))
        for side, loss, place in zip(metres.tolist(), absorption.tolist(), places, strict=True)
    ]
    data = torch.addcmul(rows.data, convolved(rows.data, torch.stack(taps).to(rows.data.device)), each(wet))
    own = inside(rows)
    mixed = energy(data if own is None else data * own) / (energy(rows.data) + QUIET)
    return unless(wet == 0, rows, data * each(mixed.clamp(min=QUIET).rsqrt()))


def _answer(metres: float, absorption: float, place: Tensor, rate_hz: int) -> Tensor:
    """(L,) reflections after the direct sound, whose amplitude would be 1 at 0. place: (6,) in [0, 1), float64."""
    sides = metres * torch.tensor(SIDES, dtype=torch.float64)
    source, ear = (sides * (0.15 + 0.7 * half.cpu()) for half in (place[:3], place[3:]))
    length = max(1, int(REACH_SECONDS * rate_hz))
    orders = [min(MOST_ORDER, math.ceil(REACH_SECONDS * SOUND / (2 * float(side))) + 1) for side in sides]
    squares, hits = [], []
    for side, at, to, order in zip(sides.tolist(), source.tolist(), ear.tolist(), orders, strict=True):
        turns = torch.arange(-order, order + 1, dtype=torch.float64)
        distance = torch.cat([2 * turns * side + at - to, 2 * turns * side - at - to])
        squares.append(distance.square())
        hits.append(torch.cat([2 * turns.abs(), (turns - 1).abs() + turns.abs()]))
    far = (squares[0][:, None, None] + squares[1][:, None] + squares[2]).sqrt().flatten()
    bounced = (hits[0][:, None, None] + hits[1][:, None] + hits[2]).flatten()
    direct = float((source - ear).square().sum().sqrt().clamp(min=0.1))
    late = ((far - direct) * (rate_hz / SOUND)).round().long()
    kept = (bounced > 0) & (late < length) & (late >= 0)
    loss = math.sqrt(1 - min(max(absorption, 0.0), 1.0))
    strength = direct / far[kept].clamp(min=0.1) * torch.exp(bounced[kept] * math.log(max(loss, 1e-6)))
    taps = torch.zeros(length, dtype=torch.float64)
    return taps.index_add_(0, late[kept], strength).float()
