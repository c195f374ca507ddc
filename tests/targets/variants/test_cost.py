"""Measuring single rows: what is counted, which rows of a batch are picked, and what makes a slow run believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.batch import Rows, TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.observation import Observation
from mlfuzz.targets.variants.base import varied
from mlfuzz.targets.variants.cost import Meter, Operations, PeakBytes, Seconds, measured_apart

IMAGE = Image(size=(8, 8))


class Works(nn.Module):
    """Bright rows: ten more operations, and 400 kB kept until the end."""

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for mean in x.flatten(1).mean(1).tolist():
            if mean > 0.5:
                kept += [torch.zeros(10_000) for _ in range(10)]
        return x.flatten(1)[:, :3]


def rows(*means: float) -> TensorRows:
    return TensorRows(torch.tensor(means).view(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous(), IMAGE)


def target(model: nn.Module | None = None) -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("w", IMAGE, model or Works())


@pytest.mark.slow
def test_each_row_is_measured_by_itself() -> None:
    seen = varied(target(), ["cost-bytes", "cost-operations"]).run(rows(0.1, 0.9, 0.1))
    peak, count = seen.outputs["cost-bytes.alone"], seen.outputs["cost-operations.alone"]
    assert isinstance(peak, Tensor)
    assert isinstance(count, Tensor)
    assert peak[0] == peak[2] < 10_000
    assert 400_000 <= float(peak[1]) < 410_000
    assert float(count[1] - count[0]) == 10.0


def test_memory_that_is_given_back_counts_once() -> None:
    class InTurn(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(10):
                torch.zeros(100_000)
            return x.flatten(1)[:, :3]

    assert PeakBytes()(target(InTurn()), rows(0.1)) < 850_000


def test_what_a_row_is_part_of_is_not_its_own() -> None:
    batch = rows(*[0.1] * 64)
    assert PeakBytes()(target(), batch.part(3, 4)) == PeakBytes()(target(), rows(0.1))


def test_a_function_is_charged_for_what_numpy_makes() -> None:
    def thirsty(pictures: Any) -> Any:
        waste = np.ones((500, 500)) * 2.0
        return pictures.reshape(len(pictures), -1)[:, :3] + waste[0, 0] * 0

    black_box = mlfuzz.CallableTarget("f", IMAGE, thirsty, numpy=True)
    assert PeakBytes()(black_box, rows(0.1)) > 2_000_000


def test_operations_are_the_same_each_time_and_seconds_are_not_nothing() -> None:
    assert Operations()(target(), rows(0.9)) == Operations()(target(), rows(0.9)) > 10
    assert 0.0 < Seconds()(target(), rows(0.1)) < 5.0


class Scripted:
    """A stopwatch that says what it is told, by the mean of the rows."""

    steady = False

    def __init__(self, *readings: float) -> None:
        self.readings: Iterator[float] = iter(readings)
        self.asked: list[tuple[int, float]] = []

    def __call__(self, target: Any, row: Rows) -> float:
        assert isinstance(row, TensorRows)
        mean = float(row.data.mean())
        self.asked.append((len(row), round(mean, 2)))
        return next(self.readings, 0.001 * len(row) + float((row.data.flatten(1).mean(1) > 0.5).sum()))


def seen_in(seconds: float, count: int) -> Observation:
    return Observation({"main": torch.zeros(count, 2)}, torch.zeros(count, 0), seconds)


def test_a_few_rows_of_a_batch_are_measured_others_each_time() -> None:
    meter = Meter("m", None, Scripted())
    batch = rows(*[0.1] * 16)
    measured = [
        torch.isfinite(meter.some(batch, seen_in(0.1, 16), 4)["alone"]).flatten().nonzero().flatten().tolist()  # type: ignore[arg-type]
        for _ in range(2)
    ]
    assert measured == [[0, 4, 8, 12], [1, 5, 9, 13]]


def test_the_slow_row_of_a_batch_that_took_long_is_found_by_halving() -> None:
    meter = Meter("m", None, Scripted())
    quick = rows(*[0.1] * 16)
    for _ in range(8):
        meter.some(quick, seen_in(0.1, 16), 1)
    mixed = rows(*[0.1] * 11, 0.9, *[0.1] * 4)
    costs = meter.some(mixed, seen_in(1.1, 16), 1)["alone"]
    assert isinstance(costs, Tensor)
    assert float(costs[11, 0]) > 1.0


def test_a_single_slow_reading_is_not_believed() -> None:
    meter = Meter("m", None, Scripted(*[0.001] * 13, 0.5, 0.001, 0.0011, 0.0012))
    costs = meter.answer(rows(*[0.1] * 11), seen_in(0.1, 11))["alone"]
    assert isinstance(costs, Tensor)
    assert float(costs.max()) < 0.0015


@pytest.mark.parametrize(("count", "rounds"), [(1, 7), (3, 2)])
def test_rows_and_seeds_are_measured_in_turn(count: int, rounds: int) -> None:
    both = varied(target(), ["cost-seconds"])
    stopwatch = Scripted()
    meter = both.parts[0]
    meter.measure = stopwatch
    mine, own = measured_apart(both, rows(*[0.9] * count), rows(*[0.1] * count))
    assert [mean for _, mean in stopwatch.asked] == [0.1, 0.9] * (count * rounds)
    for costs in (mine, own):
        values = costs["cost-seconds.alone"]
        assert isinstance(values, Tensor)
        assert tuple(values.shape) == (count, rounds)
