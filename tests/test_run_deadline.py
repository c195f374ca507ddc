"""A busy machine makes a run longer; the time that counts is the run's own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.run_deadline import RunDeadline, tasks

SPIN = "while True: pass"
OTHERS = 6
"""Processes beside the one that is looked at, all on one processor."""

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not kept on one processor")


@contextlib.contextmanager
def running(code):
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)  # a share of its own
    try:
        yield child.pid
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def crowded():
    """One processor for all that is started within, and several that want it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(OTHERS):
                stack.enter_context(running(SPIN))
            yield
        finally:
            os.sched_setaffinity(0, before)


def until_over(pid, seconds):
    patience = RunDeadline(pid, seconds)
    began = time.monotonic()
    while not patience.over():
        time.sleep(0.005)
    return time.monotonic() - began, patience


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [SPIN, "import threading\ndef f():\n while True: pass\nt = threading.Thread(target=f)\nt.start()\nt.join()",
     f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN!r}])"],
    ids=["itself", "in a thread that it waits for", "in a program that it waits for"],
)  # fmt: skip
def test_what_others_take_of_the_processor_is_not_its_time(code):
    with crowded(), running(code) as pid:
        time.sleep(0.3)
        wall, patience = until_over(pid, 0.1)
        assert patience.spent > 0.09
        assert wall > 2 * patience.spent
        assert patience.waited > patience.spent


def test_who_sleeps_waits_for_nobody():
    with crowded(), running("import time\ntime.sleep(60)") as pid:
        time.sleep(0.3)
        wall, patience = until_over(pid, 0.1)
        assert patience.spent > 0.8 * wall - 0.1


def test_the_time_of_a_process_that_is_gone_goes_on():
    with running("pass") as pid:
        pass
    assert tasks(pid) == {}
    assert until_over(pid, 0.02)[1].spent < 0.2


WORK = '''
import os
import signal
import subprocess
import sys
import threading
import time

HARNESS = {"name": "work", "seconds": 0.3, "allow": ["processes"]}
SPIN = "import time; until = 0.1; began = time.process_time()\\nwhile time.process_time() - began < until: pass"
REPORT = b"""==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602 at pc 0x1 bp 0x2 sp 0x3
WRITE of size 4 at 0x602 thread T0
    #0 0x7f02 in expand /src/SgiRleDecode.c:83:20
"""


def work():
    until = time.process_time() + 0.15
    while time.process_time() < until:
        pass


def threaded():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def started():
    subprocess.run([sys.executable, "-S", "-E", "-c", SPIN])


def crash():
    os.write(2, REPORT[:30])
    started()
    os.write(2, REPORT[30:])
    os._exit(1)


def fuzz(data):
    {b"itself": work, b"thread": threaded, b"program": started, b"report": crash}[data]()
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("payload", "kind"), [(b"itself", "ok"), (b"thread", "ok"), (b"program", "ok"), (b"report", "sanitizer")]
)
def test_a_busy_machine_changes_no_verdict(tmp_path, payload, kind):
    path = tmp_path / "work.py"
    path.write_text(WORK)
    with crowded(), replay_session(Harness(read(path), tmp_path, "")) as session:
        began = time.monotonic()
        (outcome,) = session.reproduce(payload, times=1)
    assert outcome.kind == kind, outcome
    assert time.monotonic() - began > 0.6  # in this time it would have hung
