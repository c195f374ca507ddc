"""The process that holds the harness, by what it says on its socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
from codefuzz.forkserver.served import HARNESS, VARIABLES, gone, running, specified

from mlfuzz.codefuzz.forkserver.worker_handle import WorkerHandle
from mlfuzz.codefuzz.runtime.messages import receive, send


class Server:
    """A server of its own, and the slots of its workers."""

    def __init__(self, folder, text):
        self.slots = [WorkerHandle("fuzz"), WorkerHandle("alone")]
        self.control, theirs = socket.socketpair()
        self.control.settimeout(60.0)
        descriptors = [slot.descriptors for slot in self.slots]
        sealed = [{**slot.descriptors, "seal": slot.seal} for slot in self.slots]
        passed = [theirs.fileno(), *(number for slot in descriptors for number in slot.values())]
        command = [sys.executable, "-P", "-m", "mlfuzz.codefuzz.forkserver.server"]
        self.process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(os.getpid())], pass_fds=passed, env=VARIABLES, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()
        (folder / "work" / "tmp").mkdir(parents=True)
        send(self.control, {**specified(folder, text), "slots": sealed, "scratch": str(folder)})

    def hears(self):
        """What it says next, besides that it is still importing."""
        while (said := receive(self.control)[0])["event"] == "importing":
            pass
        return said

    def forks(self, payload, number=1):
        self.slots[number].begin()
        self.slots[number].flight.load(payload)
        send(self.control, {"op": "fork", "slot": number, "job": {"name": "alone"}})
        return self.hears()

    def close(self):
        self.control.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for slot in self.slots:
            slot.close()


@pytest.fixture
def serve(tmp_path):
    made = []

    def start(text=HARNESS):
        made.append(Server(tmp_path, text))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("served"), HARNESS)
    assert started.hears()["event"] == "ready"
    yield started
    started.close()


@pytest.fixture
def ending(serve):
    """One that the test ends."""
    started = serve()
    assert started.hears()["event"] == "ready"
    return started


def test_once_the_harness_is_imported_it_says_what_there_is_to_know(serve):
    reply = serve("HARNESS = {'allowed': ['Nowhere']}\ndef fuzz(data): pass\n").hears()
    assert (reply["event"], reply["cached"]) == ("ready", False)
    assert reply["seconds"] >= 0
    assert "os" in reply["modules"]
    assert reply["warnings"] == ["allowed exception 'Nowhere' is not found; compared by name"]


def test_an_import_that_fails_is_told_without_our_own_frames_and_ends_it(serve):
    server = serve("HARNESS = {}\ndef load():\n    raise OSError('no disk')\nload()\ndef fuzz(data): pass\n")
    reply = server.hears()
    assert reply["event"] == "broken"
    assert "OSError: no disk" in reply["error"]
    assert "in load" in reply["error"]
    assert "loader.py" not in reply["error"]
    assert server.process.wait(60) == 1


def test_each_worker_is_told_of_with_its_slot_and_its_end(server):
    forked = server.forks(b"fine")
    died = server.hears()
    assert (forked["event"], forked["slot"]) == ("forked", 1)
    assert (died["event"], died["slot"], died["pid"]) == ("died", 1, forked["pid"])
    assert os.WEXITSTATUS(died["status"]) == 0
    assert died["mebibytes"] > 1


def test_a_worker_that_is_killed_is_told_of_while_the_other_runs(server):
    first = server.forks(b"waits", 0)
    second = server.forks(b"waits", 1)
    os.kill(second["pid"], signal.SIGKILL)
    died = server.hears()
    assert (died["slot"], os.WTERMSIG(died["status"])) == (1, signal.SIGKILL)
    assert running(first["pid"])


def test_a_module_that_it_is_told_to_import_is_there_for_its_workers(serve):
    text = "import sys\nHARNESS = {}\ndef fuzz(data):\n    raise KeyError('colorsys' in sys.modules)\n"
    server = serve(text)
    assert server.hears()["event"] == "ready"
    messages = []
    for modules in ([], ["no_such_module_here", "colorsys"]):
        send(server.control, {"op": "import", "modules": modules})
        server.forks(b"")
        server.hears()
        server.slots[1].collect()
        messages.append(server.slots[1].inbox.popleft()[0]["message"])
    assert messages == ["False", "True"]


@pytest.mark.parametrize("way", ["asked to", "nobody there"])
def test_it_ends_where_it_is_asked_to_or_nobody_is_there_and_its_workers_with_it(ending, way):
    worker = ending.forks(b"waits")["pid"]
    if way == "asked to":
        send(ending.control, {"op": "end"})
    else:
        ending.control.close()
    assert ending.process.wait(60) == 0
    assert gone(worker)


def test_where_it_is_killed_its_workers_die_too(ending):
    worker = ending.forks(b"waits")["pid"]
    ending.process.kill()
    assert gone(worker)
