from __future__ import annotations

import pytest
from codefuzz import toy_project
from codefuzz.scripted import ScriptedEngine

from mlfuzz.budget import Budget
from mlfuzz.codefuzz.campaign.campaign import run
from mlfuzz.codefuzz.campaign.spec import HarnessSpec
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.errors import CampaignBusyError, TargetLoadError, UsageError
from mlfuzz.events import Broken, Confirmed, NewFinding, SeedsReady, Shrunk
from mlfuzz.findings.store import FindingStore
from mlfuzz.progress import read_progress, read_stats
from mlfuzz.request import CampaignRequest
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.workdir import Workdir

BUGS = [b"TPokay", b"TPExyz", b"TPDdddd", b"TPEabc", b"TPXxx"]


@pytest.fixture
def project(tmp_path):
    return toy_project.build(tmp_path)


def request(project, engine, *names, inputs=5000, **more):
    """A turn of the scripted engine counts a thousand inputs: five turns."""
    harnesses = tuple(discovery.find(name, project) for name in names or ("toy",))
    return CampaignRequest(
        HarnessSpec(harnesses, engine, Options(project=str(project))),
        project / ".mlfuzz" / "toy",
        Budget(seconds=60, inputs=inputs),
        **more,
    )


def test_what_is_found_is_confirmed_minimised_and_told(project):
    events = []
    result = run(request(project, ScriptedEngine({"toy": BUGS})), events.append)
    assert result.exit_code == 1
    found = {one.observed: one for one in result.findings}
    assert set(found) == {"KeyError", "ZeroDivisionError", "status 3"}
    key_error = found["KeyError"]
    assert (key_error.verdict, key_error.confirmed, key_error.kind) == ("confirmed", "3/3", "exception")
    assert (key_error.side, key_error.target, key_error.load) == ("code", "toy", "harnesses/toy.py:fuzz")
    assert key_error.fault == "exception:KeyError:toyparser.py:parse"
    assert key_error.environment["python"]
    assert key_error.evidence["sandbox"] == ["rlimits"]
    store = FindingStore(project / ".mlfuzz" / "toy" / "findings")
    assert store.bytes_of(key_error, key_error.input) == b"TPE"
    assert store.bytes_of(key_error, key_error.seed) == b"TPExyz"
    assert key_error.evidence["first_size"] == 6
    assert "3 bytes (found with 6)" in key_error.sentence
    assert key_error.input.file.endswith(".toy")
    kinds = [type(event) for event in events]
    assert kinds.index(SeedsReady) < kinds.index(NewFinding) < kinds.index(Confirmed) < kinds.index(Shrunk)


def test_one_bucket_is_one_finding(project):
    result = run(request(project, ScriptedEngine({"toy": [b"TPE1", b"TPE2", b"TPE33"]})))
    assert len(result.findings) == 1


def test_figures_and_corpus_are_kept_and_go_on(project):
    engine = ScriptedEngine({"toy": BUGS})
    first = run(request(project, engine))
    workdir = Workdir(project / ".mlfuzz" / "toy")
    assert first.stats.inputs == 1000 * len(engine.turns)
    assert first.stats.seeds.usable == first.stats.entries == 3
    assert read_stats(workdir.stats.read_bytes()).harnesses[0]["edges"] == 10
    lines = read_progress(workdir.progress.read_bytes())
    assert lines[-1].coverage["edges"] == 10
    again = ScriptedEngine({"toy": BUGS})
    second = run(request(project, again, fail_on="new"))
    assert second.stats.inputs == first.stats.inputs + 1000 * len(again.turns)
    assert second.stats.lives == 2
    assert len(second.findings) == len(first.findings)
    assert second.exit_code == 0


def test_a_candidate_that_an_earlier_life_left_is_confirmed_first(project):
    engine = ScriptedEngine({"toy": [b"TPE1"]})

    def die(event):
        if isinstance(event, NewFinding):
            raise ZeroDivisionError  # as a kill would, right after the record was written

    with pytest.raises(ZeroDivisionError):
        run(request(project, engine), die)
    store = FindingStore(project / ".mlfuzz" / "toy" / "findings")
    assert [one.verdict for one in store.records()] == ["candidate"]
    result = run(request(project, ScriptedEngine({})))
    assert [one.verdict for one in result.findings] == ["confirmed"]


def test_an_input_that_does_not_fail_alone_is_flaky(project):
    result = run(request(project, ScriptedEngine({"toy": [b"TPF"]})))
    assert [(one.verdict, one.confirmed) for one in result.findings] == [("flaky", "0/3")]
    assert result.exit_code == 0


def test_a_seed_that_fails_is_a_finding_and_not_fuzzed(project):
    (project / "corpus/seeds/code/toy/bad.toy").write_bytes(b"TPE9")
    result = run(request(project, ScriptedEngine({})))
    assert [(one.seed_name, one.observed) for one in result.findings] == [("bad.toy", "KeyError")]
    assert result.stats.entries == 3


def test_a_harness_that_fails_on_every_seed_is_broken(project):
    for path in (project / "corpus/seeds/code/toy").iterdir():
        path.write_bytes(b"TPE" + path.name.encode())
    events = []
    result = run(request(project, ScriptedEngine({"toy": BUGS})), events.append)
    assert result.exit_code == 3
    assert "fails on every one of its 3 seeds: exception KeyError" in result.broken["toy"]
    assert not result.findings
    assert [event.harness for event in events if isinstance(event, Broken)] == ["toy"]


def test_a_harness_without_coverage_is_broken_unless_it_says_blind(project):
    result = run(request(project, ScriptedEngine({}, edges=1)))
    assert result.exit_code == 3
    assert "gives no coverage" in result.broken["toy"]
    path = project / "harnesses/toy.py"
    path.write_text(path.read_text().replace('"length": 64', '"length": 64, "blind": True'))
    assert run(request(project, ScriptedEngine({}, edges=1))).exit_code == 0


def test_a_turn_that_ends_before_edges_were_counted_says_nothing_of_coverage(project):
    result = run(request(project, ScriptedEngine({}, edges=0, measured=False)))
    assert (result.exit_code, dict(result.broken)) == (0, {})


def test_what_the_seeds_show_of_a_harness_is_told(project):
    events = []
    run(request(project, ScriptedEngine({}, warnings=["the seeds reach no instrumented code"])), events.append)
    (ready,) = [event for event in events if isinstance(event, SeedsReady)]
    assert "the seeds reach no instrumented code" in ready.warnings


@pytest.mark.slow
def test_words_that_a_turn_has_found_useful_serve_the_next_turn_and_the_next_life(project):
    engine = ScriptedEngine({"toy": BUGS})
    engine.words = (b"RIFF", b"\x00\xff")
    run(request(project, engine))
    assert engine.given[0] == ()
    assert engine.given[1] == (b"RIFF", b"\x00\xff")
    (kept,) = (project / ".mlfuzz").rglob("words-toy.dict")
    kept.write_bytes(b"nonsense\n" + kept.read_bytes())
    engine.given.clear()
    run(request(project, engine))
    assert engine.given[0] == (b"RIFF", b"\x00\xff")


def test_one_broken_harness_does_not_stop_the_others(project):
    (project / "harnesses/broken.py").write_text("import nothing_such\ndef TestOneInput(data): pass\n")
    result = run(request(project, ScriptedEngine({"toy": BUGS}), "toy", "broken", "plain_toy"))
    assert result.exit_code == 3
    assert list(result.broken) == ["broken"]
    assert {one.target for one in result.findings} == {"toy"}
    assert {row["name"] for row in result.stats.harnesses} == {"toy", "broken", "plain_toy"}


def test_several_workers_share_one_corpus_and_tell_each_bucket_once(project):
    result = run(request(project, ScriptedEngine({"toy": BUGS}), workers=2))
    assert sorted(one.observed for one in result.findings) == ["KeyError", "ZeroDivisionError", "status 3"]
    assert result.stats.entries == 3


def test_without_the_engine_there_are_clear_words(project):
    with pytest.raises(TargetLoadError, match="pip install atheris") as caught:
        run(request(project, ScriptedEngine({}, missing="atheris is not installed: pip install atheris")))
    assert caught.value.exit_code == 3
    assert not (project / ".mlfuzz").exists()


def test_a_campaign_is_run_by_one_process(project):
    workdir = Workdir.create(project / ".mlfuzz" / "toy")
    with Lock.acquire(workdir.lock), pytest.raises(CampaignBusyError):
        run(request(project, ScriptedEngine({})))


def test_a_stop_request_ends_it(project):
    engine = ScriptedEngine({"toy": BUGS})
    engine.on_turn = lambda: (project / ".mlfuzz/toy/stop").touch()
    result = run(request(project, engine, inputs=1_000_000))
    assert result.stop == Stop(StopReason.REQUESTED)
    assert len(engine.turns) == 1


def test_nothing_to_run_is_a_wrong_call(project):
    with pytest.raises(UsageError, match="no harness to run"):
        run(CampaignRequest(HarnessSpec((), ScriptedEngine({})), project / ".mlfuzz/x", Budget(seconds=1)))


def test_values_that_a_data_provider_gave_are_kept_with_the_finding(project):
    result = run(request(project, ScriptedEngine({"plain_toy": [b"\x07\x01abc"]}), "plain_toy"))
    (finding,) = result.findings
    assert finding.evidence["consumed"] == [["ConsumeInt(1)", "7"], ["ConsumeUnicode(4)", "'abc'"]]


@pytest.mark.slow
def test_what_fails_at_once_is_minimised_before_what_hangs(project):
    events = []
    result = run(request(project, ScriptedEngine({"toy": [b"TPHxx", b"TPExx"]})), events.append)
    shrunk = [event.finding.kind for event in events if isinstance(event, Shrunk)]
    assert shrunk[0] == "exception"
    assert {one.kind for one in result.findings} == {"hang", "exception"}
