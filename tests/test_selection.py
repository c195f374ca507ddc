"""The few findings that stand for all: each fault before any twice, none that lost its label, the same each time."""

from __future__ import annotations

import msgspec
from findings.samples import sample

from mlfuzz.findings.labels import LabelOpinion, with_opinion
from mlfuzz.mutation import Mutation
from mlfuzz.selection import most_worth


def of(number, fault, *, kept=None, severity=1.0):
    finding, _ = sample(
        number, fault=f"label|7->{fault}|image.rotate", observed=str(fault), severity=severity, seed_name=f"{number}",
        chain=(Mutation(f"image.op{fault}", {}),), verdict="confirmed", label="7",
    )  # fmt: skip
    return finding if kept is None else with_opinion(finding, LabelOpinion(kept=kept, by="vote"))


def test_each_fault_is_represented_before_one_is_twice_however_many_findings_it_has():
    findings = [of(number, 0 if number < 30 else number) for number in range(34)]
    chosen = most_worth(findings, 5)
    assert {findings[at].fault for at in chosen} == {one.fault for one in findings}
    assert len(set(most_worth(findings, 20))) == 20


def test_what_lost_its_label_is_not_chosen_and_what_nobody_judged_is():
    findings = [of(0, 0, kept=False, severity=9.0), of(1, 1, kept=True), of(2, 2)]
    assert sorted(most_worth(findings, 3)) == [1, 2]
    assert most_worth([of(0, 0, kept=False)], 3) == []
    assert most_worth([], 3) == []


def test_among_equals_the_more_severe_is_chosen_whatever_the_order():
    findings = [of(number, 0, severity=float(number)) for number in range(6)]
    assert findings[most_worth(findings, 1)[0]].severity == 5.0
    turned = list(reversed(findings))
    assert [findings[at].id for at in most_worth(findings, 3)] == [turned[at].id for at in most_worth(turned, 3)]


def test_a_record_without_severity_or_chain_is_one_like_the_others():
    bare = msgspec.structs.replace(of(0, 0), severity=None, margin=None, chain=(), evidence={"shift": 7})
    assert sorted(most_worth([bare, of(1, 1)], 2)) == [0, 1]
