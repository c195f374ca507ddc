from __future__ import annotations

import pytest
from codefuzz import toy_project

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.codefuzz.triage.version_bisect import Tried, bisect, parse, turning_points
from mlfuzz.errors import UsageError

THERE = ["8.0.1", "10.0.0", "9.3.0", "9.10.1", "11.0.0rc1", "11.3.0"]


def test_versions_are_named_or_given_as_a_range_of_those_there_are():
    assert parse("pillow", "9.3.0, 10.0.0", offered=list) == ["9.3.0", "10.0.0"]
    assert parse("pillow", "9.3..10", offered=lambda _: THERE) == ["9.3.0", "9.10.1", "10.0.0"]
    assert parse("pillow", "10..", offered=lambda _: THERE) == ["10.0.0", "11.0.0rc1", "11.3.0"]
    assert parse("pillow", "..9", offered=lambda _: THERE)[-1] == "9.10.1"


@pytest.mark.parametrize("text", ["12..13", "--index-url=x", "9.3.0,", ""])
def test_what_is_no_version_is_refused_before_anything_is_installed(text):
    with pytest.raises(UsageError):
        parse("pillow", text, offered=lambda _: THERE)
    with pytest.raises(UsageError, match="no name of a package"):
        parse("-r evil.txt", "1.0", offered=lambda _: THERE)


def test_each_version_gets_its_verdict(tmp_path):
    project = toy_project.build(tmp_path / "project")
    harness = discovery.find("toy", project)

    def install(package, version, folder):
        if version == "3":
            return "no such version"
        text = {"1": toy_project.PARSER, "2": toy_project.PARSER.replace("FIXED = False", "FIXED = True"), "4": "1/0"}
        (folder / f"{package}.py").write_text(text[version])
        return ""

    with replay_session(harness) as run:
        (outcome,) = run.reproduce(b"TPE", times=1)
    finding, _ = candidate(b"TPE", outcome, CodeOrigin(harness))
    (project / "toyparser.py").unlink()
    tried = list(bisect(harness, b"TPE", finding, "toyparser", ["1", "2", "3", "4"], times=1, install=install))
    assert [one.verdict for one in tried] == ["fails", "holds", "not installed", "does not import"]
    assert tried[0].said.startswith("KeyError")
    assert turning_points(tried) == ["fails with 1, holds with 2"]


def test_only_changes_between_versions_that_could_be_judged_are_told():
    verdicts = ["holds", "not installed", "fails", "fails otherwise", "flaky", "holds"]
    tried = [Tried(version=str(at), verdict=one, said="") for at, one in enumerate(verdicts)]
    assert turning_points(tried) == ["holds with 0, fails with 2", "fails otherwise with 3, holds with 5"]
