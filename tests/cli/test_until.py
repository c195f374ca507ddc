"""`mlfuzz fuzz --until`, as it is typed."""

from __future__ import annotations

import json

import pytest

from mlfuzz.testing.puzzles import puzzle_seeds


@pytest.mark.slow
def test_several_workers_are_added_up(command, tmp_path):
    puzzle_seeds(tmp_path / "seeds", count=6)
    words = ("mlfuzz.testing.puzzles:nan_when_bright", "--seeds", "seeds", "--batch", "32", "--workers", "2")
    ran = command("-C", tmp_path, "--json", "fuzz", *words, "--until", "p-new<2%", "--time", "60s")
    result = json.loads(ran.out.splitlines()[-1])
    assert result["reason"] == "less than 1 new fault in 50 inputs is to be expected", ran.err
    assert result["stats"]["new_faults"]["high"] < 0.02
    assert "discoveries" not in result["stats"]
    assert "to come  " in ran.err


def test_what_is_typed_wrong_is_told_with_what_to_write(command, tmp_path):
    ran = command("-C", tmp_path, "fuzz", "digits:fragile", "--until", "p-new>3")
    assert ran.code == 2
    assert "write p-new<1e-4" in ran.err
