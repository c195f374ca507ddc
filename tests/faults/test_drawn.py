"""A part of each matrix is drawn: the same for one commit, another for the next, in the end all of it."""

from __future__ import annotations

import pytest

from faults.drawn import drawn, skip_others

CASES = [f"case {number}" for number in range(40)]


def test_one_commit_draws_the_same_part_each_time() -> None:
    assert drawn(CASES, 8, by="a1") == drawn(CASES, 8, by="a1") != drawn(CASES, 8, by="b2")


def test_a_part_has_no_case_twice_and_keeps_their_order() -> None:
    part = drawn(CASES, 8, by="a1")
    assert len(set(part)) == 8
    assert part == [case for case in CASES if case in part]


def test_a_hundred_commits_leave_no_case_out() -> None:
    assert {case for commit in range(100) for case in drawn(CASES, 8, by=str(commit))} == set(CASES)


def test_more_than_there_are_is_all_of_them() -> None:
    assert drawn(CASES, 99) == CASES


class Item:
    """As much of a test as the hook looks at."""

    def __init__(self, number: int) -> None:
        self.nodeid = f"tests/test_long.py::test_{number}"
        self.own = pytest.mark.turns(2).mark
        self.added: list[pytest.MarkDecorator] = []

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self.own if name == "turns" else None

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.added.append(mark)


def test_about_half_of_the_longest_tests_run_at_a_commit_and_all_where_that_is_asked_for(monkeypatch):
    items = [Item(number) for number in range(200)]
    monkeypatch.delenv("EVERY_TURN", raising=False)
    skip_others(items)
    assert 60 < sum(not item.added for item in items) < 140
    monkeypatch.setenv("EVERY_TURN", "1")
    everything = [Item(number) for number in range(20)]
    skip_others(everything)
    assert not [item for item in everything if item.added]
