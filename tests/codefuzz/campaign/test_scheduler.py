from __future__ import annotations

import pytest

from mlfuzz.codefuzz.campaign.scheduler import HarnessScheduler


def spend(share, turns, gain):
    """Deal `turns` turns of one second; the seconds that each got."""
    spent = dict.fromkeys(share.names, 0)
    for _ in range(turns):
        name = share.pick()
        spent[name] += 1
        share.record(name, seconds=1.0, edges=gain(name), buckets=0)
    return spent


def test_everyone_has_a_turn_before_anyone_has_two():
    share = HarnessScheduler()
    share.join("abcd")
    assert sorted(share.pick() for _ in range(4)) == list("abcd")


def test_time_goes_where_edges_are_still_found_and_nobody_starves():
    share = HarnessScheduler()
    share.join("abc")
    spent = spend(share, 200, lambda name: 50 if name == "b" else 0)
    assert spent["b"] > 120
    assert min(spent["a"], spent["c"]) >= 0.25 / 3 * 200 - 2


def test_equal_gains_give_equal_shares():
    share = HarnessScheduler()
    share.join("abcd")
    spent = spend(share, 100, lambda name: 3)
    assert max(spent.values()) - min(spent.values()) <= 2


def test_a_new_kind_of_failure_is_worth_many_edges():
    share = HarnessScheduler()
    share.join("ab")
    share.record("a", seconds=1, edges=5, buckets=0)
    share.record("b", seconds=1, edges=0, buckets=1)
    assert share.due()["b"] > share.due()["a"]


def test_what_was_found_long_ago_fades():
    share = HarnessScheduler()
    share.join("ab")
    share.record("a", seconds=1, edges=1000, buckets=0)
    for _ in range(40):
        share.record("a", seconds=1, edges=0, buckets=0)
        share.record("b", seconds=1, edges=1, buckets=0)
    assert share.due()["b"] > share.due()["a"]


def test_workers_spread_over_harnesses():
    share = HarnessScheduler()
    share.join("ab")
    assert {share.pick(), share.pick()} == {"a", "b"}


def test_one_that_left_gets_no_more_time():
    share = HarnessScheduler()
    share.join("ab")
    share.leave("a")
    assert {share.pick() for _ in range(5)} == {"b"}
    share.leave("b")
    with pytest.raises(LookupError):
        share.pick()
