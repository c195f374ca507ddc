"""What time maps say is where the operators put things."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.timemap import TIME_MAPS, known, traced, warps

from .sounds import RATE, apply, rows_of

CHAINS = [
    [("shift", {"milliseconds": 60.0})],
    [("shift", {"milliseconds": -60.0})],
    [("trim", {"start_ms": 50.0, "end_ms": 20.0})],
    [("trim", {"start_ms": 5000.0, "end_ms": 20.0})],
    [("silence_insert", {"at": 0.2, "milliseconds": 80.0})],
    [("silence_insert", {"at": 0.9, "milliseconds": 80.0})],
    [("speed", {"factor": 0.8})],
    [("speed", {"factor": 1.25})],
    [("time_stretch", {"factor": 0.9})],
    [("speed", {"factor": 1.25}), ("shift", {"milliseconds": 40.0}), ("gain", {"decibels": -6.0})],
    [("silence_insert", {"at": 0.1, "milliseconds": 30.0}), ("trim", {"start_ms": 60.0, "end_ms": 0.0})],
    [("trim", {"start_ms": 20.0, "end_ms": 20.0}), ("time_stretch", {"factor": 1.1})],
]


def burst(place: float) -> torch.Tensor:
    """Half a second with a burst of 10 ms around `place` seconds."""
    time = np.arange(RATE // 2) / RATE
    wave = np.sin(2 * np.pi * 1000 * time) * np.exp(-(((time - place) / 0.004) ** 2))
    return torch.from_numpy(wave.astype(np.float32))[None, None]


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("steps", CHAINS, ids=lambda steps: ", ".join(f"{n} {list(p.values())}" for n, p in steps))
def test_a_burst_is_traced_back_to_where_it_was(steps, varying) -> None:
    place = 0.21
    rows = rows_of(burst(place), [RATE // 2] if varying else None)
    for name, params in steps:
        rows = apply(name, rows, **params)
    power = rows.data[0, 0].square().numpy()
    heard = float((power * np.arange(len(power))).sum() / power.sum() / RATE)
    chain = [Mutation(f"audio.{name}", params) for name, params in steps]
    # A phase vocoder spreads a burst over its frames of 32 ms.
    near = 0.008 if any(name == "time_stretch" for name, _ in steps) else 0.001
    assert traced(np.array([heard]), chain, 0.5, fixed=not varying)[0] == pytest.approx(place, abs=near)


def test_pauses_and_what_moved_in_come_from_nowhere() -> None:
    MUTATORS.get("audio.shift")
    pause = [Mutation("audio.silence_insert", {"at": 0.5, "milliseconds": 100.0})]
    assert np.isnan(traced(np.array([0.24, 0.26, 0.34, 0.36]), pause, 0.5, fixed=True)).tolist() == [
        False, True, True, False,
    ]  # fmt: skip
    later = [Mutation("audio.shift", {"milliseconds": 100.0})]
    assert np.isnan(traced(np.array([0.05, 0.15]), later, 0.5, fixed=True)).tolist() == [True, False]
    fast = [Mutation("audio.speed", {"factor": 1.25}), Mutation("audio.shift", {"milliseconds": -50.0})]
    assert np.isnan(traced(np.array([0.3, 0.36]), fast, 0.5, fixed=True)).tolist() == [False, True]


def test_every_operator_that_warps_time_has_a_map() -> None:
    warping = {part.name for part in MUTATORS if part.warps_time}
    assert warping == set(TIME_MAPS)
    assert known([Mutation(name) for name in warping])
    assert not warps([Mutation("audio.gain")])
