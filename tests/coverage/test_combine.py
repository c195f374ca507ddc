"""Several criteria at once."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.coverage.combine import mixed
from mlfuzz.coverage.neuron import neuron_coverage
from mlfuzz.coverage.novelty import Novelty
from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.testing.stream import LAYERS, fitted, parents_of, stream


def test_it_gains_the_sum_of_its_parts() -> None:
    rows = stream()
    both, features = fitted(lambda: mixed(layers=LAYERS), rows)
    novelty, near = fitted(lambda: Novelty(layers=LAYERS), rows)
    neurons, active = fitted(lambda: neuron_coverage(layers=LAYERS), rows)
    assert np.array_equal(features, np.concatenate([near, active], 1))
    parents = parents_of(features, rows)
    wanted = novelty.observe(near, parents[:, : near.shape[1]]) + neurons.observe(active, None)
    assert np.array_equal(both.observe(features, parents), wanted)
    assert both.name == "novelty+nc"
    assert both.covered()["nc.share"] == neurons.covered()["share"]


def test_parts_take_their_own_arguments() -> None:
    criterion = mixed(parts=[{"name": "kmnc", "k": 5}, {"name": "nc", "threshold": 0.7}], layers=LAYERS)
    criterion.fit(stream().seen)
    criterion.observe(criterion.embed(stream().seen).numpy(), None)
    assert criterion.covered()["kmnc.buckets"] == 5 * 48


def test_two_parts_of_one_kind_keep_their_states_apart() -> None:
    parts = [{"name": "nc", "threshold": 0.1}, {"name": "nc", "threshold": 0.9}]
    rows = stream()
    criterion, features = fitted(lambda: mixed(parts=parts, layers=LAYERS), rows)
    criterion.observe(features, None)
    restored = mixed(parts=parts, layers=LAYERS)
    restored.restore(criterion.state())
    shares = [part.covered()["share"] for part in restored.parts]
    assert shares == [part.covered()["share"] for part in criterion.parts]  # type: ignore[attr-defined]
    assert shares[0] > shares[1]


def test_features_of_another_calibration_are_refused() -> None:
    criterion, features = fitted(lambda: mixed(layers=LAYERS), stream())
    with pytest.raises(ConfigError, match="calibrate"):
        criterion.observe(features[:, 1:], None)


def test_unknown_or_missing_parts_are_refused() -> None:
    with pytest.raises(UnknownNameError):
        mixed(parts=["novelti"])
    with pytest.raises(ConfigError):
        mixed(parts=[])
