"""Robustness as an assertion: what fails often fails it, what never fails passes, and chance alone does not decide."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.errors import SeedError, UsageError
from mlfuzz.testing import assert_robust
from mlfuzz.testing.puzzles import BRIGHTENING, nan_when_bright, puzzle_seeds, raise_when_flat, sound
from mlfuzz.testing.robust import Robustness


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    puzzle_seeds(folder)
    return folder


def test_a_sound_target_passes_and_says_how_sure_that_is(seeds):
    found = assert_robust(sound(), seeds, inputs=640)
    assert (found.failed, found.rows > 500) == (0, True)
    assert found.interval[0] == 0.0
    assert 0 < found.interval[1] < 0.02
    assert found.text.startswith("sound: 0 of ")


def test_a_target_that_fails_too_often_is_told_by_its_worst_changes(seeds):
    with pytest.raises(
        AssertionError, match=r"nan_when_bright: \d+ of \d+ mutants fail = .* at most 0.1 % may"
    ) as raised:
        assert_robust(nan_when_bright(), seeds, max_failure_rate=0.001, inputs=1280)
    lines = str(raised.value).splitlines()[1:]
    assert 1 <= len(lines) <= 5
    operators = {name.partition(".")[2].replace("_", " ") for name in BRIGHTENING}
    assert all(any(name in line for name in operators) for line in lines)


def test_a_rate_that_is_allowed_passes(seeds):
    found = assert_robust(nan_when_bright(), seeds, max_failure_rate=0.9, inputs=640)
    assert found.failed > 0


def test_too_few_inputs_prove_nothing():
    found = Robustness("lamp", failed=2, rows=64, confidence=0.95)
    assert found.rate > 0.02 > found.interval[0]


def test_an_exception_is_a_failure(seeds):
    with pytest.raises(AssertionError, match="ValueError: the picture has no contrast"):
        assert_robust(raise_when_flat(), seeds, inputs=1280, mutators=["image.contrast_gain", "image.blur_gauss"])


def test_the_same_seed_of_chance_gives_the_same_rate(seeds):
    one, other = (assert_robust(nan_when_bright(), seeds, max_failure_rate=1, inputs=320, seed=5) for _ in range(2))
    assert (one.failed, one.rows, one.worst) == (other.failed, other.rows, other.worst)


def test_seeds_may_be_arrays_and_must_be_there(seeds):
    found = assert_robust(sound(), [np.full((1, 28, 28), level, np.uint8) for level in (90, 120)], inputs=64)
    assert found.rows > 0
    with pytest.raises(SeedError, match="has no seeds"):
        assert_robust(sound(), inputs=64)
    with pytest.raises(UsageError, match="could be judged"):
        assert_robust(sound(), seeds, inputs=0)
