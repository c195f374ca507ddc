"""An input alone is told alike by the engine's runner and by the one that replays, whatever it does."""

from __future__ import annotations

import pytest
from codefuzz.test_failure_matrix import HARNESS, LINGERING, MATRIX

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.plain_run import PlainRun

DIFFER = {
    "documented": "the type that was refused", "matching": "the type that was refused",
    "documented-group": "the type that was refused", "odd": "the harness's module", "large": "the key",
    "overflow": "crash for overflow", "os-exit-0": "the key", "os-exit-7": "the key", "slow": "type and key",
    "mute": "status 70 for ok", "late-exit": "the key", "close": "the status", "slow-with-thread": "type and key",
    "leak": "type and key",
}  # fmt: skip
"""What the runner that replays tells otherwise today."""

LONG = {"spin", "sleep", "regex", "deadlock", "print", "slow", "process", "late-report", "leak", *LINGERING}

ROWS = [way for way in [*MATRIX, *LINGERING, "late-report", "leak"] if way != "corpus"]
"""All but what deletes the folder above its own: without a sandbox that is somebody's."""

pytestmark = pytest.mark.skipif(bool(AtherisEngine().available()), reason=AtherisEngine().available() or "available")


@pytest.fixture(scope="module")
def engine():
    with AtherisEngine().prepare(read(HARNESS), Options(cache="none")) as opened:
        yield opened


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    with PlainRun(Harness(read(HARNESS), tmp_path_factory.mktemp("project"), "")) as opened:
        yield opened


@pytest.mark.parametrize("way", [pytest.param(way, marks=[pytest.mark.slow] if way in LONG else []) for way in ROWS])
def test_each_way_of_failing_is_told_alike(engine, replay, way):
    kind = "leak" if way == "leak" else ""
    one, other = (each.reproduce(way.encode(), times=1, kind=kind)[0] for each in (engine, replay))
    alike = (one.kind, one.type, one.group, one.bucket) == (other.kind, other.type, other.group, other.bucket)
    assert alike == (way not in DIFFER), f"{one.kind} {one.type} {one.bucket}, {other.kind} {other.type} {other.bucket}"
