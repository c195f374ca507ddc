"""Faults are counted by distance in a model that was not fuzzed, and by nothing else."""

from __future__ import annotations

import numpy as np
from effectiveness_parts.clusters import distinct_faults
from tasks.judge import natural_radius


def faults(places: list[float], groups: list[int], radius: float, **options: int) -> np.ndarray:
    features = np.asarray(places, np.float32)[:, None]
    return distinct_faults(features, np.asarray(groups, np.int64), radius, **options)


def test_a_chain_of_neighbours_is_not_one_fault() -> None:
    found = faults([0.0, 1.0, 2.0, 3.0], [0, 0, 0, 0], 1.5)
    assert found[0] == found[1] != found[2] == found[3]


def test_any_two_inputs_of_one_fault_lie_within_the_radius() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3)).astype(np.float32)
    found = distinct_faults(features, np.zeros(200, np.int64), 1.0)
    for fault in np.unique(found):
        members = features[found == fault]
        assert np.linalg.norm(members[:, None] - members[None], axis=2).max() <= 1.0 + 1e-6


def test_the_same_place_in_another_group_is_another_fault() -> None:
    assert faults([0.0, 0.0, 0.0], [7, 7, 9], 10.0).tolist() == [0, 0, 1]


def test_copies_of_one_input_are_one_fault() -> None:
    assert set(faults([5.0] * 40, [3] * 40, 0.1).tolist()) == {0}


def test_the_number_of_faults_does_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(1)
    features, groups = rng.normal(size=(120, 4)).astype(np.float32), rng.integers(0, 3, 120)
    turned = rng.permutation(120)
    one, other = distinct_faults(features, groups, 1.5), distinct_faults(features[turned], groups[turned], 1.5)
    assert one.max() == other.max()


def test_of_a_large_group_rows_spread_over_the_run_are_looked_at() -> None:
    found = faults([float(at) for at in range(10)], [0] * 10, 0.5, most=4)
    assert np.flatnonzero(found >= 0).tolist() == [0, 3, 6, 9]
    assert len(set(found[found >= 0])) == 4


def test_numbers_that_are_none_do_not_stop_the_count() -> None:
    assert faults([np.nan, np.inf, 0.0], [0, 0, 0], 1.0).max() >= 1


def test_nothing_found_is_no_fault() -> None:
    assert distinct_faults(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), 1.0).max(initial=-1) == -1


def test_the_natural_radius_is_the_median_distance_within_classes() -> None:
    features = np.asarray([[0.0], [1.0], [3.0], [100.0], [104.0]], np.float32)
    assert natural_radius(features, np.asarray([0, 0, 0, 1, 1])) == 2.5  # of 1, 2, 3 and 4
