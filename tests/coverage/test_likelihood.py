"""NLC against numpy's covariance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mlfuzz.coverage.likelihood import Covariance
from mlfuzz.observation import Observation
from mlfuzz.testing.stream import Columns

LAYERS = (Columns("a", 0, 3), Columns("b", 3, 5))


def observation(rows: NDArray[np.floating]) -> Observation:
    return Observation({"main": torch.from_numpy(rows)}, torch.from_numpy(rows))


ROWS = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32) + 10.0


def spread(rows: NDArray[np.floating]) -> float:
    return sum(float(np.abs(np.cov(rows[:, span].T, bias=True)).mean()) for span in (slice(0, 3), slice(3, 5)))


def test_it_is_the_mean_absolute_covariance_summed_over_layers() -> None:
    criterion = Covariance(layers=LAYERS)
    criterion.fit(observation(ROWS))
    assert criterion.covered()["nlc"] == pytest.approx(spread(ROWS.astype(np.float64)), rel=1e-6)


def test_a_row_that_widens_a_layer_is_taken_in_and_one_that_does_not_is_left() -> None:
    criterion = Covariance(layers=LAYERS)
    criterion.fit(observation(ROWS))
    far, middle = ROWS[:1] + 9.0, ROWS.mean(0, keepdims=True)
    gains = criterion.observe(np.concatenate([middle, far]), None)
    assert gains[0] == 0
    assert gains[1] > 0
    assert criterion.covered()["rows"] == 61
    wanted = spread(np.concatenate([ROWS, far]).astype(np.float64))
    assert criterion.covered()["nlc"] == pytest.approx(wanted, rel=1e-6)


def test_merging_adds_what_both_took_in_since_their_fit() -> None:
    workers = [Covariance(layers=LAYERS) for _ in range(2)]
    for worker, away in zip(workers, (5.0, -7.0), strict=True):
        worker.fit(observation(ROWS))
        worker.load(ROWS[:3] + np.float32(away))
    mine, theirs = (worker.state() for worker in workers)
    workers[0].merge(theirs)
    workers[1].merge(mine)
    everything = np.concatenate([ROWS, ROWS[:3] + 5.0, ROWS[:3] - 7.0]).astype(np.float64)
    for worker in workers:
        assert worker.covered()["rows"] == 66
        assert worker.covered()["nlc"] == pytest.approx(spread(everything), rel=1e-5)
