"""Reverberation and echoes."""

from __future__ import annotations

import pytest
import torch

from .sounds import apply, chirp, decibels, rows_of, through


def click(length: int = 9600) -> torch.Tensor:
    data = torch.zeros(1, 1, length)
    data[..., 100] = 0.5
    return data


@pytest.mark.parametrize("rt60", [0.2, 0.5])
def test_reverberation_dies_away_in_its_time(rt60):
    tail = through("reverb", click(), rt60_seconds=rt60, wet=0.7, seed=3)[101:].double().square()
    per_window = 800
    energies = tail[: int(0.8 * rt60 * 16000) // per_window * per_window].view(-1, per_window).sum(1)
    slope = decibels(energies[-1] / energies[0]) / ((len(energies) - 1) * per_window / 16000)
    assert slope == pytest.approx(-60 / rt60, rel=0.15)


def test_reverberation_is_as_loud_as_asked_against_the_direct_sound():
    wave = through("reverb", click(), rt60_seconds=0.3, wet=0.5, seed=1).double()
    assert float(wave[101:].square().sum() / wave[100].square()) == pytest.approx(0.25, rel=0.2)


def test_a_row_in_a_room_is_as_loud_as_before():
    wave = chirp()
    level = through("reverb", wave, rt60_seconds=0.5, wet=0.7, seed=2).square().mean() / wave.square().mean()
    assert decibels(level) == pytest.approx(0, abs=0.05)


def test_the_direct_sound_comes_when_it_came_before():
    assert through("reverb", click(), rt60_seconds=0.3, wet=0.3, seed=1).abs().argmax() == 100


def test_seeds_give_other_rooms():
    rows = rows_of(click().expand(8, 1, -1).clone())
    mutated = apply("reverb", rows, rt60_seconds=0.3, wet=0.5, seed=list(range(8))).data[:, 0, 101:200]
    assert len({tuple(row.tolist()) for row in mutated}) == 8


def test_three_echoes_come_one_delay_after_another_and_weaker():
    wave = through("echo", click(), milliseconds=50.0, share=0.5)
    assert {int(place): float(wave[place]) for place in wave.nonzero().flatten()} == pytest.approx(
        {100: 0.5, 900: 0.25, 1700: 0.125, 2500: 0.0625}
    )


def test_a_room_does_not_depend_on_how_long_its_batch_is():
    params = {"rt60_seconds": 0.4, "wet": 0.6, "seed": 9}
    alone = apply("reverb", rows_of(chirp(0.2), [3200]), **params)
    beside = apply("reverb", rows_of(torch.nn.functional.pad(chirp(0.2), (0, 20001)), [3200]), **params)
    assert torch.equal(alone.data, beside.data[..., :3200])
