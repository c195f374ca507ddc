"""Two forms of one model, and several models of one task: which margins count, and what is said of a failure."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.oracles.base import Floor, rebuild
from mlfuzz.oracles.differential import Differ
from mlfuzz.oracles.differential_majority import Majority
from mlfuzz.testing import examples


def both(main: Output, other: Output, name: str = "bf16") -> Observation:
    rows = len(main) if not isinstance(main, Ragged) else len(main.values)
    return Observation({"main": main, f"{name}.main": other}, torch.zeros((rows, 0)))


def margins(oracle: Differ | Majority, seen: Observation) -> list[float]:
    return oracle.check(seen, seen, examples.batch(len(seen.activations))).margin.tolist()


def test_severity_is_the_smaller_of_the_two_leads() -> None:
    main = torch.tensor([[2.0, 1.5, 0.0], [2.0, 1.5, 0.0]])
    other = torch.tensor([[1.0, 1.2, 0.0], [0.0, 3.0, 0.0]])
    assert margins(Differ(of="bf16"), both(main, other)) == pytest.approx([0.2, 0.5])


def test_while_they_agree_the_margin_is_what_the_weaker_lead_lacks() -> None:
    main = torch.tensor([[2.0, 1.5, 0.0], [2.0, -1.0, 0.0]])
    other = torch.tensor([[2.0, 1.7, 0.0], [2.0, -1.0, 1.9]])
    assert margins(Differ(of="bf16"), both(main, other)) == pytest.approx([-0.3, -0.1])


def test_a_tie_is_no_failure() -> None:
    main, other = torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[0.5, 1.0, 0.0]])
    assert not Differ(of="bf16").check(both(main, other), both(main, main), examples.batch(1)).failed.any()


def test_a_lead_below_either_ones_noise_does_not_count() -> None:
    floor = Floor(1e-4, 1.0, variants={"bf16": Floor(0.05, 1.0)})
    assert Differ(of="bf16").noise(floor) == pytest.approx(0.4)
    assert Differ(of="fp16").noise(floor) == pytest.approx(8e-4), "another variant's noise is not its own"


def test_a_variant_that_overflows_fails_by_more_than_the_targets_lead() -> None:
    main = torch.tensor([[2.0, 1.5, 0.0]] * 3)
    other = torch.tensor([[math.inf, 1.5, 0.0], [math.nan] * 3, [2.0, 1.5, 0.0]])
    seen = both(main, other)
    verdict = Differ(of="bf16").check(seen, seen, examples.batch(3))
    assert verdict.margin.tolist() == pytest.approx([1.5, 1.5, -0.5])
    assert int(verdict.keys[0]) == 9
    assert Differ(of="bf16").explain(seen, seen, examples.batch(3), 0)["observed"] == "no number"


def test_what_the_target_itself_gives_no_number_for_is_unjudged() -> None:
    seen = both(torch.tensor([[math.nan, 1.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert Differ(of="bf16").check(seen, seen, examples.batch(2)).judged.tolist() == [False, True]


def test_a_masked_class_is_one_in_both() -> None:
    seen = both(torch.tensor([[1.0, -math.inf, 0.0]]), torch.tensor([[0.0, -math.inf, 0.5]]))
    assert margins(Differ(of="bf16"), seen) == pytest.approx([0.5])


def test_exact_variants_are_judged_by_their_numbers_against_what_seeds_differ_by() -> None:
    oracle = Differ(of="compile")
    oracle.calibrate(Floor(1e-6, 1.0, variants={"compile": Floor(1e-6, 1.0, apart=0.01)}))
    assert oracle.tolerated == pytest.approx(0.08)
    seen = both(torch.zeros((2, 4)), torch.tensor([[0.0, 0.04, 0.0, 0.0], [0.0, 0.0, -0.16, 0.0]]), "compile")
    assert margins(oracle, seen) == pytest.approx([-0.5, 1.0])
    details = oracle.explain(seen, seen, examples.batch(2), 1)
    assert (details["expected"], details["observed"], details["at"]) == ("the same numbers", "other numbers", 2)
    assert details["numbers"] == {"main": "0", "compile": "-0.16"}
    assert details["tolerated"] == pytest.approx(0.08)
    assert rebuild({"name": oracle.name, **oracle.describe()}).describe() == oracle.describe()


def test_a_tolerance_is_never_below_the_noise() -> None:
    oracle = Differ(of="export")
    oracle.calibrate(Floor(1e-4, 1.0, variants={"export": Floor(0.0, 1.0, apart=0.0)}))
    assert oracle.tolerated == pytest.approx(1e-3)
    with pytest.raises(ConfigError, match="needs bound"):
        Differ(of="export").check(both(torch.zeros(1, 2), torch.zeros(1, 2), "export"), None, examples.batch(1))  # type: ignore[arg-type]


def test_an_output_of_numbers_is_compared_by_value_and_texts_letter_by_letter() -> None:
    oracle = Differ(of="bf16")
    oracle.suit("numbers")
    assert (oracle.by, oracle.unit) == ("value", "share of the tolerated difference, less 1")
    texts = Differ(of="zoo:old")
    texts.suit("texts")
    assert margins(texts, both(("one", "two"), ("one", "tw0"), "zoo:old")) == [-1.0, 1.0]
    details = texts.explain(both(("two",), ("tw0",), "zoo:old"), None, examples.batch(1), 0)  # type: ignore[arg-type]
    assert (details["expected"], details["observed"]) == ("two", "tw0")


def test_sequences_of_another_length_differ() -> None:
    values = torch.ones((2, 3))
    ours, theirs = Ragged(values, torch.tensor([3, 2])), Ragged(values[:, :2], torch.tensor([2, 2]))
    assert margins(Differ(of="bf16", by="value", bound=0.5), both(ours, theirs)) == [1.0, -1.0]


def test_a_pair_that_was_measured_apart_from_the_main_output_is_compared_with_its_base() -> None:
    seen = both(torch.zeros(1, 2), torch.ones(1, 2), "single")
    with_base = Observation({**seen.outputs, "single.base": torch.ones(1, 2)}, seen.activations)
    assert margins(Differ(of="single", bound=0.5), seen) == [1.0]
    assert margins(Differ(of="single", bound=0.5), with_base) == [-1.0]


def test_the_gap_leads_both_forms_to_the_boundary() -> None:
    main = torch.tensor([[2.0, 1.5, 0.0]], requires_grad=True)
    other = torch.tensor([[2.0, 1.9, 0.0]], requires_grad=True)
    gap = Differ(of="bf16").gap({"main": main, "bf16.main": other})
    gap.sum().backward()
    assert float(gap.detach()) == pytest.approx(-0.1)
    assert isinstance(other.grad, Tensor)
    assert other.grad.tolist() == [[-1.0, 1.0, 0.0]]


def test_each_form_is_told_by_name_with_both_leads() -> None:
    seen = both(torch.tensor([[2.0, 1.5]]), torch.tensor([[1.0, 1.25]]), "zoo:old")
    oracle = Differ(of="zoo:old")
    details = oracle.explain(seen, seen, examples.batch(1), 0)
    assert oracle.name == "differ:zoo:old"
    assert details["variant"] == "zoo:old"
    assert details["leads"] == {"main": 0.5, "zoo:old": 0.25}
    assert details["severity"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"of": ""}, "names a variant"),
        ({"of": "bf16", "by": "smell"}, "by is one of"),
        ({"of": "x", "bound": 0}, "above 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Differ(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unexpected keyword argument 'off'"):
        rebuild({"name": "differ", "of": "bf16", "off": 1})


def several(*scores: list[list[float]]) -> Observation:
    names = ("main", *(f"m{at}.main" for at in range(1, len(scores))))
    rows = len(scores[0])
    outputs: dict[str, Output] = {name: torch.tensor(one) for name, one in zip(names, scores, strict=True)}
    return Observation(outputs, torch.zeros((rows, 0)))


def test_the_target_fails_where_most_models_contradict_it_by_the_smallest_lead() -> None:
    seen = several([[2.0, 1.0, 0.0]], [[0.0, 0.3, 0.0]], [[0.0, 5.0, 0.0]])
    oracle = Majority(of=["m1", "m2"])
    assert margins(oracle, seen) == pytest.approx([0.3])
    details = oracle.explain(seen, seen, examples.batch(1), 0)
    assert (details["expected"], details["observed"], details["votes"]) == (1, 0, {"main": 0, "m1": 1, "m2": 1})


def test_one_that_sides_with_the_target_makes_the_majority_with_it() -> None:
    seen = several([[2.0, 1.0, 0.0]], [[1.0, 0.3, 0.0]], [[0.0, 5.0, 0.0]])
    assert margins(Majority(of="m1+m2"), seen) == pytest.approx([-1.0])


def test_without_a_majority_nobody_is_wrong() -> None:
    seen = several([[2.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    assert not Majority(of=["m1", "m2"]).check(seen, seen, examples.batch(1)).judged.any()


def test_one_other_model_is_no_majority() -> None:
    with pytest.raises(ConfigError, match="use differ:m1"):
        Majority(of="m1")
