"""docs/sandbox.md, through real processes: what is refused, what lets it be done, the same wherever an input runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from codefuzz import sandboxed
from codefuzz.sandboxed import BEHIND, NEEDLESS, NEEDS, OWN, SYSTEM
from faults.drawn import drawn

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.failure.sandbox_refusal import gather, permissions
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.replay import unjudged
from mlfuzz.codefuzz.triage.sessions import replay_session

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(AtherisEngine().available()), reason=AtherisEngine().available() or "available"),
]

HARNESS = Path("harnesses/acme_fuzz.py")
DRAWN = 4
"""Ways a commit is tried with; `-m manual` tries them all."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Its home is its own: what is allowed there is done."""
    root = tmp_path_factory.mktemp("contract")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root / "home"))
        (root / "home").mkdir()
        yield sandboxed.build(root / "project")


@pytest.fixture(scope="module")
def strict(project):
    with replay_session(discovery.find("acme", project)) as session:
        if session.prepared.unheld:
            pytest.skip("; ".join(session.prepared.unheld))
        yield session


def wanted(session, outcome):
    gathered = {}
    gather(gathered, outcome.refusals)
    return permissions(gathered, session.project)


def content(project: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(project.parent.rglob("*")) if path.is_file()}


def refused(session, ways):
    """Of ways that are in order but for the sandbox those that are told otherwise."""
    wrong = {}
    for way in ways:
        (outcome,) = session.reproduce(way.encode(), times=1)
        allow = wanted(session, outcome)
        if outcome.failed or sorted(allow or ["?"]) != sorted(NEEDS[way]):
            wrong[way] = (outcome.kind, outcome.type, outcome.message, allow)
    return wrong


def let(project, ways):
    """Of ways for which what they need is declared those that do not work, or want more."""
    wrong = {}
    for way in ways:
        with replay_session(discovery.find("acme", project), allow=NEEDS[way]) as session:
            (outcome,) = session.reproduce(way.encode(), times=1)
        if outcome.kind != "ok" or outcome.refusals:
            wrong[way] = (outcome.kind, outcome.type, outcome.message, outcome.refusals)
    return wrong


def needs_copies(session):
    if not session._runner.copied:
        pytest.skip("this machine gives no throw-away copies (no user namespaces)")


def test_each_way_is_set_aside_with_the_line_that_allows_it_and_changes_nothing(project, strict):
    before = content(project)
    strict.reproduce(b"log", times=1)
    needs_copies(strict)
    assert refused(strict, drawn(list(NEEDS), 3 * DRAWN)) == {}
    assert content(project) == before


def test_what_needs_nothing_is_refused_nothing(strict):
    outcomes = {way: strict.reproduce(way.encode(), times=1)[0] for way in drawn(NEEDLESS, 2 * DRAWN)}
    assert {way: one for way, one in outcomes.items() if one.kind != "ok" or one.refusals} == {}
    for way in SYSTEM:
        (outcome,) = strict.reproduce(way.encode(), times=1)
        assert not outcome.failed
        assert wanted(strict, outcome) is None, way


def test_a_bug_behind_what_is_refused_is_judged_in_a_throw_away_copy(strict, project):
    before = content(project)
    outcomes = {way: strict.reproduce(way.encode(), times=2) for way in BEHIND}
    needs_copies(strict)
    assert {way: {one.type for one in each} for way, each in outcomes.items()} == {
        key: {"IndexError"} for key in BEHIND
    }
    assert content(project) == before


def test_what_is_declared_is_let_be_done(project):
    assert let(project, drawn(list(NEEDS), DRAWN)) == {}


@pytest.mark.manual
def test_every_way_is_set_aside_and_every_permission_lets_it_be_done(project, strict):
    assert refused(strict, NEEDS) == {}
    assert let(project, NEEDS) == {}


def mlfuzz(project, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", "-C", project, *arguments], capture_output=True, text=True, check=False,
        timeout=200, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


def test_campaign_check_replay_and_pytest_go_by_one_contract(tmp_path):
    project = sandboxed.build(tmp_path / "one")
    for seed in (project / "s").iterdir():
        seed.unlink()
    for way in ("log", "popen", "tcp", "plain", "quiet"):
        (project / "s" / way).write_text(way)
    checked = mlfuzz(project, "harness", "check", "acme", "--json")
    (record,) = [json.loads(line) for line in checked.stdout.splitlines() if "allow" in line]
    if record["unjudged"] == [] and not record["refused"]:
        pytest.skip("this kernel refuses nothing")
    ran = mlfuzz(project, "harness", "run", "acme", "--inputs", "3000", "--no-report")
    found = {one["observed"] for one in json.loads(mlfuzz(project, "findings", "list", "--json").stdout)}
    assert "ZeroDivisionError" in found, ran.stdout + ran.stderr
    assert found <= {*OWN.values(), "IndexError"}  # its words lead to other ways of the target too
    for deed in ("refused writing", "refused starting", "refused the network call"):
        assert ran.stderr.count(deed) <= 1
    assert "allow = [" in ran.stdout
    replayed = mlfuzz(project, "replay")
    assert replayed.returncode == 1, replayed.stdout + replayed.stderr
    assert replayed.stdout.count("FAILS") >= len(found)
    assert not {"FIXED", "ERROR"} & set(replayed.stdout.split())
    for name in ("popen", "tcp", "log"):  # done in a copy, or said to be without a verdict
        with replay_session(discovery.find("acme", project)) as session:
            outcomes = session.reproduce(name.encode(), times=1)
        assert not outcomes[0].failed
        assert outcomes[0].ran_through or "allow = [" in unjudged(outcomes, "acme", str(project))
    (project / "mlfuzz.toml").write_text(f"[harnesses.acme]\nallow = {json.dumps(record['allow'])}\n")
    again = mlfuzz(project, "harness", "check", "acme", "--json")
    (record,) = [json.loads(line) for line in again.stdout.splitlines() if "allow" in line]
    assert record["refused"] == {}
    assert {one["seed"] for one in record["failing"]} == {"plain", "quiet"}
    assert again.returncode == 1
