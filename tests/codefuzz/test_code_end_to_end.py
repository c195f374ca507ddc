"""The code side with its real engine, from the command line, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from codefuzz import toy_project

from mlfuzz.findings.store import FindingStore

pytest.importorskip("atheris")

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    return toy_project.build(tmp_path)


def mlfuzz(project, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", "-C", project, *arguments], capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_planted_bugs_are_found_confirmed_and_minimised(project):
    done = mlfuzz(project, "harness", "run", "toy", "--time", "8s")
    assert done.returncode == 1, done.stderr
    found = {one["observed"]: one for one in json.loads(mlfuzz(project, "findings", "list", "--json").stdout)}
    assert {one["verdict"] for one in found.values()} == {"confirmed"}
    key_error = found["KeyError"]
    assert key_error["evidence"]["size"] == 3
    assert mlfuzz(project, "replay", key_error["id"]).returncode == 1
    toy_project.mend(project)
    assert mlfuzz(project, "replay", key_error["id"]).returncode == 0


def test_a_harness_that_raises_while_it_is_imported_ran_nothing(project):
    (project / "harnesses" / "raises.py").write_text(
        'HARNESS = {}\nraise OSError("no licence")\ndef fuzz(data): pass\n'
    )
    done = mlfuzz(project, "harness", "run", "raises", "--time", "3s")
    assert done.returncode == 3
    assert "done: nothing ran" in done.stdout
    assert done.stderr.strip().splitlines()[-1].endswith("raises.py does not import: OSError: no licence")


def test_a_killed_supervisor_loses_no_record_and_leaves_no_process(project):
    store = FindingStore(project / ".mlfuzz" / "toy" / "findings")
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "mlfuzz", "-C", project, "harness", "run", "toy", "--time", "60s"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ids = wait_for(store.ids)
        workers = wait_for(lambda: descendants(supervisor.pid))
    finally:
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 10.0)
    kept = {one.id: one for one in store.records()}
    assert set(ids) <= set(kept)
    for one in kept.values():
        assert store.bytes_of(one, one.input)
    done = mlfuzz(project, "harness", "run", "toy", "--time", "3s")
    assert done.returncode == 1, done.stderr
    assert set(ids) <= set(store.ids())
    assert all(store.load(one).verdict != "candidate" for one in ids)


def test_ctrl_c_saves_and_reports(project):
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "mlfuzz", "-C", project, "harness", "run", "toy", "--time", "60s"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    wait_for((project / ".mlfuzz" / "toy" / "progress.jsonl").exists)
    supervisor.send_signal(signal.SIGINT)
    out, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 130
    assert "done:" in out
    assert (project / ".mlfuzz" / "toy" / "report.html").exists()


def test_several_workers_and_harnesses_share_a_campaign(project):
    done = mlfuzz(project, "harness", "run", "toy", "plain_toy", "--time", "6s", "--workers", "2", "--json")
    assert done.returncode == 1, done.stderr
    result = [json.loads(line) for line in done.stdout.splitlines() if '"event":"result"' in line][-1]
    rows = {row["name"]: row for row in result["stats"]["harnesses"]}
    assert min(row["executions"] for row in rows.values()) > 0
    assert not result["broken"]


def descendants(pid):
    """Processes below `pid`, the supervisor's zygotes and workers."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, below = [], [pid]
    while below:
        children = [child for child, parent in parents.items() if parent == below[0]]
        found += children
        below = [*below[1:], *children]
    return found


DEEP = """
import sys
import time


def nested():
    sys.setrecursionlimit(1 << 30)
    one, two = [], []
    for _ in range(100_000):
        one, two = [one], [two]
    return one == two


def parse(data):
    if data == b"overflow":
        nested()
    if data == b"slow":
        time.sleep(0.45)
    if data == b"memory":
        b"x" * (80 << 20)
"""
HARNESS = """
import deepmod

HARNESS = {
    "name": "deep", "instrument": ["deepmod"], "seeds": "corpus/seeds/code/deep", "seconds": 0.3, "mebibytes": 40,
    "length": 16,
}


def fuzz(data):
    deepmod.parse(data)
"""
KINDS = {
    "overflow": "the native stack is used up at deepmod.py:11:nested",
    "slow": "the limit is 0.3 s at deepmod.py:18:parse",
    "memory": "the limit is 40 MiB at deepmod.py:20:parse",
}


def test_campaign_replay_and_pytest_tell_a_failure_alike(tmp_path):
    seeds = tmp_path / "corpus" / "seeds" / "code" / "deep"
    seeds.mkdir(parents=True)
    for name in ("fine", *KINDS):
        (seeds / name).write_bytes(name.encode())
    (tmp_path / "harnesses").mkdir()
    (tmp_path / "harnesses" / "deep.py").write_text(HARNESS)
    (tmp_path / "deepmod.py").write_text(DEEP)
    assert mlfuzz(tmp_path, "harness", "run", "deep", "--time", "5s", "--no-report").returncode == 1
    assert mlfuzz(tmp_path, "findings", "promote", "--name", "deep").returncode == 0
    found = {one["kind"]: one for one in json.loads(mlfuzz(tmp_path, "findings", "list", "--json").stdout)}
    assert set(found) == set(KINDS)
    replayed = mlfuzz(tmp_path, "replay", "--json").stdout.splitlines()
    again = {one["id"]: one for one in map(json.loads, replayed) if "state" in one}
    items = subprocess.run(
        [sys.executable, "-m", "pytest", "corpus", "-p", "no:cacheprovider"], cwd=tmp_path, capture_output=True,
        text=True, check=False, timeout=120,
    ).stdout  # fmt: skip
    for kind, text in KINDS.items():
        one = again[found[kind]["id"]]
        assert (one["state"], one["message"], one["drifted"]) == ("fails", "", ""), one
        assert one["after"]["text"].endswith(text), one
        assert f"{text}'" in items, items
