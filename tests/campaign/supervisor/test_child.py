"""Processes that begin in the one that has torch loaded, and what happens where that does not go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlfuzz.campaign.supervisor.child import Children
from mlfuzz.campaign.supervisor.processes import ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import TriageRequest
from mlfuzz.storage.workdir import Workdir

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no starter elsewhere"),
]

TARGETS = """
import os, signal, sys, threading
def quits():
    os._exit(7)
def dies():
    os.kill(os.getpid(), signal.SIGSEGV)
def raises():
    raise ValueError("it does not load")
"""
PATIENCE = 60.0


def request(folder: Path, name: str) -> TriageRequest:
    (folder / "subject.py").write_text(TARGETS)
    return TriageRequest(op="replay", path=str(folder), target=f"subject:{name}", directory=str(folder))


def until(happened) -> bool:  # type: ignore[no-untyped-def]
    end = time.monotonic() + PATIENCE
    while not happened() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(happened())


def answered(probe):  # type: ignore[no-untyped-def]
    """As `consult` waits."""
    end = time.monotonic() + PATIENCE
    while probe.alive and time.monotonic() < end:
        if (reply := probe.reply(wait=0.2)) is not None:
            return reply
    return None


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def children():  # type: ignore[no-untyped-def]
    kept = Children()
    yield kept
    kept.close()


@pytest.fixture
def probe(tmp_path, children):  # type: ignore[no-untyped-def]
    made = ProbeProcess(Workdir.create(tmp_path / "c"), children=children)
    yield made
    made.kill()


def test_how_each_ends_is_known_whoever_is_killed_and_the_next_begins(tmp_path, children, probe):  # type: ignore[no-untyped-def]
    """One story, as a starter takes seconds."""
    probe.ask(request(tmp_path, "quits"))
    waited = probe._process
    waited.kill()  # before it begins
    assert waited.poll() == -signal.SIGKILL
    assert until(lambda: waited.poll() is not None and waited._pid)
    assert until(lambda: waited.poll() and not Path(f"/proc/{waited._pid}").exists())

    for name, status in [("quits", 7), ("dies", -signal.SIGSEGV)]:
        probe.ask(request(tmp_path, name))
        assert probe._process.wait() == status
        assert not probe.alive
    starter = children.starter_pid()
    assert starter != os.getpid()

    probe.ask(request(tmp_path, "raises"))
    assert answered(probe) is not None
    pid = probe._process.pid
    assert parent_of(pid) == starter
    assert b"triage_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert os.getsid(pid) == pid

    os.kill(starter, signal.SIGKILL)
    assert probe._process.wait() == -signal.SIGKILL
    assert until(lambda: not Path(f"/proc/{pid}").exists())

    probe.ask(request(tmp_path, "raises"))
    os.kill(children.starter_pid(), signal.SIGKILL)  # before it begins: it does all the same
    assert answered(probe) is not None
    assert parent_of(probe._process.pid) == os.getpid()


@pytest.mark.turns(2)
def test_where_a_thread_runs_in_the_starter_each_begins_plainly(tmp_path, monkeypatch, children, probe):  # type: ignore[no-untyped-def]
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    (tmp_path / "sitecustomize.py").write_text(thread)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    probe.ask(request(tmp_path, "raises"))
    assert answered(probe) is not None
    assert parent_of(probe._process.pid) == os.getpid()


def test_where_no_python_can_be_started_the_error_is_the_plain_ones(tmp_path, monkeypatch, children):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    asked = []

    def plainly(descriptors):  # type: ignore[no-untyped-def]
        asked.append(descriptors)
        return subprocess.Popen(["true"])

    assert children.start("triage", "", (2,), plainly).wait() == 0
    assert asked == [(2,)]
