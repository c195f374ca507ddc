"""A harness from its import to its verdicts, through real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlfuzz.codefuzz.corpus.dictionary import parse
from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.executor.batch_run import BatchRunner
from mlfuzz.codefuzz.forkserver.client import ForkServerClient
from mlfuzz.codefuzz.harness.declaration import Declaration, read
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.runtime.flight_recorder import FAILED
from mlfuzz.errors import BadInputError, ConfigError, TargetError, TargetLoadError, UnknownNameError

HERE = Path(__file__).parent.parent
ENGINE = AtherisEngine()
OPTIONS = Options(cache="none")

pytestmark = pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")


@pytest.fixture(scope="module")
def session():
    with ENGINE.prepare(read(HERE / "planted.py"), OPTIONS) as opened:
        yield opened


def prepared(tmp_path: Path, text: str, name: str = "subject", **options):
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return ENGINE.prepare(read(path), Options(cache="none", **options))


def fuzzed(session, corpus: Path, *, seconds: float = 120.0, runs: int = 0, until: int = 0, known=()):
    found: dict[str, bytes] = {}
    progress = session.fuzz(
        corpus, seconds=seconds, runs=runs, known=known, on_progress=lambda _: None,
        on_failure=lambda data, outcome: found.update({outcome.bucket: data}),
        stop=lambda: bool(until) and len(found) >= until,
    )  # fmt: skip
    return found, progress


def seeded(folder: Path, *payloads: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for number, payload in enumerate(payloads):
        (folder / f"{number:02}").write_bytes(payload)
    return folder


def test_fuzzing_goes_on_after_exceptions_and_native_deaths(session, tmp_path):
    found, progress = fuzzed(session, seeded(tmp_path / "c", b"IX\x01", b"KEa", b"AB", b"SE", b"zz"), until=4)
    assert {bucket.split(":")[1] for bucket in found} == {"IndexError", "KeyError", "SIGABRT", "SIGSEGV"}
    assert progress.restarts >= 1
    assert progress.executions > 0


def test_known_buckets_are_not_told_again(session, tmp_path):
    (first,) = session.reproduce(b"IX\x07", times=1)
    found, _ = fuzzed(session, seeded(tmp_path / "c", b"IX\x07"), runs=300, known=(first.bucket,))
    assert first.bucket not in found


def test_a_number_of_runs_is_kept_to(session, tmp_path):
    _, progress = fuzzed(session, seeded(tmp_path / "c", b"zz"), runs=500)
    assert 500 <= progress.executions < 1000


def test_new_inputs_reach_the_campaigns_corpus_under_their_hash(session, tmp_path):
    corpus = seeded(tmp_path / "c", b"zz")
    fuzzed(session, corpus, runs=2000)
    names = {path.name for path in corpus.iterdir()} - {"00"}
    assert names
    assert all(len(name) == 40 for name in names)


def test_crashing_seeds_run_once_and_most_of_the_time_is_spent_fuzzing(session, tmp_path):
    corpus = seeded(tmp_path / "c", b"SE", b"ABx", b"zz")
    native = [session.reproduce(payload, times=1)[0].bucket for payload in (b"SE", b"AB")]
    _, progress = fuzzed(session, corpus, seconds=1.5, known=native)
    assert progress.fuzzing > 0.7 * progress.seconds


def test_reproducing_gives_one_outcome_a_run_with_the_same_key(session):
    outcomes = session.reproduce(b"KEb", times=3)
    assert len(outcomes) == 3
    assert len({outcome.bucket for outcome in outcomes}) == 1
    assert all(0 <= outcome.seconds < 0.5 for outcome in outcomes)
    assert outcomes[0].frames[-1].startswith("planted.py:")


def test_an_input_larger_than_the_page_is_refused(session, monkeypatch):
    monkeypatch.setattr("mlfuzz.codefuzz.executor.isolated_run.CAPACITY", 8)
    with pytest.raises(BadInputError, match="too large"):
        session.reproduce(b"x" * 9, times=1)


@pytest.mark.parametrize("payload", [b"IX\x09", b"KEz", b"SE", b"AB"])
def test_a_minimised_input_keeps_its_bucket(session, payload):
    padded = payload + bytes(range(1, 40))
    bucket = session.reproduce(padded, times=1)[0].bucket
    smaller = session.minimise(padded, bucket, seconds=10)
    assert len(smaller) <= 3
    assert session.reproduce(smaller, times=1)[0].bucket == bucket


def test_minimising_what_does_not_fail_gives_it_back(session):
    assert session.minimise(b"zzzz", "exception:IndexError:planted.py:check:+2", seconds=1) == b"zzzz"


def test_screening_sorts_seeds_and_survives_odd_files(session, tmp_path):
    folder = seeded(tmp_path / "c", b"zz", b"SE", b"IX\x09", b"KEa")
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "nowhere").symlink_to(tmp_path / "missing")
    sorted_out = session.screen(sorted(folder.iterdir()))
    assert [Path(name).name for name in sorted_out.usable] == ["00", "03"]
    assert [(Path(name).name, outcome.kind) for name, outcome in sorted_out.failing] == [
        ("01", "crash"),
        ("02", "exception"),
    ]
    assert {Path(name).name for name, _ in sorted_out.refused} == {"fifo", "folder", "nowhere"}
    assert sorted_out.edges > 0


def test_a_merge_keeps_the_edges_and_drops_the_rest(session, tmp_path):
    files = sorted(seeded(tmp_path / "c", b"zz", b"zzz", b"IX\x00", b"IX\x01", b"KEa", b"q" * 60).iterdir())
    reached = session.features(files)
    kept = session.merge(files)
    assert 0 < len(kept) < len(files)
    assert set().union(*(reached[path] for path in kept)) == set().union(*reached.values())


def test_a_harness_that_does_not_import_is_told_in_its_own_words(tmp_path):
    text = "HARNESS = {}\nimport no_such_module_here\ndef fuzz(data): pass\n"
    with pytest.raises(TargetLoadError, match="No module named 'no_such_module_here'"):
        prepared(tmp_path, text)


def test_a_harness_that_dies_while_it_is_imported_is_told(tmp_path):
    with pytest.raises(TargetLoadError, match="died while it imported"):
        prepared(tmp_path, "HARNESS = {}\nimport os\nprint('so far')\nos._exit(4)\ndef fuzz(data): pass\n")


def test_an_import_that_never_ends_says_where_it_is(tmp_path):
    text = "HARNESS = {}\nimport time\ndef wait():\n    while True: time.sleep(0.01)\nwait()\ndef fuzz(data): pass\n"
    with pytest.raises(TargetLoadError, match=r"(?s)has not ended after .* s.*in wait"):
        prepared(tmp_path, text, start_seconds=0.8)


def test_a_harness_that_fails_on_every_seed_is_said_to_be_at_fault(tmp_path):
    with prepared(tmp_path, "HARNESS = {}\ndef fuzz(data): raise KeyError(1)\n") as session:
        files = sorted(seeded(tmp_path / "c", b"a", b"b", b"c").iterdir())
        assert any("every seed fails" in warning for warning in session.screen(files).warnings)


def test_a_harness_that_starts_processes_is_told_so(tmp_path):
    text = "HARNESS = {}\nimport os, time\ndef fuzz(data):\n    if os.fork() == 0: time.sleep(60)\n"
    with prepared(tmp_path, text) as session:
        assert any("starts processes" in warning for warning in session.prepared.warnings)


def test_a_harness_that_deletes_its_folder_loses_nothing_of_the_campaigns(tmp_path):
    text = """HARNESS = {"length": 8}
import glob, os, shutil
def fuzz(data):
    for path in ("..", CORPUS):
        shutil.rmtree(path, ignore_errors=True)
    return data[:1] == b"a" and data[1:2] == b"b"
CORPUS = %r
"""
    corpus = seeded(tmp_path / "c", b"keep", b"me")
    with prepared(tmp_path, text % str(corpus)) as session:
        if not any("landlock" in layer for layer in session.prepared.sandbox):
            pytest.skip("this kernel lacks Landlock")
        _, progress = fuzzed(session, corpus, runs=300)
    assert progress.executions >= 300
    assert {"00", "01"} <= {path.name for path in corpus.iterdir()}


def test_a_corpus_with_a_fifo_and_unreadable_files_does_not_stop_fuzzing(session, tmp_path):
    corpus = seeded(tmp_path / "c", b"zz")
    os.mkfifo(corpus / "fifo")
    (corpus / "link").symlink_to(corpus / "fifo")
    (corpus / "sparse").touch()
    os.truncate(corpus / "sparse", 1 << 40)
    _, progress = fuzzed(session, corpus, runs=300)
    assert progress.executions >= 300


def test_an_unknown_mutator_is_named_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'png'"):
        prepared(tmp_path, 'HARNESS = {"mutator": "pngg"}\ndef fuzz(data): pass\n')


def test_without_a_sandbox_that_is_recorded_and_an_unknown_one_is_refused(tmp_path):
    with prepared(tmp_path, "HARNESS = {}\ndef fuzz(data): pass\n", sandbox="none") as session:
        assert session.prepared.sandbox == ("none",)
        assert session.reproduce(b"", times=1)[0].kind == "ok"
    with pytest.raises(ConfigError, match="'strict', 'workspace' or 'off'"):
        prepared(tmp_path, "HARNESS = {}\ndef fuzz(data): pass\n", sandbox="bwrap")


CLOCKS = """HARNESS = {"length": 8}
import signal
def mine(*_):
    raise KeyError("the alarm of the harness")
BEFORE = SET
def fuzz(data):
    if signal.getitimer(signal.ITIMER_REAL) != (0.0, 0.0) or signal.getsignal(signal.SIGALRM) is not BEFORE:
        raise AssertionError("somebody else has a clock here")
    if data == b"alarm":
        previous = signal.signal(signal.SIGALRM, mine)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        try:
            signal.pause()
        finally:
            signal.signal(signal.SIGALRM, previous)
"""


@pytest.mark.parametrize("before", ["signal.SIG_DFL", "mine; signal.signal(signal.SIGALRM, mine)"])
def test_while_fuzzing_the_alarm_belongs_to_the_harness(tmp_path, before):
    with prepared(tmp_path, CLOCKS.replace("SET", before)) as session:
        found, _ = fuzzed(session, seeded(tmp_path / "c", b"alarm"), runs=50)
    assert [bucket.split(":")[1] for bucket in found] == ["KeyError"]


@pytest.mark.slow
def test_an_input_may_run_for_seconds_below_its_limit(tmp_path):
    text = """HARNESS = {"length": 8, "seconds": 20.0}
import time
def fuzz(data):
    until = time.monotonic() + 1.2
    while time.monotonic() < until: pass
"""
    with prepared(tmp_path, text) as session:
        found, progress = fuzzed(session, seeded(tmp_path / "c", b"a"), runs=3)
    assert (found, progress.failures, progress.restarts) == ({}, 0, 0)


def test_what_a_thread_raises_late_is_told_of_the_input_that_started_it(tmp_path):
    text = """HARNESS = {"length": 8}
import threading, time
def late():
    time.sleep(0.03)
    raise KeyError("late")
def fuzz(data):
    if data[:3] == b"bad":
        threading.Thread(target=late, daemon=True).start()
"""
    with prepared(tmp_path, text) as session:
        found, _ = fuzzed(session, seeded(tmp_path / "c", b"bad", b"fine"), until=1)
        ((bucket, payload),) = found.items()
        assert bucket.startswith("thread:KeyError:subject.py:late")
        assert payload[:3] == b"bad"
        assert session.minimise(b"bad more", bucket, seconds=5) == b"bad"


@pytest.mark.slow
def test_threads_that_never_end_are_no_failure_of_the_inputs_after_them(tmp_path):
    text = """HARNESS = {"length": 8, "mebibytes": 64, "seconds": 0.5}
import threading
def fuzz(data):
    if data[:1] == b"k":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
    with prepared(tmp_path, text) as session:
        found, progress = fuzzed(session, seeded(tmp_path / "c", b"k", b"fine"), runs=110)
    assert set(found) <= {"leak:threads"}
    assert all(payload[:1] == b"k" for payload in found.values())
    assert progress.executions > 100


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be held to one processor here")
def test_waiting_for_a_processor_is_no_time_of_the_input(tmp_path):
    text = """HARNESS = {"seconds": 0.4}
import time
def fuzz(data):
    until = time.thread_time() + 0.3
    while time.thread_time() < until: pass
"""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # what is started from here shares this one
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        with prepared(tmp_path, text) as session:
            (outcome,) = session.reproduce(b"", times=1)
    finally:
        os.sched_setaffinity(0, allowed)
        for one in busy:
            one.kill()
            one.wait()
    assert outcome.kind == "ok", outcome.message


LEAKY = """HARNESS = {"mebibytes": 32, "length": 8}
KEPT = []
def fuzz(data):
    KEPT.append(bytearray(b"x" * 40000))
"""


@pytest.mark.slow
def test_memory_that_stays_is_found_also_where_it_is_used_up_before_anybody_looks(tmp_path, monkeypatch):
    genuine = ForkServerClient.fork

    def late(link, number, job):  # as on a machine that is busy with others
        slot = genuine(link, number, job)
        while job["name"] == "fuzz" and not slot.flight.head[FAILED] and os.path.exists(f"/proc/{slot.pid}"):
            time.sleep(0.01)
            slot.collect()
            if any("left" in message for message, _ in slot.inbox):  # it waits for an answer
                break
        return slot

    monkeypatch.setattr(ForkServerClient, "fork", late)
    with prepared(tmp_path, LEAKY) as session:
        found, _ = fuzzed(session, seeded(tmp_path / "c", b"a"), until=1)
    assert list(found) == ["leak::subject.py:fuzz:+1"]


def test_memory_that_stays_is_found_while_fuzzing_and_told_once(tmp_path):
    with prepared(tmp_path, LEAKY) as session:
        found, _ = fuzzed(session, seeded(tmp_path / "c", b"a"), until=1)
        assert list(found) == ["leak::subject.py:fuzz:+1"]
        assert [outcome.kind for outcome in session.reproduce(*found.values(), times=1)] == ["leak"]


def test_a_spare_may_end_itself_by_a_signal_as_its_worker_may(tmp_path):
    text = """HARNESS = {"length": 8}
import os
def fuzz(data):
    if data[:1] == b"k":
        os.kill(os.getpid(), 6 if data[1:2] in b"02" else 15)
"""
    with prepared(tmp_path, text) as session:
        found, _ = fuzzed(session, seeded(tmp_path / "c", b"k0", b"k1", b"k2", b"k3"), runs=100)
    assert {bucket.split(":")[0] for bucket in found} <= {"crash"}, found


@pytest.mark.slow
def test_what_was_learnt_of_killers_is_kept_from_turn_to_turn(tmp_path):
    text = """HARNESS = {"length": 8, "seconds": 0.2}
def fuzz(data):
    while data == b"hang":
        pass
"""
    with prepared(tmp_path, text) as session:
        corpus = seeded(tmp_path / "c", b"hang", b"fine")
        found, first = fuzzed(session, corpus, until=1)
        (bucket,) = found
        _, second = fuzzed(session, corpus, runs=200, known=(bucket,))
    assert bucket.startswith("hang::")
    assert first.failures == 1
    assert second.failures == 0


def test_a_spare_goes_on_after_a_death_with_all_that_was_learnt(tmp_path):
    text = """HARNESS = {"length": 64}
import os
def fuzz(data):
    if data[:3] == b"abc":
        os.abort()
"""
    with prepared(tmp_path, text) as session:
        (outcome,) = session.reproduce(b"abc", times=1)
        starts = []
        genuine = session._link.fork
        session._link.fork = lambda number, job: starts.append(job["name"]) or genuine(number, job)
        corpus = seeded(tmp_path / "c", b"abx", b"abc1", b"abc2", b"abc3")
        _, progress = fuzzed(session, corpus, runs=3000, known=(outcome.bucket,))
    assert progress.restarts >= 3
    assert starts.count("fuzz") < progress.restarts


def test_a_missing_file_is_no_harness():
    with pytest.raises(TargetLoadError, match="no such harness file"):
        ENGINE.prepare(Declaration(name="gone", path="/nowhere/gone.py"), OPTIONS)


def test_a_plain_atheris_file_is_taken_as_it_is(tmp_path):
    text = """import sys
import atheris
with atheris.instrument_imports():
    import wave
def TestOneInput(data):
    if data == b"no": raise LookupError("planted")
def main():
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
main()
"""
    with prepared(tmp_path, text) as session:
        (outcome,) = session.reproduce(b"no", times=1)
    assert outcome.bucket == "exception:LookupError:subject.py:TestOneInput:+1"


def test_without_atheris_inputs_can_be_replayed_and_not_fuzzed(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    engine = AtherisEngine()
    assert "atheris is not installed" in engine.available()
    text = "import atheris\nHARNESS = {}\ndef fuzz(data):\n    raise KeyError(1)\n"
    (tmp_path / "subject.py").write_text(text)
    with engine.prepare(read(tmp_path / "subject.py"), OPTIONS) as session:
        assert session.reproduce(b"", times=1)[0].type == "KeyError"
        assert session.minimise(b"abc", "exception:KeyError:subject.py:fuzz:+1", seconds=5) == b""
        with pytest.raises(TargetError, match="cannot be fuzzed here"):
            fuzzed(session, tmp_path / "c")


def test_no_process_outlives_its_session(tmp_path):
    with prepared(tmp_path, "HARNESS = {}\ndef fuzz(data): pass\n") as session:
        session.reproduce(b"", times=1)
        server = session._link._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


@pytest.mark.slow
def test_a_killed_supervisor_leaves_its_records_and_no_process(tmp_path):
    script = tmp_path / "supervisor.py"
    script.write_text(f"""
import os, sys
from pathlib import Path
from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options
session = AtherisEngine().prepare(read(Path({str(HERE / "planted.py")!r})), Options(cache="none"))
print(session._link._process.pid, flush=True)
def record(data, outcome):
    Path("record").write_bytes(data)
    print("recorded", flush=True)
session.fuzz(Path("c"), seconds=60, on_failure=record, on_progress=lambda _: None)
""")
    seeded(tmp_path / "c", b"IX\x09")
    child = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        server = int(child.stdout.readline())
        assert child.stdout.readline() == "recorded\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert (tmp_path / "record").read_bytes() == b"IX\x09"
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{server}") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{server}")


def test_the_supervisors_modules_import_neither_torch_nor_numpy_nor_atheris():
    heavy = "[name for name in ('torch', 'numpy', 'atheris', 'coverage') if name in sys.modules]"
    code = f"import sys, mlfuzz.codefuzz.engine.atheris_engine; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_where_processes_cannot_fork_the_engine_can_still_be_asked_and_says_so():
    code = """
import os, signal, sys
sys.modules["resource"] = sys.modules["fcntl"] = None
del os.fork, os.memfd_create, signal.SIGKILL, signal.SIGUSR1, os.O_NONBLOCK
from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.errors import TargetLoadError
print(AtherisEngine().available())
try:
    AtherisEngine().prepare(Declaration(name="x", path=sys.argv[0]), Options())
except TargetLoadError as error:
    print(error.exit_code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "use Linux or macOS" in done.stdout
    assert done.stdout.splitlines()[-1] == "3"


def test_a_stale_message_does_not_reach_the_next_worker(session):
    slot = session._link.slots[1]
    session.reproduce(b"zz", times=1)
    slot.answer({"run": 1}, b"SE")
    files_outcomes = list(BatchRunner(session._runner).run([b"zz", b"IX\x09"]))
    assert [seen.outcome.kind for seen in files_outcomes] == ["refused", "exception"]


def test_lines_of_a_dictionary_that_are_none_are_told_and_do_not_stop_fuzzing(tmp_path):
    (tmp_path / "words.dict").write_text('"good"\nbad line\n')
    text = 'HARNESS = {"dictionary": "words.dict", "length": 8}\ndef fuzz(data): return data == b"good"\n'
    with prepared(tmp_path, text, project=str(tmp_path)) as session:
        assert any("line 2" in warning for warning in session.prepared.warnings)
        assert fuzzed(session, tmp_path / "c", runs=200)[1].executions >= 200


def test_line_coverage_counts_lines_that_run_at_import(session, tmp_path):
    pytest.importorskip("coverage")
    files = sorted(seeded(tmp_path / "c", b"zz", b"KEa").iterdir())
    shares = session.coverage(files, tmp_path / "html")
    assert set(shares) == {"planted.py"}
    assert 0.5 < shares["planted.py"] < 1
    assert (tmp_path / "html" / "index.html").exists()


WORDY = """
HARNESS = {"instrument": ["wordy"], "length": 64}
import wordy
def fuzz(data):
    wordy.read(data)
"""
WORDY_CODE = """
SECRET = bytes(reversed(b"vrqPwxz"))
def read(data):
    if data[:7] == SECRET:
        if data[7:9] == SECRET[:2]:
            return 1
        return 2
"""


@pytest.mark.slow
def test_words_that_comparisons_wanted_are_told_at_the_end_of_a_run(tmp_path):
    (tmp_path / "wordy.py").write_text(WORDY_CODE)
    with prepared(tmp_path, WORDY) as session:
        progress = session.fuzz(
            seeded(tmp_path / "c", b"none"), seconds=3.0, on_failure=print, on_progress=lambda _: None
        )
        (flag,) = session._dictionary(progress.words)
        words, _ = parse(Path(flag.removeprefix("-dict=")).read_bytes())
    assert any(b"zxwPqrv" in word for word in progress.words)
    assert 1.0 < progress.seconds < 3.5
    assert set(progress.words) <= set(words)


HANGING = """
HARNESS = {"instrument": ["loops"], "length": 200, "seconds": 0.6}
import loops
def fuzz(data):
    loops.read(data)
"""
LOOPS = """
import time
def read(data):
    until = time.monotonic() + (60 if b"HG" in data else 0.15 if b"G" in data else 0)
    while time.monotonic() < until:
        pass
"""


@pytest.mark.slow
def test_a_hang_is_minimised_within_seconds_and_what_is_only_slow_is_not_taken_for_one(tmp_path):
    (tmp_path / "loops.py").write_text(LOOPS)
    payload = b"some text before it " * 4 + b"HG" + b" and after it" * 5
    with prepared(tmp_path, HANGING) as session:
        (hang,) = session.reproduce(payload, times=1)
        smaller = session.minimise(payload, hang.bucket, seconds=6)
    assert hang.kind == "hang"
    assert b"HG" in smaller
    assert len(smaller) < len(payload) // 2


def test_an_import_that_nobody_waits_for_any_more_is_given_up(tmp_path):
    path = tmp_path / "slow.py"
    path.write_text("HARNESS = {}\nimport time\ntime.sleep(60)\ndef fuzz(data): pass\n")
    began = time.monotonic()
    with pytest.raises(TargetLoadError, match="interrupted while it was imported"):
        ENGINE.prepare(read(path), OPTIONS, stop=lambda: True)
    assert time.monotonic() - began < 20


def test_a_function_without_an_argument_is_told_at_once_without_our_own_frames(tmp_path):
    with pytest.raises(TargetLoadError, match="must take one argument") as caught:
        prepared(tmp_path, "HARNESS = {}\ndef fuzz(): pass\n")
    assert "Traceback" not in str(caught.value)


COUNTED = """HARNESS = {"length": 8, "seconds": SECONDS}
def fuzz(data):
    if data == b"work":
        for number in range(400_000):
            if number % 3 == 0:
                data += b""
            elif number % 5:
                data = data[:]
    while data == b"hang":
        pass
"""


@pytest.mark.slow
def test_what_is_slow_only_while_its_edges_are_counted_is_no_failure(tmp_path):
    with prepared(tmp_path, COUNTED.replace("SECONDS", "60")) as session:
        counted, bare = session._runner.execute(b"work").seconds, session._run_bare(b"work").seconds
    assert counted > 1.5 * bare
    with prepared(tmp_path, COUNTED.replace("SECONDS", str((counted * bare) ** 0.5))) as session:
        assert session._runner._execute(b"work").kind in ("slow", "hang")
        assert [one.kind for one in session.reproduce(b"work", times=2)] == ["ok", "ok"]
        assert session.reproduce(b"work", times=1, kind="slow")[0].kind == "ok"
        (hang,) = session.reproduce(b"hang", times=1)
    assert hang.kind == "hang"
    assert hang.frames[-1].endswith(":fuzz")
