"""A finding's directory in, its verdict out; whatever is wrong with one finding ends nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign.bright import BRIGHT, IMAGE, SEED, found

from mlfuzz.campaign.supervisor.processes import ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import Probe, TriageRequest
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.workdir import Workdir

SOURCE = f"""
import os, sys
sys.path.append({str(Path(__file__).parents[2])!r})
from campaign import bright

CALLS = []

def target():
    return bright.target()

def breaks():
    CALLS.append(1)
    raise RuntimeError(f"no weights, {{len(CALLS)}}")

def leaves():
    def answer(images):
        if float(images.mean()) > 0.5:
            os._exit(7)
        return bright.scores(images)
    return bright.target(answer)

def moody():
    seen = []
    def answer(images):
        scores = bright.scores(images)
        if float(images.mean()) > 0.5:
            seen.append(1)
            scores[:, 1] *= len(seen) % 2
        return scores
    return bright.target(answer)
"""


@pytest.fixture
def ask(tmp_path: Path):
    """Save a finding and ask of it."""
    (tmp_path / "triaged.py").write_text(SOURCE)
    store, probe = FindingStore(tmp_path / "findings"), Probe()

    def request(op, *, target="target", seconds=5.0, save=True, **changes):
        finding, files = found(**changes)
        if save:
            store.save(finding, files)
        path = str(store.folder(finding.id)) if save else str(tmp_path / "nowhere")
        return probe.answer(
            TriageRequest(op=op, path=path, target=f"triaged:{target}", directory=str(tmp_path), seconds=seconds)
        )

    request.store = store
    return request


def test_a_candidate_is_confirmed_and_shrunk_from_its_files_alone(ask):
    reply = ask("settle")
    assert (reply.error, reply.value["verdict"], reply.ids) == ("", "confirmed", ["b" * 16])
    kept = ask.store.load("b" * 16)
    assert (kept.verdict, kept.confirmed, kept.evidence["confirmed_in"]) == ("confirmed", "3/3", "fresh process")
    assert kept.shrunk
    assert kept.severity is not None
    assert [step.name for step in kept.chain] == ["image.brightness"]
    assert kept.chain[0].params["amount"] < 60 / 255


def test_what_fails_now_and_then_is_flaky(ask):
    assert ask("settle", target="moody").value["verdict"] == "flaky"
    assert ask.store.load("b" * 16).confirmed == "2/3"


def test_a_replay_changes_no_record(ask):
    reply = ask("replay")
    assert (reply.value["failed"], reply.value["times"], reply.value["drifted"]) == (3, 3, "")
    assert ask.store.load("b" * 16) == found()[0]


def test_a_trim_keeps_the_least_difference_beside_the_input(ask):
    assert ask("trim", verdict="confirmed").error == ""
    trimmed = ask.store.load("b" * 16).trimmed
    assert trimmed is not None
    assert 0 < trimmed.changed <= trimmed.of == IMAGE.size[0] * IMAGE.size[1]


def test_what_would_take_the_process_with_it_runs_in_children(ask):
    crash = {"oracle": {}, "kind": "exit", "observed": "exit 7", "key": "exit|7"}
    reply = ask("settle", target="leaves", **crash)
    assert (reply.error, reply.value["verdict"]) == ("", "confirmed")
    assert ask.store.load("b" * 16).evidence["ends"] == ["exit 7"] * 3
    assert ask("replay", target="leaves", **crash).value["failed"] == 3
    assert ask("replay", **crash).value["answered"] == 3, "another target answers"


def test_an_error_is_a_reply_and_the_next_request_is_served(ask):
    assert "no weights, 1" in ask("settle", target="breaks").error
    assert "no weights, 2" in ask("settle", target="breaks").error, "a target that did not load is not kept"
    lost = ask("settle", save=False)
    assert lost.kind
    assert "nowhere" in lost.error
    assert "no label 'grey'" in ask("replay", id="c" * 16, label="grey").error
    assert ask("replay", id="c" * 16, label="grey").kind == "ReplayError"
    assert ask("settle").value["verdict"] == "confirmed"


@pytest.mark.slow
def test_as_a_process_it_serves_one_request_after_the_other_and_starts_again_where_it_was_killed(tmp_path: Path):
    (tmp_path / "triaged.py").write_text(SOURCE)
    store = FindingStore(tmp_path / "findings")
    finding, files = found()
    store.save(finding, files)
    assert store.bytes_of(finding, finding.input) == IMAGE.encode(BRIGHT) != IMAGE.encode(SEED)
    process = ProbeProcess(Workdir.create(tmp_path / "c"))
    path = str(store.folder(finding.id))
    try:
        for target in ("target", "leaves", "target"):
            request = TriageRequest(op="replay", path=path, target=f"triaged:{target}", directory=str(tmp_path))
            answer = process.consult(request, 60.0)
            if target == "leaves":
                assert answer == "the process that ran it died"
            else:
                assert not isinstance(answer, str), answer
                assert (answer.error, answer.value["failed"]) == ("", 3)
    finally:
        process.kill()
