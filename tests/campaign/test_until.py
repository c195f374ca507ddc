"""A campaign ends once few new faults are to be expected: at the same input each time, resumed too."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlfuzz.budget import Budget, until
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.discoveries import new_faults
from mlfuzz.errors import ConfigError
from mlfuzz.stop_reason import StopReason
from mlfuzz.testing.puzzles import nan_when_bright, puzzle_seeds


def run(folder: Path, seeds: Path, budget: Budget):
    with Campaign.open(folder, nan_when_bright(), seeds=seeds, batch=32) as campaign:
        return campaign.run(budget, triage_here=False)


@pytest.mark.slow
def test_it_ends_at_the_same_input_and_goes_on_from_what_it_had_met(tmp_path):
    puzzle_seeds(seeds := tmp_path / "seeds", count=6)
    few = Budget(new_faults=0.01, inputs=40_000)
    once, again = (run(tmp_path / name, seeds, few) for name in ("one", "two"))
    assert once.stop.reason is StopReason.NEW_FAULTS
    assert str(once.stop) == "less than 1 new fault in 100 inputs is to be expected"
    assert once.stats.inputs == again.stats.inputs < 40_000
    assert new_faults(once.stats.discoveries).high < 0.01
    resumed = run(tmp_path / "one", seeds, few)
    assert resumed.stop.reason is StopReason.NEW_FAULTS
    assert resumed.stats.inputs - once.stats.inputs <= 64
    assert resumed.stats.discoveries.inputs == resumed.stats.inputs


@pytest.mark.parametrize(
    ("text", "share"), [("p-new<1e-4", 1e-4), (" p-new < 0.01% ", 1e-4), ("p-new<.5", 0.5), (0.25, 0.25)]
)
def test_a_condition_is_read(text, share):
    assert until(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["", "p-new", "p-new>1", "p-new<", "p-new<0", "p-new<1", "p-new<1.2.3", "new<1e-3", "1%"]
)
def test_what_is_no_condition_is_refused_with_one_that_is(text):
    with pytest.raises(ConfigError) as caught:
        until(text)
    assert "write p-new<1e-4" in str(caught.value)


def test_a_budget_that_cannot_be_is_refused():
    with pytest.raises(ConfigError):
        Budget(new_faults=1.5)
