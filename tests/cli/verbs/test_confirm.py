"""Candidates worked off after a campaign."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import pytest
import specimen

import mlfuzz.replay
from mlfuzz.errors import ReplayError
from mlfuzz.findings.store import FindingStore


@pytest.fixture
def project(tmp_path):
    specimen.build(tmp_path / ".mlfuzz")
    return tmp_path


@pytest.fixture
def confirmed(monkeypatch):
    """Stands in for the probe: every candidate gets this verdict; how many are left is `left`."""
    fields = {"verdict": "confirmed", "left": 0}

    def confirm(cases, *, on_result, **_):
        for case in cases:
            if fields["verdict"] == "error":
                on_result(ReplayError("no target"))
            else:
                on_result(msgspec.structs.replace(case.finding, verdict=fields["verdict"]))
        return fields["left"]

    monkeypatch.setattr(mlfuzz.replay, "confirm", confirm)
    return fields


def test_only_candidates_are_run_and_what_is_confirmed_is_news(command, project, confirmed):
    ran = command("-C", project, "findings", "confirm")
    assert (ran.code, ran.out.count("NEW ")) == (1, 1)
    assert "1 confirmed (1 fault in 1 weakness)" in ran.out


@pytest.mark.parametrize(("verdict", "code", "text"), [("flaky", 0, "0 confirmed, 1 flaky"), ("error", 3, "no target")])
def test_the_exit_code_tells_what_became_of_them(command, project, confirmed, verdict, code, text):
    confirmed["verdict"] = verdict
    ran = command("-C", project, "findings", "confirm")
    assert (ran.code, text in ran.out + ran.err) == (code, True)


def test_what_is_left_is_said_with_the_command_that_goes_on(command, project, tmp_path, confirmed):
    confirmed["left"] = 7
    ran = command("-C", tmp_path, "findings", "confirm", "--dir", project / ".mlfuzz", "--name", "digits-fragile")
    assert f"7 still to be confirmed: mlfuzz findings confirm --name digits-fragile --dir {project}" in ran.out
    assert f" --dir {project / '.mlfuzz'}\n" in ran.out  # the NEW line's too


def test_without_candidates_nothing_is_run(command, tmp_path):
    specimen.build(tmp_path / ".mlfuzz", clean=True)
    ran = command("-C", tmp_path, "findings", "confirm")
    assert (ran.code, "no candidates" in ran.out) == (0, True)


def test_a_replay_without_confirmed_findings_says_what_is_there(command, project):
    store = FindingStore(project / ".mlfuzz" / "digits-fragile" / "findings")
    for finding in store.records():
        if finding.verdict == "confirmed":
            store.annotate(finding.id, verdict="candidate")
    ran = command("-C", project, "replay")
    assert ran.code == 3
    assert "no confirmed findings to replay, but 12 to confirm, 2 flaky" in ran.err
    assert "mlfuzz findings confirm gives each its verdict" in ran.err


@pytest.mark.slow
def test_candidates_of_a_short_campaign_get_their_verdict_later(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "mlfuzz", "-C", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=240)

    ran = run("--json", "fuzz", "digits:fragile", "--inputs", "8k", "--name", "c", "--no-report")
    before = json.loads(ran.stdout.splitlines()[-1])
    assert before["candidates"] > 20, before
    ran = run("--json", "findings", "confirm", "--time", "4s")
    assert ran.returncode == 1, ran.stderr
    done = [json.loads(line)["finding"] for line in ran.stdout.splitlines()]
    assert len(done) >= 5
    assert {one["verdict"] for one in done} <= {"confirmed", "flaky"}
    assert all(one["severity"] > 0 for one in done if one["verdict"] == "confirmed")
    after = FindingStore(tmp_path / ".mlfuzz" / "c" / "findings")
    assert sum(one.verdict == "candidate" for one in after.records()) == before["candidates"] - len(done)
    chosen = next(one["id"] for one in done if one["verdict"] == "confirmed" and one["chain"])
    ran = run("--json", "shrink", chosen, "--trim", "--time", "3s")
    assert ran.returncode == 0, ran.stderr
    trimmed = json.loads(ran.stdout)["trimmed"]
    assert 0 < trimmed["changed"] < trimmed["of"]
    assert (after.folder(chosen) / trimmed["file"]["file"]).is_file()
    assert "trimmed   fails with" in run("findings", "show", chosen).stdout
    assert run("replay", chosen).returncode == 1
