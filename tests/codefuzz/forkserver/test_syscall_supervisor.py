"""What the sandbox refuses is no finding: each way of wanting it, through real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from codefuzz import sandboxed
from codefuzz.sandboxed import BARRED, HARMLESS, OWN

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.triage.sessions import replay_session

ENGINE = AtherisEngine()

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return sandboxed.build(tmp_path_factory.mktemp("acme"))


def opened(project, **options):
    declaration = discovery.find("acme", project).declaration
    return ENGINE.prepare(declaration, Options(cache="none", project=str(project), **options))


def held(session):
    if "seccomp" not in session.prepared.sandbox or not any("landlock" in layer for layer in session.prepared.sandbox):
        pytest.skip("this kernel lacks seccomp or Landlock")
    return session


def content(project: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(project.rglob("*")) if path.is_file()}


def mlfuzz(project, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", "-C", project, *arguments], capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def test_each_way_is_set_aside_alone_and_bugs_are_told(project):
    before = content(project)
    with held(opened(project)) as session:
        outcomes = {way: session.reproduce(way.encode(), times=1)[0] for way in (*BARRED, *OWN, *HARMLESS)}
    assert {way: one.kind for way, one in outcomes.items() if way in BARRED and one.kind != "barred"} == {}
    assert all(outcomes[way].refusals for way in BARRED)
    assert {way: outcomes[way].type for way in OWN} == OWN
    assert {way: one.kind for way, one in outcomes.items() if way in HARMLESS and one.kind != "ok"} == {}
    assert content(project) == before


def test_fuzzing_tells_bugs_alone_and_of_the_rest_what_was_refused(project, tmp_path):
    bugs, deeds = set(), set()

    def failed(payload, outcome):
        bugs.update({outcome.type} if outcome.failed else ())
        deeds.update(one.deed for one in outcome.refusals)

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for way in (*OWN, "log", "program", "server", "signal", "link", "large", "thread", "leave", "abort", "hang"):
        (corpus / way).write_text(way)
    with held(opened(project)) as session:
        session.fuzz(
            corpus, seconds=20.0, on_failure=failed, on_progress=lambda _: None,
            stop=lambda: len(bugs) >= len(OWN) and len(deeds) >= 6,
        )  # fmt: skip
    assert bugs == set(OWN.values())
    assert deeds == {"write", "program", "network", "signal", "change", "size"}


def test_a_bug_behind_the_key_of_a_refusal_is_found_nevertheless(tmp_path):
    (tmp_path / "h.py").write_text("""
import os
HARNESS = {"length": 8}
def fuzz(data):
    log = None
    if data[:1] == b"L":
        try:
            log = open(os.path.join(os.path.dirname(__file__), "log"), "a")
        except OSError:
            pass
    elif data[:1] != b"B":
        return
    log.write("x")
""")
    found = []
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, payload in enumerate((b"L1", b"L2", b"L3", b"B", b"zz")):
        (corpus / str(number)).write_bytes(payload)
    declaration = discovery.at(tmp_path / "h.py", tmp_path).declaration
    with held(ENGINE.prepare(declaration, Options(cache="none"))) as session:
        session.fuzz(
            corpus, seconds=20.0, on_progress=lambda _: None, stop=lambda: bool(found),
            on_failure=lambda payload, outcome: found.extend([payload] if outcome.failed else []),
        )  # fmt: skip
    assert found[0].startswith(b"B")


LEAKY = """
import os
HARNESS = {"length": 8}
KEPT = []
def fuzz(data):
    much = bytearray(b"x" * 100_000)
    if data == b"own":
        KEPT.append(much)
    try:
        open(os.path.join(os.path.dirname(__file__), "log"), "a").write("x")
    except OSError as error:
        KEPT.append(error)
"""


def test_memory_that_only_a_refusal_leaves_behind_is_set_aside(tmp_path):
    (tmp_path / "h.py").write_text(LEAKY)
    declaration = discovery.at(tmp_path / "h.py", tmp_path).declaration
    with held(ENGINE.prepare(declaration, Options(cache="none", project=str(tmp_path)))) as session:
        outcomes = {data: session.reproduce(data, times=1, kind="leak")[0] for data in (b"own", b"refused")}
    assert {data: one.kind for data, one in outcomes.items()} == {b"own": "leak", b"refused": "barred"}
    assert all(one.refusals for one in outcomes.values())


def test_without_the_sandbox_and_in_a_replay_nothing_is_refused(tmp_path):
    fresh = sandboxed.build(tmp_path / "fresh")
    ways = (*BARRED, *HARMLESS)
    (fresh / "mlfuzz.toml").write_text('[harnesses.acme]\nsandbox = "off"\n')
    with opened(fresh) as session:
        outcomes = {way: session.reproduce(way.encode(), times=1)[0] for way in ways}
    assert {way: one for way, one in outcomes.items() if one.failed or one.refusals} == {}
    with replay_session(discovery.find("acme", fresh)) as run:
        replayed = {way: run.reproduce(way.encode(), times=1)[0] for way in ways}
    assert {way: one for way, one in replayed.items() if one.failed} == {}


def test_a_campaign_says_once_what_was_refused_with_the_line_and_replay_agrees(tmp_path):
    fresh = sandboxed.build(tmp_path / "fresh")
    done = mlfuzz(fresh, "harness", "run", "acme", "--time", "8s", "--no-report")
    found = {one["observed"] for one in json.loads(mlfuzz(fresh, "findings", "list", "--json").stdout)}
    assert found == set(OWN.values()), done.stderr
    for deed in ("refused writing", "refused starting", "refused the network call"):
        assert done.stderr.count(deed) == 1
    (summary,) = [line for line in done.stdout.splitlines() if line.startswith("  sandbox ")]
    assert 'sandbox = "off" under [harnesses.acme] in mlfuzz.toml' in summary
    replayed = mlfuzz(fresh, "replay")
    assert "FIXED" not in replayed.stdout
    assert replayed.stdout.count("FAILS") >= len(OWN)
    assert replayed.returncode == 1
