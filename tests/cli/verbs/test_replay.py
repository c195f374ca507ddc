"""What `mlfuzz replay` answers where there is nothing to run again."""

from __future__ import annotations

import pytest
import specimen

from mlfuzz.storage.workdir import Workdir


@pytest.mark.parametrize(
    "words", [[], ["--all"], ["empty"], ["corpus"], ["--dir", "nowhere"], ["--json"]], ids=" ".join
)
def test_nothing_to_replay_is_no_clean_run(command, tmp_path, words, monkeypatch):
    (tmp_path / "corpus" / "regressions").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    ran = command("replay", *words)
    assert (ran.code, ran.out) == (3, "")
    assert "no findings to replay" in ran.err
    assert "mlfuzz status" in ran.err


def test_a_campaign_that_found_nothing_has_nothing_to_replay(command, tmp_path):
    workdir: Workdir = specimen.build(tmp_path / ".mlfuzz", clean=True)
    assert command("-C", tmp_path, "replay", "--name", workdir.name).code == 3
