"""The supervisor's end of the fork server: workers are started, heard of, ended, and none is left."""

from __future__ import annotations

import os
import signal

import pytest
from codefuzz.forkserver.served import HARNESS, VARIABLES, gone, running, specified

from mlfuzz.codefuzz.forkserver.client import ALONE, FUZZ, ForkServerClient
from mlfuzz.errors import TargetLoadError, WorkerLostError

RUN = {"name": "alone"}


def opened(folder, text=HARNESS, seconds=60.0):
    link = ForkServerClient(specified(folder, text), VARIABLES)
    try:
        link.ready(seconds, "served.py", lambda: False)
    except BaseException:
        link.close()
        raise
    return link


@pytest.fixture(scope="module")
def link(tmp_path_factory):
    made = opened(tmp_path_factory.mktemp("served"))
    yield made
    made.close()


@pytest.fixture
def ending(tmp_path):
    """One that the test ends."""
    made = opened(tmp_path)
    yield made
    made.close()


def started(link, payload, number=ALONE):
    """A worker that has the input and is about to run it, or has."""
    link.slots[number].flight.load(payload)
    return link.fork(number, RUN)


def test_a_worker_tells_what_became_of_its_input_and_how_it_ended_itself(link):
    slot = started(link, b"fine")
    assert link.wait(lambda: bool(slot.inbox), 60)
    assert slot.inbox[0][0]["kind"] == "ok"
    assert link.wait(lambda: slot.death is not None, 60)
    assert (slot.death.code, slot.death.signal) == (0, 0)
    assert slot.death.mebibytes > 1
    assert slot.death.cpu >= 0
    assert slot.pid > 0


def test_how_a_worker_ended_is_heard_though_it_told_nothing(link):
    slot = started(link, b"leaves")
    assert link.wait(lambda: slot.death is not None, 60)
    assert (slot.death.code, list(slot.inbox)) == (3, [])


def test_a_worker_that_is_ended_has_died_of_that(link):
    slot = started(link, b"waits")
    assert not link.wait(lambda: slot.death is not None, 0.05)
    assert link.end(slot).signal == signal.SIGKILL
    assert gone(slot.pid)


def test_a_slot_holds_one_worker_at_a_time_and_nothing_of_the_one_before(link):
    first = started(link, b"waits").pid
    slot = started(link, b"fine")
    assert slot.pid != first
    assert gone(first)
    assert link.wait(lambda: bool(slot.inbox), 60)
    started(link, b"waits")
    assert (slot.death, list(slot.inbox)) == (None, [])


def test_both_slots_have_a_worker_of_their_own(link):
    waiting = started(link, b"waits", FUZZ)
    other = started(link, b"fine", ALONE)
    assert link.wait(lambda: bool(other.inbox), 60)
    assert waiting.death is None
    assert waiting.pid != other.pid


def test_processes_that_outlive_their_worker_are_ended_with_it(link):
    slot = started(link, b"leaves a process")
    assert link.wait(lambda: slot.death is not None, 60)
    again = started(link, b"fine")
    assert link.wait(lambda: again.death is not None, 60)
    assert again.death.strays == 1


def test_without_a_spare_nobody_goes_on_for_the_dead(link):
    assert not link.take_over(link.slots[FUZZ], {"known": []}, b"")


def test_where_the_server_is_gone_that_is_said_with_how(ending):
    link = ending
    os.kill(link._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerLostError, match="ended with signal 9"):
        started(link, b"fine")


def test_no_process_and_no_scratch_folder_outlives_a_link(ending):
    link = ending
    slot = started(link, b"waits")
    server, worker, scratch = link._process.pid, slot.pid, link.scratch
    assert running(worker)
    link.close()
    assert not running(server)
    assert gone(worker)
    assert not scratch.exists()


@pytest.mark.parametrize(
    ("text", "seconds", "message"),
    [
        ("HARNESS = {}\nraise OSError('no disk')\n", 60.0, "(?s)does not import.*no disk"),
        ("HARNESS = {}\nimport os\nos._exit(4)\n", 60.0, "died while it imported.*status 4"),
        ("HARNESS = {}\nimport time\ntime.sleep(60)\n", 0.3, r"has not ended after \d+ s"),
        ("HARNESS = {}\n", 0.0, r"has not ended after \d+ s"),  # it has not even begun
    ],
)
def test_an_import_that_fails_says_so(tmp_path, text, seconds, message):
    with pytest.raises(TargetLoadError, match=message):
        opened(tmp_path, text + "def fuzz(data): pass\n", seconds)
