"""What varies at one place is one failure, whatever number, name, text or depth an input puts into it."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.failure.severity import severity
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options
from tests.codefuzz.variants import WAYS

HARNESS = Path(__file__).with_name("variants.py")

NATIVE = {"terminate": [("libstdc++.so.6", "_ZSt20__throw_out_of_rangePKc")], "c-assert": [(None, "__assert_fail")]}
"""Libraries and functions that a way calls: those of glibc and libstdc++."""

NUMBERS = (2, 61)

KEYS = {
    "os-exit": "os-exit::variants.py:<lambda>",
    "c-exit": "os-exit::variants.py:<lambda>",
    "c-_exit": "os-exit:",
    "dynamic": "exception:Exception*:variants.py:",
    "made": "exception:Exception*:variants.py:made",
    "generated": "exception:LookupError:variants.py:generated",
    "unnamed": "exception:LookupError:variants.py:unnamed",
    "kill": "crash:signal:variants.py:<lambda>",
    "raise": "crash:signal:variants.py:<lambda>",
    "c-kill": "crash:signal",
    "panic": "exception:pyo3_runtime.PanicException:src/x.rs:10:5",
    "panic-of-old": "exception:pyo3_runtime.PanicException:src/x.rs:10:5",
    "depth": "recursion:RecursionError:variants.py:value",
    "chain": "exception:RuntimeError:variants.py:chain",
    "group": "group:ExceptionGroup:variants.py:group",
    "own-handler": "crash:SIGSEGV:variants.py:own_handler",
    "terminate": "crash:std::out_of_range:variants.py:throw:at; n (which is #)",
    "c-assert": "crash:assertion failed:src/x.c:12",
    "free": "crash:heap corruption:variants.py:give_back",
    "rust": "exception:pyo3_runtime.PanicException:src/tokenizer/encoding.rs:",
    "go": "crash:Go panic:/src/x.go:12",
    "fatal": "crash:fatal error:variants.py:<lambda>:it is broken",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def session():
    options = Options(cache="none", instrument=False)
    with AtherisEngine().prepare(read(HARNESS), options) as opened:
        yield opened


def has(library_and_function):
    library, function = library_and_function
    try:
        return hasattr(ctypes.CDLL(library), function)
    except OSError:
        return False


@pytest.mark.parametrize("way", [way for way in WAYS if way != "two-panics"])
def test_one_place_is_one_bucket_whatever_varies_there(session, way):
    if way == "rust":
        pytest.importorskip("tokenizers")
    if way in NATIVE and not all(map(has, NATIVE[way])):
        pytest.skip(f"no {NATIVE[way]} here")
    outcomes = [session.reproduce(f"{way} ".encode() + bytes([number]), times=1)[0] for number in NUMBERS]
    assert all(outcome.failed for outcome in outcomes)
    (bucket,) = {outcome.bucket for outcome in outcomes}
    (group,) = {outcome.group for outcome in outcomes}
    assert group.startswith(KEYS.get(way, f"{outcomes[0].kind}:"))
    assert bucket.startswith(group)


def test_two_panics_at_one_line_of_python_are_two_and_worse_than_what_can_be_caught(session):
    outcomes = [session.reproduce(b"two-panics " + bytes([number]), times=1)[0] for number in (1, 2)]
    assert [outcome.frames[-1] for outcome in outcomes] == ["src/y.rs:2:", "src/y.rs:1:"]
    (key,) = session.reproduce(b"key 1", times=1)
    assert outcomes[0].escapes
    assert severity(outcomes[0]) > severity(key)


def test_lambdas_of_one_table_are_told_apart(session):
    buckets = {session.reproduce(f"{way} ".encode() + b"\x01", times=1)[0].bucket for way in ("os-exit", "c-exit")}
    assert len(buckets) == 2
