"""One turn of fuzzing: its limits, its counts, and what it tells of whatever ends a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.engine.fuzz_session import FuzzRequest, FuzzSession
from mlfuzz.codefuzz.engine.session_memory import SessionMemory
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options

ENGINE = AtherisEngine()
PLANTED = Path(__file__).parents[1] / "planted.py"

pytestmark = pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")


@pytest.fixture(scope="module")
def session():
    with ENGINE.prepare(read(PLANTED), Options(cache="none")) as opened:
        yield opened


@pytest.fixture
def turn(session, tmp_path):
    """A turn on these seeds; what it finds is in `found`, one (payload, outcome) each."""
    memory, found, reports = SessionMemory(), [], []

    def make(*seeds, seconds=60.0, runs=0, known=(), stop=lambda: False, until=0):
        corpus = tmp_path / "corpus"
        corpus.mkdir(exist_ok=True)
        for number, payload in enumerate(seeds):
            (corpus / f"{number:02}").write_bytes(payload)
        request = FuzzRequest(corpus=corpus, seconds=seconds, runs=runs, seed=5, flags=(), known=tuple(known))
        return FuzzSession(
            session._link, session._runner, memory, request, lambda *one: found.append(one), reports.append,
            lambda: stop() or (bool(until) and len(found) >= until),
        )  # fmt: skip

    make.memory, make.found, make.reports = memory, found, reports
    return make


def test_a_turn_that_nobody_wants_runs_nothing(turn):
    progress = turn(b"zz", stop=lambda: True).run()
    assert (progress.executions, progress.restarts, turn.found) == (0, 0, [])
    assert turn.reports == [progress]


def test_runs_are_kept_to_over_all_the_workers_that_die(turn):
    progress = turn(b"AB", b"SE", b"zz", runs=300).run()
    assert 300 <= progress.executions < 600
    assert progress.restarts >= 1
    assert progress.failures >= 2


def test_each_bucket_is_told_once_with_an_input_that_has_it_alone(turn, session):
    turn(b"IX\x09", b"KEz", b"zz", runs=400, until=2).run()
    buckets = [outcome.bucket for _, outcome in turn.found]
    assert len(set(buckets)) == len(buckets) == 2
    for payload, outcome in turn.found:
        assert session._runner.execute(payload).bucket == outcome.bucket


def test_a_bucket_that_is_known_is_counted_and_not_told(turn, session):
    known = session._runner.execute(b"KEz").bucket
    progress = turn(b"KEz", runs=200, known=[known]).run()
    assert known not in {outcome.bucket for _, outcome in turn.found}
    assert progress.failures >= 1


def test_a_death_is_judged_alone_and_its_input_never_runs_again(turn):
    first = turn(b"ABC", until=1)
    first.run()
    ((payload, outcome),) = turn.found
    assert (outcome.kind, outcome.type) == ("crash", "SIGABRT")
    assert payload in turn.memory.poison
    again = turn(b"ABC", runs=50, known=[outcome.bucket])
    again.run()
    assert len(turn.found) == 1


def test_each_turn_draws_other_numbers(turn):
    seeds = [turn(b"zz")._seed() for _ in range(3)]
    assert len(set(seeds)) == 3
    assert 0 not in seeds, "libFuzzer takes that for the time of day"


def test_what_its_workers_reached_and_kept_is_counted(turn, tmp_path):
    progress = turn(b"zz", b"IX\x00", b"KEa", runs=2000).run()
    assert progress.measured
    assert progress.edges > 0
    assert progress.features >= progress.edges
    assert len(list((tmp_path / "corpus").iterdir())) > 3
    assert 0 < progress.fuzzing <= progress.seconds


REFUSED = """
import os
HARNESS = {"name": "refused", "length": 16, "seconds": 10.0}
def fuzz(data):
    if data[:1] == b"L":
        open(os.path.join(os.path.dirname(__file__), f"{data[1:3].hex()}.log"), "a").close()
"""


def test_what_the_sandbox_refuses_time_and_again_is_never_told_as_a_failure(tmp_path):
    """Each refusal has words of its own, as a name drawn by chance gives it."""
    (tmp_path / "refused.py").write_text(REFUSED)
    seeds, found, again = tmp_path / "corpus", [], []
    seeds.mkdir()
    (seeds / "a").write_bytes(b"Lxy")
    with ENGINE.prepare(read(tmp_path / "refused.py"), Options(cache="none", project=str(tmp_path))) as session:
        progress = session.fuzz(
            seeds, seconds=60.0, runs=1500, on_failure=lambda *one: found.append(one),
            on_progress=lambda _: None, on_again=lambda *one: again.append(one),
        )  # fmt: skip
    assert progress.failures > 20
    assert found
    assert not [outcome for _, outcome in found if outcome.failed]
    assert again == []
