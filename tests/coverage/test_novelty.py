"""Novelty: what is new, how far, and what it costs to be wrong about the radius."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mlfuzz.coverage.novelty import GAIN_LIMIT, Novelty
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.testing.stream import LAYERS, fitted, stream


def plain(radius: float = 1.0, *, exact: int = 4096) -> Novelty:
    return Novelty(features="logits", radius=radius, standardise=False, exact=exact)


def points(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)[:, None]


def test_a_row_is_new_where_nothing_known_is_within_the_radius() -> None:
    criterion = plain()
    assert criterion.observe(points(0.0, 0.9, 2.5, 1.8), None).tolist() == pytest.approx([GAIN_LIMIT, 0, 2.5, 0])
    assert criterion.observe(points(1.0, 1.25, -3.0), None).tolist() == pytest.approx([0, 1.25, 3.0], abs=1e-6)


def test_the_gain_is_the_distance_in_radii_and_has_a_limit() -> None:
    criterion = plain(2.0)
    criterion.load(points(0.0))
    assert criterion.observe(points(3.0, 100.0), None).tolist() == [1.5, GAIN_LIMIT]


def test_a_row_exactly_on_the_radius_is_known() -> None:
    criterion = plain()
    criterion.load(points(0.0))
    assert criterion.observe(points(1.0), None).tolist() == [0.0]


def test_a_child_within_the_radius_of_its_parent_is_known_without_a_query(monkeypatch: pytest.MonkeyPatch) -> None:
    criterion = plain()
    criterion.load(points(0.0, 10.0))
    asked: list[int] = []
    index = criterion._indexed(1)
    ask = index.nearest

    def counted(rows: NDArray[np.float32], *, enough: float = 0.0) -> NDArray[np.float32]:
        asked.append(len(rows))
        return ask(rows, enough=enough)

    monkeypatch.setattr(index, "nearest", counted)
    gains = criterion.observe(points(0.5, 10.2, 0.7, 3.0), points(0.0, 10.0, 10.0, 0.0))
    assert (gains > 0).tolist() == [False, False, False, True]
    assert asked == [2]


def test_a_row_without_a_parent_is_judged_by_the_rest() -> None:
    criterion = plain()
    criterion.load(points(0.0))
    assert (criterion.observe(points(0.5, 5.0), points(np.nan, np.nan)) > 0).tolist() == [False, True]


def test_distances_are_not_squared_against_the_radius() -> None:
    """TensorFuzz compares its threshold with the squared distance: its 0.25 is a radius of 0.5 here."""
    criterion = plain(0.5)
    criterion.load(points(0.0))
    assert (criterion.observe(points(0.49, 0.51), None) > 0).tolist() == [False, True]


def test_rows_beyond_what_can_be_squared_never_enter_the_index() -> None:
    criterion = plain()
    assert not criterion.observe(points(1e30, -3e38, np.inf, np.nan), None).any()
    assert criterion.covered()["entries"] == 0


def test_the_graph_accepts_what_the_scan_accepts_to_a_hundredth() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((6000, 6)) @ rng.standard_normal((6, 16))).astype(np.float32)
    kept = {}
    for exact in (100_000, 512):
        criterion = plain(2.5, exact=exact)
        for start in range(0, len(rows), 256):
            criterion.observe(rows[start : start + 256], None)
            criterion.tune()
        kept[exact] = criterion.covered()["entries"]
        assert criterion.covered()["tier"] == (exact == 512)
    assert 1500 < kept[100_000] <= kept[512] <= 1.01 * kept[100_000]


def test_in_the_graph_too_a_batch_gains_what_its_rows_gain_one_by_one() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((900, 8)).astype(np.float32)
    together, apart = plain(0.8, exact=256), plain(0.8, exact=256)
    for start in range(0, len(rows), 100):
        part = rows[start : start + 100]
        gains = together.observe(part, None)
        assert np.array_equal(gains, np.concatenate([apart.observe(row[None], None) for row in part]))
        together.tune()
        apart.tune()
    assert together.covered()["tier"] == 1


def test_a_restored_graph_goes_on_the_same() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((2500, 8)).astype(np.float32)
    criterion, restored = plain(0.8, exact=256), plain(0.8, exact=256)
    for start in range(0, 2000, 100):
        criterion.observe(rows[start : start + 100], None)
        criterion.tune()
    restored.restore(criterion.state())
    assert np.array_equal(criterion.observe(rows[2000:], None), restored.observe(rows[2000:], None))


def test_the_radius_holds_the_rate_on_a_stream_of_mutants() -> None:
    rng = np.random.default_rng(3)
    weights = torch.from_numpy(rng.standard_normal((12, 60)).astype(np.float32))
    criterion = Novelty(target_rate=0.05)
    inputs = rng.standard_normal((50, 12)).astype(np.float32)

    def seen(rows: NDArray[np.float32]) -> Observation:
        units = torch.relu(torch.from_numpy(rows) @ weights)
        return Observation({"main": units[:, :5]}, units)

    criterion.fit(seen(inputs))
    known = criterion.embed(seen(inputs)).numpy()
    criterion.load(known)
    rates = []
    for _ in range(120):
        picked = rng.integers(0, len(inputs), 256)
        mutants = inputs[picked] + 0.3 * rng.standard_normal((256, 12)).astype(np.float32)
        rows = criterion.embed(seen(mutants)).numpy()
        kept = criterion.observe(rows, known[picked]) > 0
        inputs, known = np.concatenate([inputs, mutants[kept]]), np.concatenate([known, rows[kept]])
        criterion.tune()
        rates.append(kept.mean())
    assert 0.035 < np.mean(rates[60:]) < 0.065


def test_a_radius_far_too_small_is_visible_in_the_figures() -> None:
    criterion = plain(1e-6)
    criterion.observe(np.random.default_rng(0).standard_normal((512, 3)).astype(np.float32), None)
    criterion.tune()
    assert criterion.covered()["accepting"] == 1.0


def test_one_seed_does_not_flood_the_index() -> None:
    rng = np.random.default_rng(0)
    reach = rng.uniform(0.0, 0.5, (2049, 1)).astype(np.float32)
    reach[0] = 0.0
    units = np.abs(rng.standard_normal(200).astype(np.float32)) * (1 + reach * rng.standard_normal((2049, 200)))
    seen = Observation({"main": torch.zeros((2049, 2))}, torch.from_numpy(units.astype(np.float32)))
    criterion = Novelty()
    criterion.fit(seen.take(np.arange(1)))
    features = criterion.embed(seen).numpy()
    criterion.load(features[:1])
    for start in range(1, 2049, 256):
        criterion.observe(features[start : start + 256], np.broadcast_to(features[0], (256, features.shape[1])))
        criterion.tune()
    assert 1 < criterion.covered()["entries"] < 600


def test_merging_takes_in_what_is_not_there_already_and_keeps_the_radius() -> None:
    first, second = plain(1.0), plain(2.0)
    first.load(points(0.0, 5.0))
    second.load(points(5.0, 9.0))
    first.merge(second.state())
    assert first.covered()["entries"] == 3
    assert first.covered()["radius"] == 1.0


def test_a_fitted_radius_starts_from_the_seeds() -> None:
    criterion, _ = fitted(lambda: Novelty(layers=LAYERS), stream())
    assert criterion.covered()["radius"] > 0.5


def test_a_radius_in_words_other_than_auto_is_refused() -> None:
    with pytest.raises(ConfigError, match="auto"):
        Novelty(radius="automatic")  # type: ignore[arg-type]


def test_what_was_loaded_just_now_is_not_built_again_by_what_a_checkpoint_knows() -> None:
    rows = np.random.default_rng(0).standard_normal((600, 4)).astype(np.float32)
    criterion = plain(0.8, exact=256)
    criterion.load(rows)
    index = criterion._index
    criterion.restore({**criterion.state(), "settled": np.array(0)})
    assert criterion._index is index
    criterion.restore({**criterion.state(), "vectors": rows[:500], "settled": np.array(0)})
    assert criterion.covered()["entries"] == 500
