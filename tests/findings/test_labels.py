"""The opinion on a finding's label: what its record holds, what is read of it, and the share over many."""

from __future__ import annotations

import msgspec
import pytest

from mlfuzz.findings.finding import FileRef, Finding, dumps, loads
from mlfuzz.findings.labels import (
    KEEPS,
    VOTE,
    LabelOpinion,
    first_looked_at,
    label_word,
    labels_kept,
    may_be_none,
    opinion_of,
    with_opinion,
)

BARE = Finding(id="f", side="model", kind="label", target="t", input=FileRef("input.png", ""), verdict="confirmed")

RECORDED = {
    "nobody": ('{"kept":null,"by":"nothing"}', LabelOpinion()),
    "likeness": (
        '{"kept":false,"by":"SSIM","measure":"SSIM","likeness":0.214,"least":0.5,"moved":false}',
        LabelOpinion(kept=False, by="SSIM", measure="SSIM", likeness=0.214, least=0.5, moved=False),
    ),
    "moved": (
        '{"kept":null,"by":"nothing","measure":"SSIM","likeness":0.9,"least":0.5,"moved":true}',
        LabelOpinion(measure="SSIM", likeness=0.9, least=0.5, moved=True),
    ),
    "vote": (
        '{"kept":true,"by":"vote","measure":"SSIM","likeness":0.9,"least":0.5,"moved":false,"votes":"1 of 1",'
        '"said":{"zoo:judge":"a"}}',
        LabelOpinion(
            kept=True, by=VOTE, measure="SSIM", likeness=0.9, least=0.5, moved=False, votes="1 of 1",
            said={"zoo:judge": "a"},
        ),
    ),
    "vote without a measure": (
        '{"kept":null,"by":"nothing","votes":"0 of 1","said":{"zoo:judge":""}}',
        LabelOpinion(votes="0 of 1", said={"zoo:judge": ""}),
    ),
}  # fmt: skip
"""As records have held it from the first release on, and what that says."""


@pytest.mark.parametrize(("record", "opinion"), RECORDED.values(), ids=RECORDED)
def test_a_record_is_read_and_written_byte_for_byte(record: str, opinion: LabelOpinion) -> None:
    old = loads(dumps(msgspec.structs.replace(BARE, evidence={"runs": 3, KEEPS: msgspec.json.decode(record)})))
    assert opinion_of(old) == opinion
    new = with_opinion(msgspec.structs.replace(BARE, evidence={"runs": 3}), opinion)
    assert dumps(new) == dumps(old)
    assert new == old, "in memory it is what a record gives back"


def test_where_nobody_was_asked_there_is_no_opinion() -> None:
    assert opinion_of(BARE) is None


@pytest.mark.parametrize(
    "edited", ["yes", None, ["vote"], {"kept": "maybe"}, {"said": "zoo:judge"}, {"said": {"a": 1}}]
)
def test_what_was_edited_into_something_else_counts_as_not_judged(edited: object) -> None:
    finding = loads(dumps(msgspec.structs.replace(BARE, evidence={KEEPS: edited})))
    assert opinion_of(finding) == LabelOpinion()
    assert str(labels_kept([finding])) == "label kept: 0 of 0; 1 not to be judged"


def test_a_part_of_an_opinion_is_read_and_what_a_later_one_adds_is_left() -> None:
    finding = msgspec.structs.replace(BARE, evidence={KEEPS: {"said": {"zoo:judge": "1"}, "weight": 0.3}})
    assert opinion_of(finding) == LabelOpinion(said={"zoo:judge": "1"})


def test_an_opinion_is_said_in_words() -> None:
    assert str(LabelOpinion()) == "nothing can judge it"
    assert str(RECORDED["likeness"][1]) == "SSIM 0.214 (0.5 counts)"
    assert str(RECORDED["moved"][1]) == "SSIM 0.9 (says nothing of what was moved)"
    assert str(RECORDED["vote"][1]) == "1 of 1 reference models, SSIM 0.9 (0.5 counts)"


def test_the_share_is_told_in_one_line() -> None:
    def judged(kept: bool | None, by: str, **fields: str) -> Finding:
        return with_opinion(msgspec.structs.replace(BARE, **fields), LabelOpinion(kept=kept, by=by))

    some = [judged(True, VOTE), judged(True, "SSIM"), judged(False, "SSIM"), judged(None, "nothing"), BARE]
    assert str(labels_kept(some)) == "label kept: 2 of 3 (by SSIM, vote of reference models); 1 not to be judged"
    assert str(labels_kept([BARE])) == ""
    refused = judged(False, VOTE, triage="ignored", note="not shown to keep its label: 0 of 1 reference models")
    assert "all 1 refused for it" in str(labels_kept([refused]))
    assert str(labels_kept([refused, judged(True, VOTE)])).endswith("1 refused for it")


def test_what_may_be_no_failure_is_counted_in_a_sentence() -> None:
    said = [LabelOpinion(kept=True), LabelOpinion(kept=False), LabelOpinion(), LabelOpinion(kept=False, valid=False)]
    findings = [BARE, *(with_opinion(BARE, one) for one in said)]
    assert [label_word(one) for one in findings] == ["", "kept", "lost", "?", "invalid"]
    assert [may_be_none(one) for one in findings] == [False, False, True, True, True]
    assert first_looked_at(findings) == "3 of 4 may have lost their label: look at these first"
    assert first_looked_at(findings[:2]) == ""
