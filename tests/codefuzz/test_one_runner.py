"""An input alone is told alike by a campaign and by what runs it again, for they are one runner."""

from __future__ import annotations

import msgspec
import pytest
from codefuzz.test_failure_matrix import HARNESS, MATRIX

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.triage.sessions import replay_session

LONG = {"spin", "sleep", "regex", "deadlock", "print", "slow", "process", "large", "late-report", "leak", "sleeper"}

ROWS = [*MATRIX, "sleeper", "late-report", "leak"]

pytestmark = pytest.mark.skipif(bool(AtherisEngine().available()), reason=AtherisEngine().available() or "available")


@pytest.fixture(scope="module")
def campaign():
    with AtherisEngine().prepare(read(HARNESS), Options(cache="none")) as session:
        yield session


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    with replay_session(Harness(read(HARNESS), tmp_path_factory.mktemp("project"), "")) as session:
        yield session


@pytest.mark.parametrize("way", [pytest.param(way, marks=[pytest.mark.slow] if way in LONG else []) for way in ROWS])
def test_each_way_of_failing_is_told_alike(campaign, replay, way):
    kind = "leak" if way == "leak" else ""
    one, other = (each.reproduce(way.encode(), times=1, kind=kind)[0] for each in (campaign, replay))
    assert (one.kind, one.type, one.group, one.bucket) == (other.kind, other.type, other.group, other.bucket)


def test_both_are_the_same_class_and_the_same_function_runs_the_input(campaign, replay):
    assert type(campaign) is type(replay)
    assert type(campaign._runner) is type(replay._runner)
    assert type(campaign._link) is type(replay._link)
    for name in ("reproduce", "minimise", "screen", "consumed", "fuzz"):
        assert getattr(campaign, name).__func__ is getattr(replay, name).__func__
    assert campaign._runner.execute.__func__ is replay._runner.execute.__func__


def test_what_tells_them_apart_are_switches(campaign, replay):
    one, other = (msgspec.structs.asdict(each.options) for each in (campaign, replay))
    assert {name for name in one if one[name] != other[name]} == {"project", "cache", "instrument"}
    assert replay.prepared.sandbox == campaign.prepared.sandbox
    assert not replay.prepared.instrumented
