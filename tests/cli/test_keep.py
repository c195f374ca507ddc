"""Verbs that keep findings and decide about them; the target is not run: `replayed` says what became of each."""

from __future__ import annotations

import json

import msgspec
import pytest
import specimen

import mlfuzz.replay
from mlfuzz.findings.finding import Run
from mlfuzz.findings.promote import records_in
from mlfuzz.findings.record import read_record
from mlfuzz.findings.store import FindingStore
from mlfuzz.replay import Replayed


@pytest.fixture
def project(tmp_path):
    specimen.build(tmp_path / ".mlfuzz")
    return tmp_path


@pytest.fixture
def store(project):
    return FindingStore(project / ".mlfuzz" / "digits-fragile" / "findings")


@pytest.fixture
def replayed(monkeypatch):
    """What replaying says, by id; "fails" where nothing is put in."""
    states: dict[str, str] = {}

    def replay(cases, *, on_result=lambda _: None, **_):
        return [
            Replayed(one.finding, states.get(one.finding.id, "fails"), None, Run(label="1"), 3, 3, message="no target")
            for one in cases
        ]

    monkeypatch.setattr(mlfuzz.replay, "replay", replay)
    return states


def one(store, verdict="confirmed"):
    return next(finding for finding in store.records() if finding.verdict == verdict)


def test_what_still_fails_is_kept_and_the_next_step_is_said(command, project, store, replayed):
    finding = one(store)
    ran = command("-C", project, "findings", "promote", finding.id[:8])
    assert (ran.code, ran.err) == (0, "")
    (path,) = records_in(project / "corpus")
    assert path.stem == finding.id
    assert f"kept {finding.id[:10]}" in ran.out
    assert "pytest corpus" in ran.out


@pytest.mark.parametrize(
    ("state", "code", "says"),
    [("fixed", 2, "does not fail any more"), ("flaky", 2, "failed 3 of 3 times"), ("error", 3, "no target")],
)
def test_what_does_not_fail_again_is_refused(command, project, store, replayed, state, code, says):
    finding = one(store)
    replayed[finding.id] = state
    ran = command("-C", project, "findings", "promote", finding.id)
    assert ran.code == code
    assert says in ran.err
    assert "--no-replay" in ran.err
    assert not (project / "corpus").exists()


def test_without_replaying_only_what_was_confirmed_is_kept(command, project, store, monkeypatch):
    monkeypatch.setattr(mlfuzz.replay, "replay", None)
    assert command("-C", project, "findings", "promote", one(store).id, "--no-replay").code == 0
    ran = command("-C", project, "findings", "promote", one(store, "candidate").id, "--no-replay")
    assert ran.code == 2
    assert "not confirmed" in ran.err


def test_a_candidate_that_fails_again_is_confirmed_by_that(command, project, store, replayed):
    finding = one(store, "candidate")
    assert command("-C", project, "findings", "promote", finding.id).code == 0
    (path,) = records_in(project / "corpus")
    assert (read_record(path).verdict, read_record(path).confirmed) == ("confirmed", "3/3")


def test_one_refusal_does_not_stop_the_others(command, project, store, replayed):
    first, second = [finding for finding in store.records() if finding.verdict == "confirmed"][:2]
    replayed[first.id] = "fixed"
    ran = command("-C", project, "--json", "findings", "promote", first.id, second.id)
    assert ran.code == 2
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [row["kept"] is not None for row in rows] == [False, True]


def test_promote_wants_to_know_which(command, project):
    assert command("-C", project, "findings", "promote").code == 2


def test_a_decision_reaches_the_campaigns_finding_and_the_kept_one(command, project, store, replayed):
    finding = one(store)
    command("-C", project, "findings", "promote", finding.id)
    ran = command("-C", project, "triage", finding.id[:8], "--status", "quarantined", "--note", "new scanner")
    assert (ran.code, ran.err) == (0, "")
    for record in (store.load(finding.id), read_record(records_in(project / "corpus")[0])):
        assert (record.triage, record.note) == ("quarantined", "new scanner")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--status", "fixd"], "did you mean 'fixed'"),
        (["--status", "ignored"], "--note"),
        ([], "--mark-fixed"),
        (["--mark-fixed", "--status", "open"], "one of them"),
    ],
)
def test_triage_that_cannot_be_is_a_usage_error(command, project, store, arguments, says):
    ran = command("-C", project, "triage", one(store).id, *arguments)
    assert ran.code == 2
    assert says in ran.err
    assert store.load(one(store).id).triage == "open"


def test_those_that_hold_now_are_marked_fixed_and_the_others_named(command, project, store, replayed):
    first, second = [finding for finding in store.records() if finding.verdict == "confirmed"][:2]
    command("-C", project, "findings", "promote", first.id, second.id)
    replayed[first.id] = "fixed"
    ran = command("-C", project, "triage", "--mark-fixed")
    assert ran.code == 1
    assert f"{second.id[:10]}  still fails" in ran.out
    assert "1 finding marked fixed" in ran.out
    kept = {path.stem: read_record(path).triage for path in records_in(project / "corpus")}
    assert kept == {first.id: "fixed", second.id: "open"}
    assert store.load(first.id).triage == "fixed"


def test_findings_are_merged_by_hand(command, project, store):
    first, second = [finding for finding in store.records() if finding.verdict == "confirmed"][:2]
    assert command("-C", project, "triage", first.id, second.id, "--fault", "the sticker").code == 0
    assert store.load(first.id).fault == store.load(second.id).fault == "the sticker"


def test_shrinking_tells_the_chain_before_and_after(command, project, store, monkeypatch):
    finding = next(each for each in store.records() if each.verdict == "confirmed" and each.chain)
    shorter = msgspec.structs.replace(finding, chain=(), sentence="less of it")
    asked = []
    monkeypatch.setattr(mlfuzz.replay, "shrink", lambda case, **more: asked.append(more["seconds"]) or shorter)
    ran = command("-C", project, "shrink", finding.id, "--time", "1m")
    assert asked == [60.0]
    assert "less of it" in ran.out
    monkeypatch.setattr(mlfuzz.replay, "shrink", lambda case, **_: case.finding)
    assert "nothing simpler fails" in command("-C", project, "shrink", finding.id).out


@pytest.mark.parametrize(("format", "file"), [("zip", "findings.zip"), ("dir", "findings"), ("dataset", "dataset")])
def test_findings_are_exported(command, project, format, file):
    ran = command("-C", project, "findings", "export", "--format", format)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.strip().endswith(file)
    assert (project / file).exists()
    if format != "zip":
        assert command("-C", project, "findings", "export", "--format", format).code == 2


def test_a_budget_of_findings_is_exported_and_a_wrong_one_is_told(command, project):
    words = ("-C", project, "--json", "findings", "export", "--format", "dataset", "--budget")
    ran = command(*words, "1", "--output", "few")
    assert ran.code == 0, ran.err
    assert len(json.loads(ran.out)["chosen"]) == 1
    ran = command(*words, "1000", "--output", "many")
    assert ran.code == 0
    assert "1000 were asked for" in ran.err
    for wrong in ("0", "-3"):
        assert command(*words, wrong, "--output", "none").code == 2
    ran = command("-C", project, "findings", "export", "--budget", "3")
    assert ran.code == 2
    assert "--format dataset --budget 3" in ran.err
