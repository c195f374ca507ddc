"""`mlfuzz review`: what a person says is kept with the finding, everywhere it lies, and nothing overrules it."""

from __future__ import annotations

import json

import pytest
import specimen

from mlfuzz.campaign.minimize.label_check import Validity
from mlfuzz.findings.labels import PERSON, LabelOpinion, labels_kept, opinion_of, with_opinion
from mlfuzz.findings.promote import records_in
from mlfuzz.findings.record import read_record
from mlfuzz.findings.store import FindingStore


@pytest.fixture
def project(tmp_path):
    specimen.build(tmp_path / ".mlfuzz")
    return tmp_path


def store(project):
    return FindingStore(project / ".mlfuzz" / "digits-fragile" / "findings")


def confirmed(project):
    return [one for one in store(project).records() if one.verdict == "confirmed" and one.side == "model"]


def test_what_is_said_is_kept_and_no_vote_overrules_it(command, project):
    first = confirmed(project)[0]
    ran = command("-C", project, "--json", "review", first.id, "--label", "lost")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out.splitlines()[0])["label"] == "lost"
    now = store(project).load(first.id)
    opinion = opinion_of(now)
    assert (opinion.kept, opinion.valid, opinion.by, opinion.sure) == (False, True, PERSON, 1.0)
    assert Validity({}).check(now, b"", b"") is now
    assert labels_kept([now]).by == (PERSON,)


def test_it_is_said_in_the_corpus_too(command, project):
    first = confirmed(project)[0]
    assert command("-C", project, "findings", "promote", "--no-replay", first.id).code == 0
    assert command("-C", project, "review", first.id, "--label", "kept").code == 0
    (kept,) = [read_record(path) for path in records_in(project / "corpus" / "regressions")]
    assert opinion_of(kept).by == opinion_of(store(project).load(first.id)).by == PERSON


def test_the_doubtful_are_asked_about_and_a_key_decides(command, project, monkeypatch):
    findings = confirmed(project)
    for at, one in enumerate(findings):
        sure = LabelOpinion(kept=True, by="vote", sure=0.9) if at else LabelOpinion()
        store(project).update(with_opinion(one, sure))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    answers = iter(["x", "i"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    ran = command("-C", project, "review")
    assert ran.code == 0, ran.err
    assert "1 of 1 decided: 1 invalid" in ran.out + ran.err
    assert opinion_of(store(project).load(findings[0].id)).valid is False
    monkeypatch.setattr("builtins.input", lambda _: "q")
    assert f"0 of {len(findings)} decided" in (again := command("-C", project, "review", "--all")).out + again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--label", "kept"), "name the findings"), (("abcd", "--label", "good"), "say kept, lost or invalid"),
        (("ffffffffff", "--label", "kept"), "ffffffffff"), ((), "review asks at a terminal"),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_named(command, project, monkeypatch, words, said):
    for one in confirmed(project):
        store(project).update(with_opinion(one, LabelOpinion()))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    ran = command("-C", project, "review", *words)
    assert ran.code == 2
    assert said in ran.err


def test_real_or_doubtful_stands_in_every_list_alike(command, project):
    findings = confirmed(project)
    for at, one in enumerate(findings):
        store(project).update(with_opinion(one, LabelOpinion(kept=bool(at), by="vote", sure=0.9)))
    ran = command("-C", project, "findings", "list", "--by", "finding")
    assert f"1 of {len(findings)} may have lost their label: look at these first" in ran.out
    assert "lost" in ran.out
    real = json.loads(command("-C", project, "--json", "findings", "list", "--real").out)
    assert findings[0].id not in {one["id"] for one in real}
    assert {one.id for one in findings[1:]} <= {one["id"] for one in real}
    assert "1 left out that may have lost their label" in command("-C", project, "findings", "list", "--real").out
    shown = command("-C", project, "findings", "show", findings[0].id).out
    assert "lost, 90% sure" in shown
    assert command("-C", project, "report", "digits-fragile").code == 0
    page = (project / ".mlfuzz" / "digits-fragile" / "report.html").read_text()
    assert f"1 of {len(findings)} may have lost their label" in page
    assert "label lost" in page
