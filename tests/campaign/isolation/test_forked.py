"""However a forked run ends, it becomes data."""

from __future__ import annotations

import ctypes
import os
import time

import pytest

from mlfuzz.campaign.isolation.forked import run_forked


def test_a_good_end_gives_its_value() -> None:
    ended = run_forked(lambda: b"fine", 10.0)
    assert (ended.how, ended.value) == ("ok", b"fine")


def test_a_segmentation_fault_is_named_with_its_place() -> None:
    def dereference_null() -> bytes:
        ctypes.string_at(0)
        return b""

    ended = run_forked(dereference_null, 10.0)
    assert (ended.how, ended.name) == ("crash", "SIGSEGV")
    assert ended.crash.frames[-1].endswith(":string_at")
    assert any(frame.endswith("dereference_null") for frame in ended.crash.frames)


def test_an_exit_is_told_from_an_answer() -> None:
    ended = run_forked(lambda: os._exit(0), 10.0)  # type: ignore[arg-type, return-value]
    assert (ended.how, ended.name) == ("exit", "exit 0")
    assert run_forked(lambda: os._exit(3), 10.0).crash.type == "exit 3"  # type: ignore[arg-type, return-value]


def test_a_hang_is_killed_and_its_stack_kept() -> None:
    def wait_for_ever() -> bytes:
        while True:
            time.sleep(0.01)

    ended = run_forked(wait_for_ever, 0.3)
    assert ended.how == "hang"
    assert "wait_for_ever" in ended.trace
    assert ended.crash.details["limit_s"] == "0.3"
    assert ended.seconds < 5.0


def test_a_good_end_is_no_crash() -> None:
    with pytest.raises(ValueError, match="ended well"):
        _ = run_forked(lambda: b"", 10.0).crash


def test_what_the_first_call_in_a_child_takes_is_not_held_against_an_input() -> None:
    calls: list[int] = []

    def call() -> bytes:
        calls.append(0)
        if len(calls) == 1:
            time.sleep(0.6)
        return b"fine"

    assert run_forked(call, 0.2).how == "hang"
    assert run_forked(call, 0.2, warm=call).how == "ok"


@pytest.mark.slow
def test_a_child_that_is_slower_throughout_is_waited_for_and_one_that_hangs_is_not() -> None:
    def call() -> bytes:
        time.sleep(0.1)
        return b"fine"

    def wait_for_ever() -> bytes:
        while True:
            time.sleep(0.01)

    assert run_forked(call, 0.05, warm=call).how == "ok"
    ended = run_forked(wait_for_ever, 0.05, warm=call)
    assert (ended.how, float(ended.crash.details["limit_s"]) >= 1.0) == ("hang", True)


def test_what_a_known_input_does_is_not_held_against_another() -> None:
    assert run_forked(lambda: b"fine", 10.0, warm=lambda: os._exit(3)).how == "ok"
