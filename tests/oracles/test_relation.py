"""Relations of one's own: which rows they speak of, and what each claim calls broken."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from mlfuzz.errors import ConfigError
from mlfuzz.mutation import Chain, Mutation
from mlfuzz.oracles.base import ORACLES, rebuild
from mlfuzz.oracles.relation import Relation, relation
from mlfuzz.testing import examples


def _margin(oracle: Relation, after: list[float], before: list[float], chain: Chain) -> float:
    seen, reference = (examples.observation(torch.tensor([values])) for values in (after, before))
    return float(oracle.check(seen, reference, examples.batch(1, chains=lambda row: chain)).margin)


def _gain(*decibels: float) -> Chain:
    return tuple(Mutation("audio.gain", {"decibels": value}) for value in decibels)


def test_louder_must_not_score_lower_and_quieter_not_higher() -> None:
    louder = Relation("louder-is-louder", monotone="decibels", mutators=["audio.gain"])
    assert _margin(louder, [0.4], [0.5], _gain(6.0)) == pytest.approx(0.1)
    assert _margin(louder, [0.6], [0.5], _gain(6.0)) == pytest.approx(-0.1)
    assert _margin(louder, [0.6], [0.5], _gain(-6.0)) == pytest.approx(0.1)
    assert _margin(louder, [0.6], [0.5], _gain(3.0, 3.0)) == pytest.approx(-0.1)


def test_a_chain_that_goes_both_ways_says_nothing() -> None:
    louder = Relation("louder-is-louder", monotone="decibels", mutators=["audio.gain"])
    assert math.isnan(_margin(louder, [0.4], [0.5], _gain(6.0, -3.0)))
    assert math.isnan(_margin(louder, [0.4], [0.5], _gain(0.0)))


def test_a_factor_is_neutral_at_one() -> None:
    oracle = Relation("scaled", monotone="factor", neutral=1.0, falls=True, mutators=["image.scale"])
    assert _margin(oracle, [0.6], [0.5], (Mutation("image.scale", {"factor": 1.2}),)) == pytest.approx(0.1)
    assert _margin(oracle, [0.6], [0.5], (Mutation("image.scale", {"factor": 0.8}),)) == pytest.approx(-0.1)


def test_a_relation_judges_only_chains_it_speaks_of() -> None:
    oracle = Relation("near", bounded=0.01, mutators=["image.blur_*"])
    blurred, turned = Mutation("image.blur_mean"), Mutation("image.rotate")
    assert _margin(oracle, [1.0], [0.0], (blurred, blurred)) > 0
    for chain in ((blurred, turned), (turned,), ()):
        assert math.isnan(_margin(oracle, [1.0], [0.0], chain))


def test_rows_whose_chain_is_not_known_are_unjudged() -> None:
    case = examples.scores()
    oracle = Relation("kept", invariant=True, mutators=["*"])
    assert not oracle.check(case.seen, case.reference, case.batch).judged.any()


def test_a_flip_negates_the_steering_angle_within_what_is_let_pass() -> None:
    oracle = Relation("mirrored", equivariant="negate", within=0.05, mutators=["image.flip"])
    flipped = (Mutation("image.flip"),)
    assert _margin(oracle, [-0.3], [0.3], flipped) == pytest.approx(-0.05)
    assert _margin(oracle, [0.3], [0.3], flipped) == pytest.approx(0.55)


def test_classes_may_change_places() -> None:
    oracle = Relation("arrows", equivariant=[1, 0, 2], mutators=["image.flip"])
    flipped = (Mutation("image.flip"),)
    assert _margin(oracle, [0.0, 3.0, 1.0], [3.0, 0.0, 1.0], flipped) == pytest.approx(-2.0)
    assert _margin(oracle, [3.0, 0.0, 1.0], [3.0, 0.0, 1.0], flipped) == pytest.approx(3.0)


def test_expected_classes_are_numbers_that_the_caller_can_name() -> None:
    oracle = Relation("arrows", equivariant=[1, 0, 2], mutators=["image.flip"])
    seen = examples.observation(torch.tensor([[3.0, 0.0, 1.0]]))
    details = oracle.explain(seen, seen, examples.batch(1, chains=lambda row: (Mutation("image.flip"),)), 0)
    assert (details["expected"], details["observed"], details["relation"]) == (1, 0, "arrows")


def test_one_value_of_an_answer_can_be_looked_at() -> None:
    oracle = Relation("near", bounded=0.5, of=-1, mutators=["image.*"])
    assert _margin(oracle, [9.0, 0.1], [0.0, 0.0], (Mutation("image.rotate"),)) == pytest.approx(-0.4)
    with pytest.raises(ConfigError, match="no value 7"):
        _margin(Relation("near", bounded=0.5, of=7, mutators=["image.*"]), [1.0], [1.0], ())


def test_a_relation_made_of_data_is_rebuilt_without_its_module() -> None:
    table = {"name": "louder-is-louder", "part": "relation", "monotone": "decibels", "mutators": ["audio.gain"]}
    oracle = rebuild(table)
    assert oracle.name == "louder-is-louder"
    assert {"name": oracle.name, **oracle.describe()} == table


def test_a_relation_by_function_is_rebuilt_by_its_registered_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ORACLES, "_parts", dict(ORACLES._parts))
    made = relation("doubles", equivariant=lambda before, chain: 2 * before, mutators=["audio.gain"])
    assert made.describe() == {}
    assert rebuild({"name": "doubles", **made.describe()}) is made
    assert _margin(made, [2.0], [1.0], _gain(6.0)) == 0.0


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({}, "give one of"),
        ({"invariant": True, "bounded": 1.0}, "not 2"),
        ({"bounded": -1.0}, "0 or more"),
        ({"bounded": 1.0, "within": math.nan}, "0 or more"),
        ({"equivariant": "inverse"}, "negate"),
        ({"equivariant": [0, 0, 1]}, "each once"),
        ({"equivariant": []}, "each once"),
        ({"invariant": True, "mutators": []}, "name the mutators"),
    ],
)
def test_claims_that_make_no_sense_are_refused(claim: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Relation("mine", **{"mutators": ["image.*"], **claim})


def test_a_relation_judges_rows_that_changed_their_label() -> None:
    case = examples.related("audio.gain", "decibels", 6.0, change=-0.5)
    lost = replace(case.batch, invariant=~case.batch.invariant)
    oracle = Relation("up", monotone="decibels", mutators=["audio.gain"])
    assert oracle.check(case.seen, case.reference, lost).judged.all()
