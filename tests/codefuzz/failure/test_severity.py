"""How bad a failure is follows what its caller can do about it."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.failure.severity import severity, words

LADDER = [
    [Outcome(kind="exception", type="struct.error"), Outcome(kind="exception", type="EOFError")],
    [Outcome(kind="exception", type="ValueError"), Outcome(kind="assertion", type="AssertionError")],
    [Outcome(kind="slow"), Outcome(kind="thread", type="ValueError"), Outcome(kind="unraisable", escapes=True)],
    [
        Outcome(kind="exception", type="pyo3_runtime.PanicException", escapes=True),
        Outcome(kind="exception", type="KeyboardInterrupt", escapes=True),
        Outcome(kind="group", type="BaseExceptionGroup", escapes=True),
        Outcome(kind="exit", type="SystemExit", escapes=True), Outcome(kind="recursion", type="RecursionError"),
        Outcome(kind="memory-error", type="MemoryError"),
    ],
    [Outcome(kind="hang"), Outcome(kind="memory")],
    [
        Outcome(kind="os-exit", type="status 3"), Outcome(kind="killed", type="SIGKILL"), Outcome(kind="overflow"),
        Outcome(kind="crash", type="Rust panic"), Outcome(kind="crash", type="Go panic"),
        Outcome(kind="crash", type="std::out_of_range"), Outcome(kind="crash", type="assertion failed"),
    ],
    [
        Outcome(kind="crash", type="SIGSEGV"), Outcome(kind="crash", type="heap corruption"),
        Outcome(kind="sanitizer", type="heap-buffer-overflow"),
    ],
]  # fmt: skip


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_one_rung_is_one_severity_below_the_next(rung):
    (own,) = {severity(one) for one in LADDER[rung]}
    assert 0 < own <= 5
    assert all(own < severity(one) for higher in LADDER[rung + 1 :] for one in higher)


def test_each_rung_says_what_the_caller_can_do():
    assert all(words(one) for rung in LADDER for one in rung)
    assert "does not catch it" in words(LADDER[3][0])
    assert "ends the process" in words(LADDER[5][0])
