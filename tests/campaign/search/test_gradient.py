"""Steps along the gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from campaign.search.planes import EIGHT_BIT, FLOATS, Plane, farthest, on_grid, pictures, within
from torch import nn

import mlfuzz
from mlfuzz.batch import TensorRows
from mlfuzz.campaign.search.boundary import beyond
from mlfuzz.campaign.search.gradient import ascend, differentiable, slope_of


@pytest.mark.parametrize("modality", [EIGHT_BIT, FLOATS], ids=["uint8", "float32"])
def test_every_row_crosses_on_the_grid_and_within_its_limits(modality: mlfuzz.Image) -> None:
    rows, plane = pictures(modality), Plane()
    walked = ascend(plane.slope, rows, within(rows, 0.2), span=0.2)
    assert walked.crossed.all()
    assert (plane.gap(walked.outside, np.arange(5)).gap > 0).all()
    assert (plane.gap(walked.inside, np.arange(5)).gap <= 0).all()
    assert on_grid(walked.outside)
    assert farthest(walked.outside, rows) <= 0.2 + 1e-6


def test_a_boundary_out_of_reach_is_not_crossed_and_nothing_leaves_the_limits() -> None:
    rows, plane = pictures(EIGHT_BIT), Plane(at=0.9)
    walked = ascend(plane.slope, rows, within(rows, 0.1), span=0.1, most=20)
    assert not walked.crossed.any()
    assert not walked.hit.any()
    assert farthest(walked.outside, rows) <= 0.1 + 1e-6


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_a_walk_never_exceeds_its_evaluations(most: int) -> None:
    rows, plane = pictures(EIGHT_BIT), Plane(at=0.9)
    walked = ascend(plane.slope, rows, within(rows, 0.3), span=0.3, most=most)
    assert walked.spent.max() <= most
    assert walked.spent.tolist() == plane.asked[:5].tolist()


def test_overflowing_scores_are_found_within_ten_evaluations() -> None:
    """TensorFuzz's first experiment in small: large weights, and a softmax that overflows above 88."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-1.0, 1.0)
    target = mlfuzz.ModuleTarget("overflow", mlfuzz.Image(size=(8, 8), grid="float32", range=(-1.0, 1.0)), model)
    rows = TensorRows(torch.rand((3, 1, 8, 8), generator=torch.Generator().manual_seed(1)), target.modality)
    slope = slope_of(target, lambda seen, which: seen.main.abs().amax(1) / 88.0 - 1.0)
    assert (target.run(rows).main.abs().amax(1) < 60).all()
    walked = ascend(slope, rows, within(rows, 1.0), span=1.0, steps=3, most=10)
    assert walked.crossed.all()
    assert torch.exp(target.run(walked.outside).main.abs().amax(1)).isinf().all()


def test_black_boxes_and_preprocessing_outside_of_torch_have_no_gradient() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).eval()
    rows = pictures(EIGHT_BIT)
    plain = mlfuzz.ModuleTarget("plain", EIGHT_BIT, model)
    detached = mlfuzz.ModuleTarget(
        "detached", EIGHT_BIT, model, preprocess=lambda images: torch.from_numpy(images.detach().numpy() * 2)
    )
    box = mlfuzz.CallableTarget("box", EIGHT_BIT, lambda images: model(images))
    assert [differentiable(target, rows) for target in (plain, detached, box)] == [True, False, False]


def test_a_traced_target_answers_as_it_does_in_a_run() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    target = mlfuzz.ModuleTarget("traced", EIGHT_BIT, model)
    rows = pictures(EIGHT_BIT)
    run, traced = target.run(rows), target.trace(rows)
    assert torch.equal(run.main, traced.main.detach())
    assert torch.equal(run.activations, traced.activations.detach())


def test_beyond_is_above_zero_once_another_class_wins() -> None:
    scores = torch.tensor([[1.0, 3.0, 2.0], [5.0, 1.0, 0.0]])
    assert beyond(scores, torch.tensor([1, 1])).tolist() == [-1.0, 4.0]
