"""Every way in which an input can fail is told from every other, by what the input does alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.failure import sanitizer_report
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options

HARNESS = Path(__file__).with_name("failures.py")

MATRIX = {
    "ok": ("ok", ""),
    "documented": ("refused", "ValueError"),
    "matching": ("refused", "KeyError"),
    "documented-group": ("refused", "ExceptionGroup"),
    "elsewise": ("exception", "KeyError"),
    "index": ("exception", "IndexError"),
    "chained": ("exception", "RuntimeError"),
    "odd": ("exception", "mlfuzz_harness.failures.Odd"),
    "surrogate": ("exception", "RuntimeError"),
    "interrupt": ("exception", "KeyboardInterrupt"),
    "struct": ("exception", "struct.error"),
    "group": ("group", "ExceptionGroup"),
    "assertion": ("assertion", "AssertionError"),
    "recursion": ("recursion", "RecursionError"),
    "huge": ("memory-error", "MemoryError"),
    "large": ("memory", ""),
    "exit": ("exit", "SystemExit"),
    "exit-3": ("exit", "SystemExit"),
    "segv": ("crash", "SIGSEGV"),
    "abort": ("crash", "SIGABRT"),
    "fpe": ("crash", "SIGFPE"),
    "ill": ("crash", "SIGILL"),
    "bus": ("crash", "SIGBUS"),
    "trap": ("crash", "SIGTRAP"),
    "terminated": ("crash", "SIGTERM"),
    "killed": ("killed", "SIGKILL"),
    "overflow": ("overflow", "SIGSEGV"),
    "os-exit-0": ("os-exit", "status 0"),
    "os-exit-7": ("os-exit", "status 7"),
    "c-exit": ("os-exit", "status 5"),
    "spin": ("hang", ""),
    "sleep": ("hang", ""),
    "regex": ("hang", ""),
    "deadlock": ("hang", ""),
    "slow": ("slow", ""),
    "thread": ("thread", "IndexError"),
    "finaliser": ("unraisable", "LookupError"),
    "address": ("sanitizer", "heap-buffer-overflow"),
    "undefined": ("sanitizer", "index-out-of-bounds"),
    "flood": ("ok", ""),
    "print": ("hang", ""),
    "mute": ("ok", ""),
    "alarm": ("crash", "SIGALRM"),
    "late-exit": ("os-exit", "status 9"),
    "fork": ("ok", ""),
    "pool": ("ok", ""),
    "late-raise": ("thread", "IndexError"),
    "late-daemon": ("thread", "IndexError"),
    "late-timer": ("thread", "IndexError"),
    "process": ("ok", ""),
    "close": ("damage", "descriptors.closed"),
    "corpus": ("ok", ""),
}

LINGERING = {"sleeper": "ok", "endless-thread": "ok", "slow-with-thread": "slow"}
"""What leaves threads behind that do not end soon: each run alone waits a second for them."""

HANGING = {"sleep", "regex", "deadlock", "print"}
"""Each takes twice its limit, and that twice; one that spins stands for them."""

pytestmark = pytest.mark.skipif(bool(AtherisEngine().available()), reason=AtherisEngine().available() or "available")


@pytest.fixture(scope="module")
def session():
    with AtherisEngine().prepare(read(HARNESS), Options(cache="none")) as opened:
        yield opened


def test_the_matrix_has_thirty_kinds_and_more():
    assert len(MATRIX) >= 30
    assert len(set(MATRIX.values())) >= 25


@pytest.mark.slow
@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[pytest.mark.slow] if way in HANGING else []) for way in MATRIX]
)
def test_each_way_of_failing_is_told_from_the_others(session, way):
    (outcome,) = session.reproduce(way.encode(), times=1)
    assert (outcome.kind, outcome.type) == MATRIX[way], outcome
    assert bool(outcome.bucket) == outcome.failed
    assert outcome.bucket.startswith(outcome.group)


@pytest.mark.slow
@pytest.mark.parametrize("way", LINGERING)
def test_time_ends_when_the_function_returns(session, way):
    (outcome,) = session.reproduce(way.encode(), times=1)
    assert outcome.kind == LINGERING[way]
    assert outcome.seconds < 0.9
    assert not outcome.failed or outcome.frames[-1].startswith("failures.py:")


@pytest.mark.slow
def test_a_crash_is_a_crash_however_late_its_report_comes(session):
    (outcome,) = session.reproduce(b"late-report", times=1)
    assert (outcome.kind, outcome.type) == ("sanitizer", "heap-buffer-overflow")


@pytest.mark.slow
def test_a_crash_is_a_crash_even_where_its_report_does_not_come(session, monkeypatch):
    monkeypatch.setattr(sanitizer_report, "REPORT_SECONDS", 0.1)
    (outcome,) = session.reproduce(b"endless-report", times=1)
    assert (outcome.kind, outcome.type, outcome.bucket) == ("sanitizer", "unfinished", "sanitizer:unfinished")


def test_a_leak_is_seen_when_the_input_runs_many_times(session):
    (outcome,) = session.reproduce(b"leak", times=1, kind="leak")
    assert outcome.kind == "leak"
    assert "40" in outcome.message or "39" in outcome.message
    (other,) = session.reproduce(b"ok", times=1, kind="leak")
    assert other.kind == "ok"


def test_native_deaths_have_the_python_stack_and_a_key_with_it(session):
    (outcome,) = session.reproduce(b"segv", times=1)
    assert outcome.frames[-1].startswith("failures.py:")
    assert outcome.bucket.startswith("crash:SIGSEGV:failures.py:")


@pytest.mark.slow
def test_a_hang_says_where_it_hangs(session):
    (outcome,) = session.reproduce(b"spin", times=1)
    assert outcome.group == "hang::failures.py:spin"
    assert "spin" in outcome.traceback


def test_causes_and_members_belong_to_the_key(session):
    (chained,) = session.reproduce(b"chained", times=1)
    (group,) = session.reproduce(b"group", times=1)
    assert chained.causes == ("KeyError",)
    assert chained.bucket == f"{chained.group}:+4:KeyError"
    assert set(group.causes) == {"IndexError", "ZeroDivisionError"}


def test_recursion_has_one_key_wherever_it_ran_out(session):
    (outcome,) = session.reproduce(b"recursion", times=1)
    assert outcome.bucket == "recursion:RecursionError:failures.py:up"


@pytest.mark.parametrize("way", ["network", "program", "write", "signal-others"])
def test_the_sandbox_refuses(session, way):
    if "seccomp" not in session.prepared.sandbox or not any("landlock" in layer for layer in session.prepared.sandbox):
        pytest.skip("this kernel lacks seccomp or Landlock")
    (outcome,) = session.reproduce(way.encode(), times=1)
    assert outcome.kind == "refused", outcome  # PermissionError is an OSError, which this harness documents


def test_what_was_printed_is_kept_to_its_end_and_bounded(session):
    (outcome,) = session.reproduce(b"flood", times=1)
    assert 0 < len(outcome.output) < 5000
    assert "are not kept" in outcome.output
