"""What a label-preserving change may do to an answer: what is expected, and how far wrong is counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mlfuzz.errors import ConfigError
from mlfuzz.oracles.base import Floor
from mlfuzz.oracles.metamorphic import Label, Tolerance
from mlfuzz.testing import examples


def _check_label(oracle: Label, scores: list[list[float]], before: list[list[float]]) -> list[float]:
    seen, reference = (examples.observation(torch.tensor(rows)) for rows in (scores, before))
    return oracle.check(seen, reference, examples.batch(len(scores))).margin.tolist()


def test_the_margin_is_the_best_other_score_less_the_expected_one() -> None:
    assert _check_label(Label(), [[1.0, 4.0, 2.0]], [[5.0, 0.0, 0.0]]) == [3.0]
    assert _check_label(Label(), [[4.0, 1.0, 2.0]], [[5.0, 0.0, 0.0]]) == [-2.0]


def test_a_label_is_believed_before_the_model() -> None:
    oracle = Label()
    oracle.bind(torch.tensor([2, -1]))
    margins = _check_label(oracle, [[5.0, 0.0, 1.0]] * 2, [[5.0, 0.0, 1.0]] * 2)
    assert margins == [4.0, -4.0]
    details = oracle.explain(
        examples.observation(torch.tensor([[5.0, 0.0, 1.0]])),
        examples.observation(torch.tensor([[5.0, 0.0, 1.0]])),
        examples.batch(1),
        0,
    )
    assert (details["expected"], details["expected_from"], details["observed"]) == (2, "label", 0)


def test_where_no_label_is_bound_the_models_own_answer_is_expected_and_said_so() -> None:
    seen, reference = (examples.observation(torch.tensor([row])) for row in ([0.0, 1.0], [1.0, 0.0]))
    details = Label().explain(seen, reference, examples.batch(1), 0)
    assert (details["expected"], details["expected_from"], details["observed"]) == (0, "model", 1)
    assert details["before"] == [[0, 1.0], [1, 0.0]]
    assert details["after"] == [[1, 1.0], [0, 0.0]]


def test_rows_that_fail_the_same_way_have_one_key_and_others_another() -> None:
    before = torch.eye(3)[[0, 0, 0, 1]]
    seen = torch.eye(3)[[1, 1, 2, 0]]
    keys = Label().check(examples.observation(seen), examples.observation(before), examples.batch(4)).keys.tolist()
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_tie_is_no_failure() -> None:
    assert _check_label(Label(), [[1.0, 1.0]], [[2.0, 0.0]]) == [0.0]


def test_a_row_that_may_have_lost_its_label_is_unjudged() -> None:
    case = examples.scores()
    kept = np.arange(len(case.batch)) != 1
    batch = examples.batch(invariant=kept)
    assert Label().check(case.seen, case.reference, batch).judged.tolist() == kept.tolist()


def test_one_score_cannot_be_judged_as_classes_and_the_message_says_what_to_do() -> None:
    seen = examples.observation(torch.zeros((2, 1)))
    with pytest.raises(ConfigError, match=r"task=\"binary\" for a yes/no model"):
        Label().check(seen, seen, examples.batch(2))


def test_a_label_beyond_the_scores_is_refused() -> None:
    oracle = Label()
    oracle.bind(torch.tensor([7]))
    seen = examples.observation(torch.zeros((1, 3)))
    with pytest.raises(ConfigError, match="label 7"):
        oracle.check(seen, seen, examples.batch(1))


def _deviation(oracle: Tolerance, change: float) -> float:
    before = torch.tensor([[10.0]])
    seen = examples.observation(before + change)
    return float(oracle.check(seen, examples.observation(before), examples.batch(1)).margin)


def test_deeptests_rule_tolerates_lambda_times_the_models_own_squared_error() -> None:
    oracle = Tolerance(mse=0.2)
    assert oracle.tolerated == pytest.approx(1.0)
    assert _deviation(oracle, 0.999) < 0 < _deviation(oracle, 1.001)
    assert _deviation(oracle, -1.5) == pytest.approx(0.5)


def test_a_bound_is_absolute() -> None:
    oracle = Tolerance(bound=0.5)
    assert _deviation(oracle, 0.49) < 0 < _deviation(oracle, -0.51)


def test_several_values_count_by_the_mean_of_their_squares() -> None:
    before, after = torch.zeros((1, 4)), torch.tensor([[2.0, 0.0, 0.0, 0.0]])
    margin = Tolerance(bound=1.0).check(examples.observation(after), examples.observation(before), examples.batch(1))
    assert float(margin.margin) == pytest.approx(0.0)


def test_too_low_and_too_high_are_two_faults() -> None:
    before, after = torch.zeros((2, 1)), torch.tensor([[3.0], [-3.0]])
    verdict = Tolerance(bound=1.0).check(examples.observation(after), examples.observation(before), examples.batch(2))
    assert verdict.keys.tolist() == [1, 0]


def test_a_value_is_told_with_no_more_digits_than_it_has() -> None:
    before, after = torch.tensor([[0.1]]), torch.tensor([[-2.7]])
    details = Tolerance(bound=1.0).explain(
        examples.observation(after), examples.observation(before), examples.batch(1), 0
    )
    assert (details["expected"], details["observed"]) == (0.1, -2.7)


def test_a_bound_value_is_expected_where_a_seed_has_one() -> None:
    oracle = Tolerance(bound=1.0)
    oracle.bind(torch.tensor([5.0, math.nan]))
    seen = examples.observation(torch.tensor([[0.0], [0.0]]))
    assert oracle.check(seen, seen, examples.batch(2)).failed.tolist() == [True, False]
    assert oracle.explain(seen, seen, examples.batch(2), 0)["expected_from"] == "label"
    assert oracle.explain(seen, seen, examples.batch(2), 1)["expected_from"] == "model"


def test_class_numbers_are_no_values() -> None:
    oracle = Tolerance(bound=1.0)
    oracle.bind(torch.tensor([-1, 7]))
    seen = examples.observation(torch.zeros((2, 1)))
    assert not oracle.check(seen, seen, examples.batch(2)).failed.any()


def test_the_models_error_may_be_bound_later() -> None:
    oracle = Tolerance()
    with pytest.raises(ConfigError, match="needs bound"):
        _ = oracle.tolerated
    oracle.bind(torch.tensor([math.nan]), mse=0.05)
    assert oracle.tolerated == pytest.approx(0.5)
    assert oracle.describe() == {"factor": 5.0, "mse": 0.05}


def test_with_nothing_known_half_the_spread_of_the_outputs_is_tolerated() -> None:
    oracle = Tolerance()
    oracle.calibrate(Floor(spread=4.0))
    assert oracle.tolerated == 2.0
    stated = Tolerance(mse=0.2)
    stated.calibrate(Floor(spread=4.0))
    assert stated.tolerated == pytest.approx(1.0)


@pytest.mark.parametrize("arguments", [{"bound": 1.0, "mse": 1.0}, {"bound": 0.0}, {"mse": -1.0}, {"factor": math.nan}])
def test_tolerances_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Tolerance(**arguments)


def test_the_floor_is_told_in_the_oracles_own_unit() -> None:
    floor = Floor(single=1e-3, spread=1.0)
    assert Label().noise(floor) == pytest.approx(8e-3)
    assert Tolerance(bound=2.0).noise(floor) == pytest.approx(4e-3)
