"""A campaign survives what its inputs do to the process, and says which input it was."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options

ENGINE = AtherisEngine()
pytestmark = pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")

DAMAGING = """HARNESS = {"length": 8, "blind": True, "seconds": 20.0}
import builtins, os
def fuzz(data):
    if data == b"len":
        builtins.len = None
    if data == b"all":
        os.closerange(3, 1 << 16)
    if data == b"quiet":
        builtins.sorted = None
    sorted(data)
"""
CHANGING = """HARNESS = {"length": 8, "blind": True, "seconds": 20.0}
import sys
def fuzz(data):
    if data == b"limit":
        sys.setrecursionlimit(80)
    if data[:1] == b"d":
        deep(60)
def deep(n):
    return n and deep(n - 1)
"""


def opened(folder, text):
    path = folder / "subject.py"
    path.write_text(text)
    return ENGINE.prepare(read(path), Options(cache="none"))


def fuzzed(session, folder, *seeds, runs=3000, until=0):
    folder.mkdir()
    for number, payload in enumerate(seeds):
        (folder / f"{number:02}").write_bytes(payload)
    found = []
    progress = session.fuzz(
        folder, seconds=60.0, runs=runs, on_failure=lambda *one: found.append(one), on_progress=lambda _: None,
        stop=lambda: bool(until) and len(found) >= until,
    )  # fmt: skip
    return found, progress


def test_inputs_that_damage_the_process_are_the_findings_and_the_campaign_goes_on(tmp_path):
    with opened(tmp_path, DAMAGING) as session:
        found, progress = fuzzed(session, tmp_path / "corpus", b"len", b"all", b"quiet", b"fine")
    assert {(data, one.kind, one.type) for data, one in found} == {
        (b"len", "damage", "builtins.len"),
        (b"all", "damage", "descriptors.closed"),
        (b"quiet", "damage", "builtins.sorted"),
    }
    assert len(found) == 3
    assert progress.executions >= 3000


def test_what_another_input_has_changed_is_no_failure_of_those_after_it(tmp_path):
    with opened(tmp_path, CHANGING) as session:
        found, progress = fuzzed(session, tmp_path / "corpus", b"limit", b"d", b"deep", b"dd")
    assert found == []
    assert progress.executions >= 3000


@pytest.mark.slow
def test_a_big_leak_is_found_and_confirmed_by_its_kind(tmp_path):
    text = """HARNESS = {"length": 16, "mebibytes": 256, "seconds": 20.0}
KEEP = []
def fuzz(data):
    if data[:2] == b"LK":
        KEEP.append(bytearray(30_000_000))
"""
    with opened(tmp_path, text) as session:
        found, _ = fuzzed(session, tmp_path / "corpus", b"LKa", b"fine", runs=0, until=1)
        ((payload, outcome),) = found
        assert (outcome.kind, payload[:2]) == ("leak", b"LK")
        assert {one.bucket for one in session.reproduce(payload, times=2, kind="leak")} == {outcome.bucket}
