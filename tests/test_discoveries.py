"""New faults from now on: the interval holds where it is told, in one process and in several, and it says when not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from mlfuzz.discoveries import LEAST_BATCHES, MOST, WINDOW, Discoveries, beside, following, new_faults
from scripts.benchmarks.until import PUZZLES, campaign

RUNS = 120
LEAST, MOST_HELD = 0.82, 0.97
"""What 120 runs show of 85 to 95 %, two standard deviations aside."""


@pytest.mark.slow
@pytest.mark.parametrize("puzzle", PUZZLES)
def test_the_interval_holds_as_often_as_it_promises(puzzle):
    told = [campaign(puzzle, 100, rng=np.random.default_rng(number)) for number in range(RUNS)]
    held = [estimate.low <= truth <= estimate.high for estimate, truth in told if not estimate.unknown]
    assert len(held) > 0.8 * RUNS
    assert LEAST <= np.mean(held) <= MOST_HELD


def of(batches: int, met: dict[int, list[str]], inputs: int = 100) -> Discoveries:
    found = Discoveries()
    for number in range(batches):
        found.batch(inputs, met.get(number, []))
    return found


def test_nothing_is_told_of_a_few_batches():
    few = of(WINDOW * LEAST_BATCHES - 1, {})
    assert "64 batches are needed, 63 ran" in new_faults(few).text()
    assert new_faults(of(WINDOW * LEAST_BATCHES, {})).text() == "less than 1 new fault in 430 inputs"


def test_what_is_known_and_what_was_met_before_the_window_tells_nothing():
    often = {number: ["a", "b"] for number in range(200)}
    early = {number: [f"early {number}"] for number in range(150)}
    for met in (often, early):
        assert new_faults(of(200, met)).share == 0
    late = {number: [f"late {number}"] for number in range(180, 200, 2)}
    assert new_faults(of(200, late)).share == pytest.approx(10 / 2500)


@pytest.mark.parametrize(("first", "word"), [(192, "more"), (176, "fewer")])
def test_a_change_within_the_window_is_said_instead_of_a_figure(first, word):
    burst = {number: [f"{number} {at}" for at in range(3)] for number in range(first, first + 6)}
    assert new_faults(of(200, burst)).unknown == f"{word} new faults are found by now than a little before"


def test_lives_follow_one_another_as_one():
    rng = np.random.default_rng(0)
    met = {number: [f"{kind}" for kind in rng.geometric(0.02, 2)] for number in range(300)}
    whole = of(300, met)
    halves = following(of(100, met), of(200, {number - 100: kinds for number, kinds in met.items()}))
    assert halves == whole
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Discoveries) == whole


def test_workers_beside_one_another_count_a_fault_of_both_twice():
    one, other = of(100, {99: ["shared", "own"]}), of(100, {98: ["shared"]})
    both = beside([one, other])
    assert (both.inputs, both.batches) == (20_000, 200)
    assert both.found == {"shared": [19_600, 2], "own": [19_800, 1]}
    assert new_faults(both).share == pytest.approx(1 / 2500)
    slow = beside([of(100, {}), of(10, {9: ["late"]})])
    assert slow.found["late"][0] == 9900


def test_too_many_kinds_are_said():
    found = Discoveries(found={str(number): [0, 1] for number in range(MOST)}, batches=100, inputs=100)
    found.batch(100, ["one more"])
    assert "more than 50,000 kinds" in new_faults(found).unknown
    assert len(found.found) == MOST
