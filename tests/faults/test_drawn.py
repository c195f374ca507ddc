"""A part of each matrix is drawn: the same for one commit, another for the next, in the end all of it."""

from __future__ import annotations

from faults.drawn import drawn

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
