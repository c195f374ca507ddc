from __future__ import annotations

import os
import sys
import venv

import pytest
from codefuzz import atheris_forms, toy_project

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.replay import text_of
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import TargetError, TargetLoadError, WorkerLostError


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return toy_project.build(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def toy(project):
    with replay_session(discovery.find("toy", project)) as run:
        yield run


@pytest.mark.parametrize(
    ("payload", "kind", "type"),
    [
        (b"TPok", "ok", ""),
        (b"no", "refused", "FormatError"),
        (b"TPE1", "exception", "KeyError"),
        (b"TPDd", "exception", "ZeroDivisionError"),
        (b"TPRr", "recursion", "RecursionError"),
        (b"TPH", "hang", ""),
        (b"TPM", "memory", ""),
        (b"TPC", "crash", "SIGSEGV"),
        (b"TPX", "os-exit", "status 3"),
        (b"TPS", "exit", "SystemExit"),
    ],
)
def test_each_way_of_failing_is_told_apart(toy, payload, kind, type):
    (outcome,) = toy.reproduce(payload, times=1)
    assert (outcome.kind, outcome.type) == (kind, type)
    assert outcome.failed == (kind not in ("ok", "refused"))


def test_a_failure_names_the_line_of_the_code_under_test(toy):
    (outcome,) = toy.reproduce(b"TPE1", times=1)
    assert outcome.frames[-1].startswith("toyparser.py:")
    assert outcome.group == "exception:KeyError:toyparser.py:parse"
    assert "KeyError: b'1'" in outcome.traceback
    assert "KeyError: b'1' at toyparser.py:" in text_of([outcome])
    assert outcome.seconds < 0.25


def test_what_a_file_imports_only_in_its_main_is_there_when_it_is_replayed(tmp_path):
    path = atheris_forms.build(tmp_path, atheris_forms.FORMS["a block in main"])
    with replay_session(discovery.at(path, tmp_path)) as run:
        (outcome,) = run.reproduce(atheris_forms.MAGIC + b"z", times=1)
    assert outcome.group == "exception:KeyError:acme/deep.py:parse"


def test_what_takes_its_process_down_names_where_it_was(toy):
    (crash,) = toy.reproduce(b"TPC", times=1)
    assert crash.group == "crash:SIGSEGV:toyparser.py:parse"
    (hang,) = toy.reproduce(b"TPH", times=1)
    assert "toyparser.py" in hang.group
    assert 0.5 <= hang.seconds < 2


def test_memory_is_measured_above_what_was_there(toy):
    (outcome,) = toy.reproduce(b"TPM", times=1)
    assert 90 < outcome.mebibytes < 150
    (small,) = toy.reproduce(b"TPok", times=1)
    assert small.mebibytes < 20


def test_nothing_that_an_input_does_stays_for_the_next(toy):
    outcomes = [toy.reproduce(payload, times=1)[0].kind for payload in (b"TPX", b"TPC", b"TPok", b"TPE", b"TPok")]
    assert outcomes == ["os-exit", "crash", "ok", "exception", "ok"]


def test_a_plain_atheris_file_runs_unmodified_and_tells_what_it_consumed(project):
    with replay_session(discovery.find("plain_toy", project)) as run:
        (outcome,) = run.reproduce(b"\x07\x01abc", times=1)
        assert (outcome.kind, outcome.type) == ("exception", "KeyError")
        assert run.consumed(b"\x07\x01abc") == [("ConsumeInt(1)", "7"), ("ConsumeUnicode(4)", "'abc'")]


def test_a_harness_that_does_not_import_says_why(project):
    (project / "harnesses" / "broken.py").write_text("import nothing_of_this_name\ndef TestOneInput(data): pass\n")
    with pytest.raises(TargetLoadError, match=r"broken\.py does not import: ModuleNotFoundError.*broken\.py") as caught:
        replay_session(discovery.find("broken", project))
    assert caught.value.exit_code == 3
    (project / "harnesses" / "broken.py").unlink()


def test_a_harness_that_ends_its_process_while_importing_says_so(project):
    path = project / "harnesses" / "leaves.py"
    path.write_text("import os\nprint('bye', flush=True)\nos._exit(5)\ndef TestOneInput(data): pass\n")
    with pytest.raises(TargetLoadError, match=r"the process died while it imported the harness: .* status 5: bye"):
        replay_session(discovery.find("leaves", project))
    path.unlink()


def test_a_flood_of_output_neither_blocks_nor_fills_anything(project):
    path = project / "harnesses" / "loud.py"
    path.write_text("def TestOneInput(data):\n    print('x' * 5_000_000)\n    raise KeyError('after all that')\n")
    with replay_session(discovery.find("loud", project)) as run:
        (outcome,) = run.reproduce(b"", times=1)
    assert outcome.type == "KeyError"
    assert 0 < len(outcome.output) <= 4096
    path.unlink()


def test_its_processes_end_with_it(project):
    run = replay_session(discovery.find("toy", project))
    pid = run._link._process.pid
    run.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_under_a_sanitizer_its_report_says_where(project):
    native = pytest.importorskip("mlfuzz.codefuzz.native.build")
    try:
        lane = native.runtime_lane("address")
    except TargetError as error:
        pytest.skip(str(error))
    with replay_session(discovery.find("toy", project), lane=lane) as run:
        assert run.reproduce(b"TPok", times=1)[0].kind == "ok"
        (outcome,) = run.reproduce(b"TPC", times=1)
    assert (outcome.kind, outcome.type) == ("sanitizer", "SEGV")
    assert "pthread_kill" not in outcome.group


LEAKY = """
HARNESS = {"name": "leaky", "seconds": 0.5}
KEPT = []


def fuzz(data):
    if data == b"leak":
        KEPT.append(bytearray(b"x" * 40_000))
"""


def test_a_leak_shows_where_it_is_looked_for_and_an_innocent_input_has_none(tmp_path):
    (tmp_path / "harnesses").mkdir()
    (tmp_path / "harnesses" / "leaky.py").write_text(LEAKY)
    with replay_session(discovery.find("leaky", tmp_path)) as run:
        (once,) = run.reproduce(b"leak", times=1)
        (leak,) = run.reproduce(b"leak", times=1, kind="leak")
        (other,) = run.reproduce(b"ok", times=1, kind="leak")
    assert [once.kind, leak.kind, other.kind] == ["ok", "leak", "ok"]
    assert 35 <= float(leak.message.split()[-3]) <= 60, leak.message


SURROUNDINGS = """
import importlib.util
import os
import signal
import sys

LINES = open("beside.txt").read()


def TestOneInput(data):
    if data == b"parent":
        os.kill(os.getppid(), signal.SIGKILL)
    if data == b"where":
        raise LookupError(f"{LINES} {os.getcwd()} {os.environ['HOME']}")
    if data == b"packages":
        raise LookupError(f"{sys.prefix} {importlib.util.find_spec('msgspec') is not None}")
"""


@pytest.fixture
def around(tmp_path):
    (tmp_path / "around.py").write_text(SURROUNDINGS)
    (tmp_path / "beside.txt").write_text("beside")
    return discovery.at(tmp_path / "around.py", tmp_path)


def test_without_a_sandbox_it_runs_where_its_users_run_it_and_leaves_nothing_behind(around):
    with replay_session(around, sandbox="off") as run:
        (outcome,) = run.reproduce(b"where", times=1)
        assert "scratch" not in vars(run._link)
    assert outcome.message == f"beside {around.project.resolve()} {os.environ['HOME']}"


def test_with_a_sandbox_it_has_a_folder_and_a_home_of_its_own(around):
    with replay_session(around) as run:
        (outcome,) = run.reproduce(b"where", times=1)
        assert outcome.message == f"beside {run._link.scratch}/work/tmp-here {run._link.scratch}/work/tmp"


def test_another_python_runs_it_with_its_own_packages_and_needs_none_of_ours(around, tmp_path):
    venv.create(tmp_path / "other", with_pip=False)
    python = str(tmp_path / "other" / "bin" / "python")
    with replay_session(around, python=python) as run:
        (other,) = run.reproduce(b"packages", times=1)
        assert run.reproduce(b"fine", times=1)[0].kind == "ok"
    with replay_session(around) as run:
        (own,) = run.reproduce(b"packages", times=1)
    assert (other.message, own.message) == (f"{tmp_path / 'other'} False", f"{sys.prefix} True")
    assert other.bucket == own.bucket


def test_a_python_that_is_not_there_is_told(around):
    with pytest.raises(TargetLoadError, match=r"does not start.*nowhere"):
        replay_session(around, python="/nowhere/python")


def test_what_takes_more_than_its_own_process_down_stops_no_other_input(around):
    with replay_session(around, sandbox="off") as run:
        with pytest.raises(WorkerLostError, match="signal 9"):
            run.reproduce(b"parent", times=1)
        assert run.reproduce(b"fine", times=1)[0].kind == "ok"


def test_a_session_without_coverage_says_that_it_cannot_fuzz(toy, tmp_path):
    with pytest.raises(TargetError, match="without coverage"):
        toy.fuzz(tmp_path, seconds=1, on_failure=print, on_progress=print)
