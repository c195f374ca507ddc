"""Pieces of work fail alone."""

from __future__ import annotations

import os
import signal

import pytest
from effectiveness_parts.work import ENDING, Stopped, each_alone, stoppable


def fragile(piece: int) -> int:
    """In a process of its own: 1 raises, 2 ends the process, -1 gets what a terminal's Ctrl-C sends."""
    if piece == 1:
        raise ValueError("one")
    if piece == 2:
        os._exit(9)
    if piece == -1:
        os.kill(os.getpid(), signal.SIGINT)
    return 10 * piece


@pytest.mark.slow
def test_one_that_raises_and_one_whose_process_ends_leave_the_others() -> None:
    answers = dict(each_alone(fragile, [3, 1, 2, -1, 4], 2))
    assert (answers[3], answers[4], answers[-1]) == (30, 40, -10)
    assert isinstance(answers[1], ValueError)
    assert isinstance(answers[2], RuntimeError)
    assert "process ended" in str(answers[2])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_request_to_end_is_heard_once(number: signal.Signals, code: int) -> None:
    before = [signal.getsignal(each) for each in ENDING]
    with pytest.raises(Stopped) as stopped:
        asked_twice(number)
    assert stopped.value.exit_code == code
    assert [signal.getsignal(each) for each in ENDING] == before


def asked_twice(number: signal.Signals) -> None:
    with stoppable():
        try:
            os.kill(os.getpid(), number)
        except Stopped:
            os.kill(os.getpid(), number)  # while the processes are ended
            raise
