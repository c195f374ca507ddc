"""NaN and infinity: where they are seen, and that larger numbers are nearer."""

from __future__ import annotations

import torch

from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.numeric import KINDS, Nonfinite
from mlfuzz.testing import examples


def _margins(main: torch.Tensor, activations: torch.Tensor | None = None) -> torch.Tensor:
    seen = examples.observation(main, activations)
    return Nonfinite().check(seen, seen, examples.batch(len(main))).margin


def test_a_row_whose_largest_number_is_larger_is_nearer_to_failing() -> None:
    margins = _margins(torch.tensor([[0.0, 0.0], [1.0, -2.0], [-50.0, 1.0], [3e38, 0.0]]))
    assert margins.tolist() == sorted(margins.tolist())
    assert len(set(margins.tolist())) == 4
    assert bool((margins < 0).all())


def test_a_layer_near_overflow_counts_as_much_as_the_output() -> None:
    margins = _margins(torch.ones((2, 3)), torch.tensor([[1.0, 2.0], [1.0, -1e30]]))
    assert margins[1] > margins[0]


def test_the_key_tells_nan_from_infinity_and_output_from_layer() -> None:
    case = examples.nonfinite()
    keys = Nonfinite().check(case.seen, case.reference, case.batch).keys
    assert [KINDS[int(keys[row])] for row in (1, 3, 5, 7)] == list(KINDS)


def test_it_explains_what_was_seen_where_and_how_large_numbers_were_before() -> None:
    case = examples.nonfinite()
    details = Nonfinite().explain(case.seen, case.reference, case.batch, 5)
    assert details["observed"] == "NaN in a layer"
    assert details["units"] == [1]
    assert details["largest_before"] > 0


def test_half_precision_outputs_are_judged_in_single() -> None:
    margins = _margins(torch.tensor([[1.0], [65504.0], [float("inf")]], dtype=torch.float16))
    assert margins.dtype == torch.float32
    assert (margins > 0).tolist() == [False, False, True]


def test_text_answers_are_judged_by_their_layers_alone() -> None:
    layers = torch.tensor([[1.0], [float("nan")]])
    seen = Observation({"main": ("a", "b")}, layers)
    assert Nonfinite().check(seen, seen, examples.batch(2)).failed.tolist() == [False, True]


def test_a_target_without_numbers_at_all_never_fails() -> None:
    seen = Observation({"main": ("a", "b")}, torch.zeros((2, 0)))
    assert not Nonfinite().check(seen, seen, examples.batch(2)).failed.any()


def test_nan_in_a_sequence_fails_its_row() -> None:
    values = torch.ones((2, 3, 4))
    values[1, 2, 3] = torch.nan
    seen = Observation({"main": Ragged(values, torch.tensor([3, 3]))}, torch.zeros((2, 0)))
    assert Nonfinite().check(seen, seen, examples.batch(2)).failed.tolist() == [False, True]
