"""What is said of one input is what it does alone, measured, in as many runs as it takes to tell."""

from __future__ import annotations

import math

import pytest

from mlfuzz.codefuzz.engine.atheris_engine import environment, specification
from mlfuzz.codefuzz.executor import isolated_run
from mlfuzz.codefuzz.executor.isolated_run import IsolatedRunner, outcome_from
from mlfuzz.codefuzz.failure.bucketing import FrameOwners
from mlfuzz.codefuzz.forkserver.client import ALONE, ForkServerClient
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.errors import BadInputError

HARNESS = """
import ctypes, os, time
HARNESS = {"name": "alone", "allowed": ["ValueError"], "seconds": 0.3, "mebibytes": 32, "length": 64}

def once(name):
    try:
        open(name, "x").close()
    except FileExistsError:
        return False
    return True

def take(mebibytes):
    return bytes(range(256)) * (mebibytes << 12)

def fuzz(data):
    if data == b"documented":
        raise ValueError
    if data == b"raises":
        raise KeyError(1)
    if data == b"dies":
        ctypes.string_at(0)
    if data == b"slow once" and once("slow"):
        time.sleep(0.45)
    if data == b"slow":
        time.sleep(0.45)
    if data == b"hangs":
        time.sleep(60)
    if data == b"large":
        take(48)
    if data == b"large and dies":
        take(48)
        os.abort()
    if data == b"prints":
        print("seen alone", flush=True)
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harness")
    path = folder / "alone.py"
    path.write_text(HARNESS)
    declaration, options = read(path), Options(cache="none")
    link = ForkServerClient(specification(declaration, options, atheris=False), environment(options))
    try:
        reply = link.ready(60.0, str(path), lambda: False)
        yield IsolatedRunner(
            link, declaration, FrameOwners(declaration.instrument, declaration.path, reply["path"]), confined=True
        )
    finally:
        link.close()


def test_an_input_that_does_nothing_is_fine_and_measured(runner):
    outcome = runner.execute(b"fine")
    assert (outcome.kind, outcome.failed, outcome.bucket) == ("ok", False, "")
    assert 0 <= outcome.seconds < 0.3
    assert 0 <= outcome.mebibytes < 32


@pytest.mark.parametrize(
    ("payload", "kind", "group"),
    [
        (b"documented", "refused", ""),
        (b"raises", "exception", "exception:KeyError:"),
        (b"dies", "crash", "crash:SIGSEGV:"),
    ],
)
def test_each_end_has_its_kind_and_a_key_in_the_harness(runner, payload, kind, group):
    outcome = runner.execute(payload)
    assert outcome.kind == kind
    assert outcome.group.startswith(group)
    assert outcome.failed == (":alone.py:fuzz" in outcome.bucket)


def test_of_a_death_the_memory_of_the_process_says_nothing(runner):
    outcome = runner.execute(b"large and dies")
    assert (outcome.kind, outcome.type) == ("crash", "SIGABRT")
    assert math.isnan(outcome.mebibytes)


def test_what_takes_too_much_memory_is_placed_where_it_takes_it(runner):
    outcome = runner.execute(b"large")
    assert outcome.kind == "memory"
    assert outcome.bucket.startswith("memory::alone.py:take:")
    assert outcome.mebibytes > 40
    assert "the limit is 32 MiB" in outcome.message


def test_time_that_an_input_took_once_is_not_its_own(runner):
    outcome = runner.execute(b"slow once")
    assert (outcome.kind, outcome.bucket, outcome.frames) == ("ok", "", ())
    assert outcome.seconds < 0.3


def test_what_takes_too_long_each_time_is_slow_and_stands_somewhere(runner):
    outcome = runner.execute(b"slow")
    assert outcome.kind == "slow"
    assert outcome.bucket.startswith("slow::alone.py:fuzz")
    assert outcome.seconds > 0.3


def test_what_does_not_end_hangs_and_stands_somewhere(runner):
    outcome = runner.execute(b"hangs")
    assert outcome.kind == "hang"
    assert outcome.bucket.startswith("hang::alone.py:fuzz")
    assert runner.link.slots[ALONE].death is not None, "nobody is left running"


def test_what_it_printed_is_its_own(runner):
    assert runner.execute(b"prints").output.strip() == "seen alone"
    assert runner.execute(b"fine").output == ""


def test_an_input_of_more_than_the_page_holds_is_refused(runner, monkeypatch):
    monkeypatch.setattr(isolated_run, "CAPACITY", 4)
    with pytest.raises(BadInputError, match="5 bytes, at most 4"):
        runner.execute(b"12345")


def test_without_a_sandbox_no_failure_is_set_aside(runner):
    assert not runner.guarded
    raised = runner.execute(b"raises")
    assert runner.cleared(b"raises", raised) is raised
    assert raised.refusals == ()


def test_an_outcome_is_what_the_worker_told_and_nothing_else():
    message = {"kind": "exception", "type": "KeyError", "bucket": "b", "frames": ["a", "b"], "seconds": 0.5, "new": 1}
    outcome = outcome_from(message, "printed")
    assert (outcome.kind, outcome.type, outcome.bucket, outcome.seconds) == ("exception", "KeyError", "b", 0.5)
    assert (outcome.frames, outcome.output, outcome.refusals) == (("a", "b"), "printed", ())
