"""When a worker looks at its process, and how many inputs are one payload."""

from __future__ import annotations

from collections import deque

import pytest

from mlfuzz.codefuzz.runtime import rounds
from mlfuzz.codefuzz.runtime.rounds import Rounds, packed, unpacked


class Process:
    """Stands for the worker's: it counts."""

    def __init__(self):
        self.guard, self.recent, self.looks, self.spent = self, deque([b"one"]), 0, False

    def damaged(self):
        self.looks += 1
        return False

    def begin(self):
        pass

    mend_builtins = mend_slowly = begin


@pytest.mark.parametrize("inputs", [[], [b""], [b"a", b"", b"long" * 1000], [bytes([number]) for number in range(99)]])
def test_what_is_packed_comes_out_again_the_last_one_first(inputs):
    assert unpacked(packed(inputs)) == inputs[::-1]


@pytest.mark.parametrize("cut", range(1, 12))
def test_what_is_cut_off_is_left_out(cut):
    assert unpacked(packed([b"first", b"last"])[:-cut]) in ([b"last"], [b"last", b"first"], [])


def test_looks_come_apart_where_runs_are_quick_and_after_each_where_they_are_slow(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(rounds, "CLOCK", lambda: now[0])
    distances = {}
    for seconds in (1e-6, 1.0):
        process, number = Process(), 0
        look = Rounds(process, lambda: None)
        for _ in range(20):
            look.look()
            distance = look.following(number)
            number += distance
            now[0] += distance * seconds
        distances[seconds] = distance
        assert (process.looks, list(process.recent)) == (20, [])
    assert distances[1e-6] > 100
    assert distances[1.0] == 1


def test_one_that_looks_after_each_run_does_so_however_quick_they_are():
    look = Rounds(Process(), lambda: None, each=True)
    assert [look.following(number) for number in (10, 1000, 100_000)] == [1, 1, 1]


def test_what_cannot_be_undone_ends_the_worker():
    process, ended = Process(), []
    process.spent = True
    Rounds(process, lambda: ended.append(1)).look()
    assert ended == [1]
