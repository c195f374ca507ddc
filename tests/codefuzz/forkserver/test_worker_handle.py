"""A worker that sends no messages any more: code under test may write to every descriptor that is open."""

from __future__ import annotations

import os
import socket

import pytest
from codefuzz.forkserver.served import VARIABLES, gone, specified

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.forkserver.client import ALONE, ForkServerClient
from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.runtime.flight_recorder import CAPACITY
from mlfuzz.codefuzz.runtime.messages import send
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate
from mlfuzz.codefuzz.triage.replay import Replay
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import TargetLoadError

SCRIBBLE = """
import os

def scribble():
    for number in range(3, 1 << 15):
        try:
            os.set_blocking(number, False)
            for _ in range(3):
                os.write(number, b"garbage!" * 16)
            os.ftruncate(number, 0)
        except OSError:
            pass
"""
HARNESS = (
    SCRIBBLE
    + """
HARNESS = {"name": "scribbler", "seconds": 20.0, "blind": True, "length": 8}

def fuzz(data):
    if data[:1] == b"W":
        scribble()
    if data[:1] == b"C":
        os.closerange(3, 256)
"""
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "harnesses").mkdir()
    (tmp_path / "harnesses" / "scribbler.py").write_text(HARNESS)
    return tmp_path


def test_what_is_no_message_ends_the_worker_and_the_slot_serves_the_next(tmp_path):
    link = ForkServerClient(specified(tmp_path, HARNESS), VARIABLES)
    try:
        link.ready(60.0, "served.py", lambda: False)
        slot = link.slots[ALONE]
        for payload in (b"W", b"fine", b"W", b"fine"):
            slot.flight.load(payload)
            link.fork(ALONE, {"name": "alone"})
            assert link.wait(lambda: slot.death is not None, 60)
            assert (slot.damaged, bool(slot.inbox)) == (payload == b"W", payload == b"fine")
            assert slot.flight.payload == payload
            assert gone(slot.pid)
    finally:
        link.close()


def test_nothing_of_a_damaged_message_stays_for_the_next_worker():
    slot = WorkerHandle("here")
    try:
        os.write(slot.descriptors["socket"], b"\xff" * 64)
        os.write(slot.descriptors["resume"], b"w")
        slot.collect()
        assert slot.damaged
        slot.begin()
        assert (slot.damaged, list(slot.inbox)) == (False, [])
        slot.resume.setblocking(False)
        with pytest.raises(BlockingIOError):
            slot.resume.recv(1)
    finally:
        slot.close()


@pytest.mark.parametrize("message", [{}, {"kind": "ok"}, {"kind": "ok", "seal": "0123456789abcdef"}])
def test_a_message_that_the_worker_has_not_sealed_is_none(message):
    slot = WorkerHandle("here")
    try:
        with socket.socket(fileno=os.dup(slot.descriptors["socket"])) as theirs:
            send(theirs, {"kind": "ok", "seal": slot.seal})
            send(theirs, message)
        slot.collect()
        assert (slot.damaged, list(slot.inbox)) == (True, [({"kind": "ok"}, b"")])
    finally:
        slot.close()


def test_the_page_of_the_input_cannot_be_written_to_or_cut_by_its_number():
    slot = WorkerHandle("here")
    try:
        slot.flight.load(b"kept")
        for attempt in (lambda: os.write(slot.descriptors["flight"], b"x" * 64),
                        lambda: os.ftruncate(slot.descriptors["flight"], 0)):  # fmt: skip
            with pytest.raises(PermissionError):
                attempt()
        assert slot.flight.payload == b"kept"
        assert len(slot.flight.body) == CAPACITY
    finally:
        slot.close()


def test_the_input_that_writes_where_it_should_not_is_blamed_alone_and_in_replay(project):
    harness = discovery.find("scribbler", project)
    with replay_session(harness) as run:
        outcomes = run.reproduce(b"Wa", times=2)
        assert [one.kind for one in run.reproduce(b"fine", times=2)] == ["ok", "ok"]
    assert {(one.kind, one.bucket) for one in outcomes} == {("os-exit", outcomes[0].bucket)}
    assert "descriptor that is not its own" in outcomes[0].message
    finding, _ = candidate(b"Wa", outcomes[0], CodeOrigin(harness))
    with Replay(project) as replay:
        assert replay.run(finding, b"Wa", times=1).state == "fails"


def test_an_import_that_writes_where_it_should_not_is_a_harness_that_does_not_load(tmp_path):
    link = ForkServerClient(
        specified(tmp_path, SCRIBBLE + "HARNESS = {}\nscribble()\ndef fuzz(data): pass\n"), VARIABLES
    )
    try:
        with pytest.raises(TargetLoadError, match="what it sent is damaged"):
            link.ready(60.0, "served.py", lambda: False)
    finally:
        link.close()


@pytest.mark.slow
@pytest.mark.skipif(bool(AtherisEngine().available()), reason="needs atheris")
def test_a_campaign_blames_the_input_and_goes_on(project, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "closes").write_bytes(b"C")
    (corpus / "seed").write_bytes(b"W")
    (corpus / "fine").write_bytes(b"a")
    found = []
    with AtherisEngine().prepare(read(project / "harnesses/scribbler.py"), Options(cache="none")) as session:
        progress = session.fuzz(
            corpus, seconds=120.0, on_failure=lambda *one: found.append(one), on_progress=lambda _: None,
            stop=lambda: len(found) == 2,
        )  # fmt: skip
    assert sorted((payload[:1], outcome.kind) for payload, outcome in found) == [(b"C", "damage"), (b"W", "os-exit")]
    assert 0 < progress.executions < 1 << 40
    assert 0 < progress.failures < 1 << 20
