"""What is kept in the corpus is no news to a campaign, in a fresh checkout either."""

from __future__ import annotations

import json
import shutil

import pytest

from mlfuzz.findings.triage import triage_record
from mlfuzz.testing.puzzles import puzzle_seeds

pytestmark = [pytest.mark.slow, pytest.mark.turns(2)]

TARGET = "mlfuzz.testing.puzzles:nan_when_bright"


@pytest.fixture
def fuzz(command, tmp_path):
    """Run a small campaign that fails on news alone."""
    puzzle_seeds(tmp_path / "seeds" / "dull", count=4)

    def fuzz(*options, json=False):
        machine = ["--json"] if json else []
        return command(
            "-C", tmp_path, *machine, "fuzz", TARGET, "--seeds", "seeds", "--name", "c", "--mutators",
            "image.brightness", "--batch", "32", "--inputs", "400",
            "--max-findings", "3", "--fail-on", "new", "--no-report", *options,
        )  # fmt: skip

    return fuzz


def test_kept_faults_are_no_news_whatever_was_decided_about_them(command, fuzz, tmp_path):
    assert fuzz().code == 1
    command("-C", tmp_path, "findings", "confirm", "--name", "c")
    assert command("-C", tmp_path, "findings", "promote", "--name", "c").code == 0
    (record,) = (tmp_path / "corpus").rglob("*.json")
    for state, workers in (("open", "2"), ("ignored", "1")):
        triage_record(record, state, "as intended")
        shutil.rmtree(tmp_path / ".mlfuzz")
        ran = fuzz("--workers", workers)
        assert (ran.code, "known already" in ran.out) == (0, True), ran.out
        assert "NEW" not in ran.out + ran.err
    shutil.rmtree(tmp_path / ".mlfuzz")
    record.write_bytes(b"")
    ran = fuzz()
    assert ran.code == 1
    assert record.name in ran.err
    assert "its fault counts as new" in ran.err


def test_what_the_campaign_had_before_is_no_news_and_json_says_so(fuzz):
    assert fuzz().code == 1
    assert fuzz().code == 0
    result = json.loads(fuzz(json=True).out.splitlines()[-1])
    assert result["exit_code"] == 0
    assert all(fault["known"] for fault in result["faults"])
