"""One exit code for both sides: the table that the command line documents."""

from __future__ import annotations

import pytest
from findings.samples import sample

from mlfuzz.exit_code import exit_code
from mlfuzz.findings.known import Known
from mlfuzz.stop_reason import Stop, StopReason

DONE = Stop(StopReason.TIME)
STATES = ("open", "fixed", "quarantined", "ignored")


def code(*findings, known=(), fail_on="any", stop=DONE, inputs=1, broken=False):
    return exit_code(findings, known=known, fail_on=fail_on, stop=stop, inputs=inputs, broken=broken)


@pytest.mark.parametrize(("fail_on", "expected"), [("any", 1), ("new", 1), ("none", 0)])
def test_a_death_that_is_still_to_be_looked_into_counts_as_a_candidate_does(fail_on, expected):
    ended = exit_code([], known=(), fail_on=fail_on, stop=DONE, inputs=1, unexplained=True)
    assert ended == expected


def test_a_target_that_answers_otherwise_each_time_is_never_clean():
    assert exit_code([], known=(), fail_on="any", stop=DONE, inputs=1, unstable=True) == 3
    assert exit_code([found()], known=(), fail_on="any", stop=DONE, inputs=1, unstable=True) == 1


def found(number=0, **changes):
    return sample(number, **{"verdict": "confirmed", "shrunk": True, "target": "t", **changes})[0]


@pytest.mark.parametrize("side", ["model", "code"])
@pytest.mark.parametrize(
    ("finding", "fail_on", "expected"),
    [
        ({}, "any", 1),
        ({}, "new", 1),
        ({}, "none", 0),
        ({"verdict": "candidate"}, "any", 1),
        ({"verdict": "flaky"}, "any", 0),
        ({"triage": "fixed"}, "any", 1),
        ({"triage": "quarantined"}, "any", 0),
        ({"triage": "ignored"}, "new", 0),
    ],
)
def test_what_counts_is_what_may_fail_again_and_nobody_has_set_aside(side, finding, fail_on, expected):
    assert code(found(side=side, **finding), fail_on=fail_on) == expected


@pytest.mark.parametrize("triage", STATES)
@pytest.mark.parametrize(
    "now",
    [
        {"side": "model"},
        {
            "side": "code",
            "kind": "exception",
            "fault": "exception:KeyError:a.py:read",
            "chain": (),
            "key": "another line",
        },
    ],
    ids=["model", "code"],
)
def test_a_fault_that_is_kept_is_not_new_whatever_was_decided_about_it(triage, now):
    kept, again = found(0, **now, triage=triage), found(1, **now)
    known = {one.id for one in [again] if one in Known([kept])}
    assert code(again, known=known, fail_on="new") == 0
    assert code(again, known=known, fail_on="any") == 1
    other = found(2, **{**now, "fault": "another"})
    assert code(again, other, known=known, fail_on="new") == 1


def test_who_asked_for_the_end_comes_first_then_what_is_broken_then_findings_then_that_nothing_ran():
    for reason, expected in (("INTERRUPTED", 130), ("REQUESTED", 130), ("TERMINATED", 143), ("HUNG_UP", 129)):
        assert code(found(), stop=Stop(StopReason[reason]), broken=True, inputs=0) == expected
    assert code(found(), broken=True) == 3
    assert code(found(), inputs=0) == 1
    assert code(inputs=0) == 3
    assert code(found(), inputs=0, fail_on="none") == 3
    assert code() == 0
