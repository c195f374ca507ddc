"""Time goes to the targets in which there is something left to find."""

from __future__ import annotations

import msgspec
import pytest
import specimen

from mlfuzz.events import NewFinding, Tick
from mlfuzz.progress import Stats
from mlfuzz.pytest_plugin.purse import TargetTurn, TimeBudget, left_to_find
from mlfuzz.storage.workdir import Workdir


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def turned(folder, clock, share, events):
    """A turn in which these happen, (second, event) each; when it asked to stop, or None."""
    workdir = Workdir.create(folder)
    turn = TargetTurn(share, workdir.root, clock)
    for second, event in events:
        clock.now = 100.0 + second
        turn(event)
        if workdir.stop_request.exists():
            return second
    return None


TICK = Tick(specimen._progress(True)[0])


def test_even_shares_where_each_takes_all_of_its_own():
    purse = TimeBudget(60.0, 3)
    shares = []
    for _ in range(3):
        shares.append(purse.share())
        purse.spend(purse.share())
    assert shares == [20.0, 20.0, 20.0]


def test_what_one_leaves_the_others_get():
    purse = TimeBudget(60.0, 3)
    purse.spend(6.0)
    assert purse.share() == 27.0
    purse.spend(27.0)
    assert purse.share() == 27.0


def test_a_target_that_shows_nothing_new_for_half_its_share_stops(tmp_path):
    ticks = [(second, TICK) for second in range(0, 41, 2)]
    assert turned(tmp_path / "a", Clock(), 40.0, ticks) == 22


def test_one_in_which_something_new_turns_up_goes_on(tmp_path):
    new = NewFinding(next(iter(specimen._flips("c")))[0])
    events = sorted(
        [*((second, TICK) for second in range(0, 41, 2)), (9.5, new), (27.5, new)], key=lambda each: each[0]
    )
    assert turned(tmp_path / "a", Clock(), 40.0, events) is None
    early = [each for each in events if each[0] != 27.5]
    assert turned(tmp_path / "b", Clock(), 40.0, early) == 30


def test_loading_is_nobodys_share(tmp_path):
    clock = Clock()
    turn = TargetTurn(20.0, tmp_path, clock)
    clock.now += 50
    assert turn.seconds == 0.0
    turn(TICK)
    clock.now += 3
    assert turn.seconds == 3.0
    assert not Workdir(tmp_path).stop_request.exists()


@pytest.mark.parametrize(("counts", "left"), [([1, 1, 5], 2.0), ([9, 400], 0.0), ([], 0.0)])
def test_what_is_left_are_the_ways_of_failing_seen_once(tmp_path, counts, left):
    stats = Stats(campaign="c", started="", inputs=500, confusion=[["7", "1", count, "label"] for count in counts])
    (tmp_path / "stats.json").write_bytes(msgspec.json.encode(stats))
    assert left_to_find(tmp_path) == left


def test_of_a_target_never_fuzzed_everything_is_left(tmp_path):
    assert left_to_find(tmp_path / "none") == float("inf")
    (tmp_path / "stats.json").write_bytes(b"{")
    assert left_to_find(tmp_path) == float("inf")
