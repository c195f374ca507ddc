"""However an input ends, it is made small by the format that its harness declares: as small as by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from faults.drawn import drawn

from mlfuzz.codefuzz.engine.default_engine import engine
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options

pytestmark = pytest.mark.skipif(bool(engine().available()), reason=engine().available() or "available")

HARNESS = """
import ctypes, json, os, signal, sys, threading, time

HARNESS = {"name": "endings", "mutator": "FORM", "allowed": ["ValueError"], "seconds": 0.5, "mebibytes": 128}


class PanicException(BaseException):
    __module__ = "pyo3_runtime"


def deep(number):
    return deep(number + 1)


def ending(kind):
    if kind == "panic":
        raise PanicException("index out of bounds")
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "exit":
        sys.exit(3)
    if kind == "assertion":
        assert kind == ""
    if kind == "group":
        raise ExceptionGroup("both", [KeyError(1), TypeError(2)])
    if kind == "recursion":
        deep(0)
    if kind == "thread":
        thread = threading.Thread(target=lambda: {}[kind])
        thread.start()
        thread.join()
    if kind == "crash":
        ctypes.string_at(0)
    if kind == "abort":
        os.abort()
    if kind == "status":
        os._exit(7)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)


def walk(tree):
    if isinstance(tree, dict):
        if isinstance(tree.get("mode"), str):
            ending(tree["mode"])
        tree = list(tree.values())
    for one in tree if isinstance(tree, list) else ():
        walk(one)


def fuzz(data):
    walk(json.loads(data))
"""
RAISED = ("panic", "interrupt", "exit", "assertion", "group", "recursion", "thread")
DEADLY = ("crash", "abort", "status", "killed")
"""Each run takes a process of its own: how far that comes within its seconds is the machine's matter."""


def found(kind: str) -> bytes:
    request = {
        "model": "net", "inputs": [[1, 2.5, -3], [], ["a", None, True]], "tags": {"first": "x", "second": [{"y": "z"}]},
        "options": [{"name": "first", "rate": 0.1}, {"name": "second", "mode": kind, "nested": [[[{"deep": 1}]]]}],
    }  # fmt: skip
    return json.dumps(request, indent=1).encode()


def minimised(kind: str, form: str, seconds: float, folder: Path) -> bytes:
    path = folder / "harnesses" / "endings.py"
    path.parent.mkdir()
    path.write_text(HARNESS.replace("FORM", form))
    with engine().prepare(at(path, folder).declaration, Options(project=str(folder))) as session:
        (outcome,) = session.reproduce(found(kind), times=1)
        assert outcome.failed
        smaller = session.minimise(found(kind), outcome.bucket, seconds=seconds)
        (again,) = session.reproduce(smaller, times=1)
    assert again.bucket == outcome.bucket
    return smaller


@pytest.mark.slow
@pytest.mark.parametrize("kind", drawn(RAISED, 2))
@pytest.mark.parametrize("form", drawn(["json", ""], 1))
def test_what_is_raised_is_minimised_as_far_as_by_hand(kind: str, form: str, tmp_path: Path) -> None:
    assert len(minimised(kind, form, 60, tmp_path)) <= 1.2 * len(b'{"mode":"%s"}' % kind.encode())


@pytest.mark.slow
@pytest.mark.parametrize("kind", drawn(DEADLY, 1))
def test_what_ends_the_process_is_minimised_by_the_format_too(kind: str, tmp_path: Path) -> None:
    smaller = minimised(kind, "json", 6, tmp_path)
    assert kind.encode() in smaller
    assert len(smaller) < len(found(kind)) // 3
