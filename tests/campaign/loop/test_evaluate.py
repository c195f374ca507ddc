"""Gini impurity of class scores."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mlfuzz.campaign.loop.evaluate import gini
from mlfuzz.observation import Observation


def of(output: Tensor, classes: int = 3) -> list[float]:
    return gini(Observation({"main": output}, torch.zeros((len(output), 0))), classes)[:, 0].tolist()


def test_logits_and_their_probabilities_are_equally_uncertain() -> None:
    logits = torch.tensor([[3.0, 1.0, -2.0], [0.0, 0.0, 0.0], [40.0, 0.0, 0.0]])
    assert of(logits) == pytest.approx(of(logits.softmax(1)), abs=1e-6)
    assert of(logits)[1] == pytest.approx(2 / 3)
    assert of(logits)[2] == pytest.approx(0.0, abs=1e-6)


def test_what_is_no_number_is_not_uncertain() -> None:
    assert of(torch.tensor([[float("nan"), 1.0, 2.0], [float("inf"), 0.0, 0.0]])) == [0.0, 0.0]


def test_outputs_that_are_no_class_scores_are_never_uncertain() -> None:
    assert of(torch.ones((2, 5))) == [0.0, 0.0]
    assert of(torch.ones((2, 3, 4))) == [0.0, 0.0]
    seen = Observation({"main": ("calm", "loud")}, torch.zeros((2, 4)))
    assert gini(seen, 2)[:, 0].tolist() == [0.0, 0.0]
