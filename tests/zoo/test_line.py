"""The helper itself: a model with a planted fault is broken, a sound one is not."""

from __future__ import annotations

import pytest

from mlfuzz.testing.puzzles import EXPECTED, puzzle, puzzle_seeds
from zoo.line import walk

PLANTED = next(name for name, one in EXPECTED.items() if one.found and not one.isolated)


@pytest.mark.slow
def test_a_planted_fault_comes_through_the_whole_line(tmp_path):
    puzzle_seeds(tmp_path / "seeds")
    walked = walk(puzzle(PLANTED)[0], tmp_path / "seeds", tmp_path / "c", inputs=EXPECTED[PLANTED].within, batch=128)
    assert walked.ready
    assert walked.retried
    assert {said["failed"] for _, said in walked.retried} == {3}
