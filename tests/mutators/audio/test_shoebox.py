"""Rectangular rooms: where the reflections come, how loud they are, and that a row is a row in any batch."""

from __future__ import annotations

import math

import pytest
import torch

from mlfuzz.mutators.audio.shoebox import SIDES, SOUND, _answer

from .sounds import apply, chirp, decibels, rows_of, through

RATE = 16_000


def test_the_first_reflection_comes_from_the_nearest_wall_and_is_as_loud_as_its_way_is_long():
    place = torch.full((6,), 0.5, dtype=torch.float64)
    place[3] = 0.9  # the ear, further along the room's length
    taps = _answer(6.0, 0.5, place, RATE)
    source, ear = 6 * SIDES[0] * (0.15 + 0.7 * 0.5), 6 * SIDES[0] * (0.15 + 0.7 * 0.9)
    direct, height = ear - source, 6 * SIDES[2] / 2
    way = math.hypot(direct, 2 * height)  # floor and ceiling, both as far
    first = int(taps.nonzero()[0])
    assert first == round((way - direct) / SOUND * RATE)
    assert float(taps[first]) == pytest.approx(2 * direct / way * math.sqrt(0.5), rel=1e-5)


def test_walls_that_swallow_more_leave_less_and_larger_rooms_ring_longer():
    place = torch.tensor([0.2, 0.4, 0.6, 0.7, 0.3, 0.5], dtype=torch.float64)
    soft, hard, large = (_answer(side, loss, place, RATE) for side, loss in ((4.0, 0.8), (4.0, 0.2), (10.0, 0.2)))
    assert soft.square().sum() < hard.square().sum()

    def centre(taps):
        return float((taps.square() * torch.arange(len(taps))).sum() / taps.square().sum())

    assert centre(large) > centre(hard) > centre(soft)


def test_a_row_stays_as_loud_and_the_room_alone_decides_what_is_added():
    wave = 0.5 * chirp()
    made = through("shoebox", wave, metres=5.0, absorption=0.3, wet=1.0, seed=2)
    assert decibels(made.square().mean() / wave.square().mean()) == pytest.approx(0, abs=0.05)
    same = through("shoebox", wave, metres=5.0, absorption=0.3, wet=0.0, seed=2)
    assert torch.equal(same, wave[0, 0])


def test_a_row_does_not_depend_on_its_batch():
    params = {"metres": [3.0, 8.0], "absorption": [0.2, 0.6], "wet": [1.0, 0.5], "seed": [3, 4]}
    both = apply("shoebox", rows_of(chirp(0.2).expand(2, 1, -1).clone()), **params).data
    for at in range(2):
        alone = apply("shoebox", rows_of(chirp(0.2)), **{name: [one[at]] for name, one in params.items()}).data
        assert torch.equal(both[at], alone[0])
