import numpy as np
import pytest
from findings.samples import sample

from mlfuzz.campaign.confirm.embedding import sketch
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.weakness import SHIFT, operator_of, weaknesses

NORTH, EAST = [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]


def found(number: int, operator: str, towards: list[float] | None, **changes) -> Finding:
    evidence = {} if towards is None else {SHIFT: sketch(np.asarray(towards))}
    given = {
        "fault": f"label|{number}->8|image.{operator}", "observed": "8", "expected": str(number),
        "evidence": evidence, "verdict": "confirmed", "severity": 1.0,
    }  # fmt: skip
    return sample(number, **{**given, **changes})[0]


def names(findings):
    return [one.name for one in weaknesses(findings)]


def test_operators_that_move_the_model_the_same_way_are_one_weakness():
    haze = [found(1, "mist", NORTH), found(2, "mist", [0.1, 1.0, 0.0]), found(3, "fog", [-0.2, 1.0, 0.1])]
    (one, other) = weaknesses([*haze, found(4, "rotate", EAST, observed="1", severity=0.5)])
    assert (one.name, one.operators) == ("mist, fog", ("image.mist", "image.fog"))
    assert (len(one.faults), len(one.members), one.answers) == (3, 3, [("8", 3)])
    assert other.name == "rotate"


def test_an_operators_mean_decides_and_not_a_single_failure_of_it():
    haze = [found(number, "mist", NORTH) for number in range(1, 5)]
    made = weaknesses([*haze, found(9, "mist", EAST), found(10, "rotate", EAST)])
    assert {one.name: len(one.members) for one in made} == {"mist": 5, "rotate": 1}


def test_complete_link_does_not_chain_operators_that_are_far_apart():
    def at(degrees):
        return [float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))]

    chain = [found(1, "a", at(0)), found(2, "b", at(60)), found(3, "c", at(120))]
    assert sorted(len(one.operators) for one in weaknesses(chain)) == [1, 2]


def test_every_finding_is_in_one_weakness_and_their_order_does_not_matter():
    rng = np.random.default_rng(1)
    findings = [
        found(number, "abcdefgh"[number % 8], list(rng.normal(size=4)), severity=float(number % 5))
        for number in range(64)
    ]
    made = weaknesses(findings)
    assert sorted(one.id for each in made for one in each.members) == sorted(one.id for one in findings)
    assert weaknesses(reversed(findings)) == made


def test_records_without_a_sketch_stand_by_operator():
    assert sorted(names([found(1, "mist", None), found(2, "mist", None), found(3, "fog", NORTH)])) == ["fog", "mist"]


def test_another_target_and_another_oracle_are_another_weakness():
    findings = [
        found(1, "mist", NORTH),
        found(2, "mist", NORTH, target="other"),
        found(3, "mist", NORTH, fault="cosine|changed|image.mist", kind="cosine"),
    ]
    assert len(weaknesses(findings)) == 3


def test_crashes_and_faults_named_by_hand_stand_for_themselves():
    crash = found(1, "x", NORTH, kind="exception", fault="exception|ValueError|a.py:f", severity=0.1)
    by_hand = found(2, "mist", NORTH, fault="haze on the lens")
    code = found(3, "x", NORTH, side="code", kind="invariant", fault="a|b|c")
    made = weaknesses([by_hand, crash, code])
    assert made[0].name == "exception|ValueError|a.py:f"
    assert {one.name for one in made[1:]} == {"haze on the lens", "a|b|c"}
    assert [operator_of(one.faults[0]) for one in made] == ["", "", ""]


def test_the_confirmed_stand_before_the_worse_but_unconfirmed():
    findings = [found(1, "mist", NORTH, verdict="candidate", severity=9.0), found(2, "rotate", EAST, severity=0.1)]
    assert names(findings) == ["rotate", "mist"]


@pytest.mark.parametrize("count", [0, 1])
def test_few_findings_make_few_weaknesses(count):
    assert len(weaknesses([found(number, "mist", NORTH) for number in range(count)])) == count
