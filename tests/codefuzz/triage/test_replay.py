from __future__ import annotations

import msgspec
import pytest
from codefuzz import toy_project

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate
from mlfuzz.codefuzz.triage.replay import Replay
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import ReplayError, TargetLoadError


@pytest.fixture
def project(tmp_path):
    return toy_project.build(tmp_path)


@pytest.fixture
def finding(project):
    harness = discovery.find("toy", project)
    with replay_session(harness) as run:
        (outcome,) = run.reproduce(b"TPE", times=1)
    return candidate(b"TPE", outcome, CodeOrigin(harness))[0]


def test_a_finding_fails_until_it_is_mended(project, finding):
    with Replay(project) as replay:
        again = replay.run(finding, b"TPE", times=2)
    assert (again.state, again.failed, again.times, again.other, again.drifted) == ("fails", 2, 2, "", "")
    toy_project.mend(project)
    with Replay(project) as replay:
        again = replay.run(finding, b"TPE", times=2)
    assert (again.state, again.now.text) == ("fixed", "ok")


def test_another_failure_in_its_place_is_told(project, finding):
    path = project / "toyparser.py"
    path.write_text(path.read_text().replace("return {}[rest]", "return [][5]"))
    with Replay(project) as replay:
        again = replay.run(finding, b"TPE", times=1)
    assert again.state == "fails"
    assert "IndexError" in again.other


def test_a_changed_harness_is_told(project, finding):
    path = project / "harnesses" / "toy.py"
    path.write_text(path.read_text().replace('["ValueError"]', '["ValueError", "KeyError"]'))
    with Replay(project) as replay:
        again = replay.run(finding, b"TPE", times=1)
    assert (again.state, again.drifted) == ("fixed", "the harness has changed since")


def test_what_is_not_here_is_an_error_with_the_way_on(project, finding):
    lost = msgspec.structs.replace(finding, load="harnesses/gone.py:fuzz")
    native = msgspec.structs.replace(finding, evidence={**finding.evidence, "lane": "address"})
    with Replay(project) as replay:
        with pytest.raises(ReplayError, match=r"harnesses/gone\.py is not here"):
            replay.run(lost, b"TPE", times=1)
        with pytest.raises(TargetLoadError, match="build-native"):
            replay.run(native, b"TPE", times=1)
        with pytest.raises(ReplayError, match="--target"):
            replay.run(msgspec.structs.replace(finding, load=""), b"TPE", times=1)


def test_a_record_by_another_word_is_the_same_failure_and_the_word_is_told(project, finding):
    old = msgspec.structs.replace(finding, kind="slow", observed="slow", key="slow::toy", fault="slow::toy")
    with Replay(project) as replay:
        again = replay.run(old, b"TPH", times=1)
    assert (again.state, again.other) == ("fails", "recorded as slow, told as hang now")
