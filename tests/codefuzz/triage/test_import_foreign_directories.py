from __future__ import annotations

import pytest
from codefuzz import toy_project

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin
from mlfuzz.codefuzz.triage.import_foreign import adopt, inputs
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import UsageError
from mlfuzz.findings.store import FindingStore


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_a_libfuzzer_folder_gives_its_artifacts_and_not_its_corpus(tmp_path):
    sha = "0123456789abcdef0123456789abcdef01234567"
    names = [f"{kind}-{sha}" for kind in ("crash", "timeout", "oom", "leak", "slow-unit")]
    write(tmp_path, **dict.fromkeys(names, b"x"), **{sha: b"corpus", "README.md": b"about", "fuzz-0.log": b"log"})
    assert sorted(one.path.name for one in inputs(tmp_path)) == sorted(names)
    assert {one.maker for one in inputs(tmp_path)} == {"libFuzzer"}


def test_an_afl_folder_gives_crashes_and_hangs_and_not_its_queue(tmp_path):
    for folder in ("crashes", "hangs", "queue"):
        write(tmp_path / "default" / folder, **{"id:000000,sig:11,src:000000,time:5,op:flip": b"x", "README.txt": b"r"})
    found = inputs(tmp_path)
    assert [one.path.parent.name for one in found] == ["crashes", "hangs"]
    assert {one.maker for one in found} == {"AFL"}


def test_clusterfuzz_and_unnamed_files_are_taken(tmp_path):
    write(tmp_path / "cf", **{"clusterfuzz-testcase-minimized-toy-51": b"x", "fuzz-1": b"y"})
    assert {one.maker for one in inputs(tmp_path / "cf")} == {"ClusterFuzz"}
    write(tmp_path / "own", **{"one.bin": b"x", "two.bin": b"y", "notes.md": b"z"})
    assert [one.path.name for one in inputs(tmp_path / "own")] == ["one.bin", "two.bin"]
    assert [one.path.name for one in inputs(tmp_path / "own" / "one.bin")] == ["one.bin"]


def test_nothing_to_take_is_a_wrong_call(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError):
            inputs(path)


def test_of_each_bucket_one_becomes_a_finding(tmp_path):
    project = toy_project.build(tmp_path / "project")
    harness = discovery.find("toy", project)
    files = {"crash-00000001": b"TPE1", "crash-00000002": b"TPE22", "crash-00000003": b"TPDd", "oom-00000004": b"TPq"}
    write(tmp_path / "theirs", **files)
    store = FindingStore(tmp_path / "findings")
    with replay_session(harness) as run:
        first = adopt(inputs(tmp_path / "theirs"), run, store, CodeOrigin(harness))
        again = adopt(inputs(tmp_path / "theirs"), run, store, CodeOrigin(harness))
    assert [state for _, state, _ in first.files] == ["new", "known", "new", "holds"]
    assert [state for _, state, _ in again.files] == ["known", "known", "known", "holds"]
    assert {one.verdict for one in first.findings} == {"confirmed"}
    assert first.findings[0].seed_name == "crash-00000001"


def test_a_file_that_cannot_be_read_stops_nobody(tmp_path):
    project = toy_project.build(tmp_path / "project")
    harness = discovery.find("toy", project)
    write(tmp_path / "theirs", a=b"TPE", b=b"TPE")
    found = inputs(tmp_path / "theirs")
    (tmp_path / "theirs" / "a").unlink()
    with replay_session(harness) as run:
        adopted = adopt(found, run, FindingStore(tmp_path / "findings"), CodeOrigin(harness))
    assert [state for _, state, _ in adopted.files] == ["unreadable", "new"]
