"""Bisection and dither next to a boundary, and the ways across without gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from campaign.search.planes import EIGHT_BIT, FLOATS, Plane, farthest, on_grid, pictures, within

import mlfuzz
from mlfuzz.batch import TensorRows
from mlfuzz.campaign.search.bisect import bisect, narrow
from mlfuzz.campaign.search.black_box import blend, nearest, patches
from mlfuzz.campaign.search.boundary import Problem, Seen, Walked, disagreement, start
from mlfuzz.campaign.search.differential import disagree, toward
from mlfuzz.campaign.search.dither import dither
from mlfuzz.campaign.search.gradient import ascend
from mlfuzz.campaign.search.projection import admitted, bounded, spanned
from mlfuzz.mutators.limits.limits import Limits


def pair(plane: Plane, rows: TensorRows, reach: float = 0.3) -> Walked:
    return ascend(plane.slope, rows, within(rows, reach), span=reach)


def test_bisection_ends_within_one_level_of_the_grid_on_either_side() -> None:
    rows, plane = pictures(EIGHT_BIT), Plane()
    walked = bisect(plane.gap, pair(plane, rows), seek=False)
    assert farthest(walked.inside, walked.outside) <= 1.001 / 255
    assert (plane.gap(walked.inside, np.arange(5)).gap <= 0).all()
    assert (plane.gap(walked.outside, np.arange(5)).gap > 0).all()
    assert on_grid(walked.inside)
    assert on_grid(walked.outside)


def test_bisection_on_a_float_grid_ends_where_float32_does() -> None:
    rows, plane = pictures(FLOATS), Plane()
    walked = bisect(plane.gap, pair(plane, rows), seek=False)
    assert farthest(walked.inside, walked.outside) < 1e-6


def test_a_narrowed_pair_differs_in_one_value_by_one_level() -> None:
    rows, plane = pictures(EIGHT_BIT), Plane()
    walked = narrow(
        plane.gap, bisect(plane.gap, pair(plane, rows), seek=False), rng=np.random.default_rng(0), seek=False
    )
    apart = (walked.outside.data - walked.inside.data).flatten(1)
    assert ((apart != 0).sum(1) == 1).all()
    assert farthest(walked.inside, walked.outside) <= 1.001 / 255
    assert (plane.gap(walked.inside, np.arange(5)).gap <= 0).all()
    assert (plane.gap(walked.outside, np.arange(5)).gap > 0).all()


def test_bisection_stops_at_what_is_sought_only_where_it_is_asked_to() -> None:
    rows = pictures(EIGHT_BIT)
    wide = Plane(width=0.05)
    crossed = pair(wide, rows)
    crossed = Walked(
        crossed.inside, crossed.outside, crossed.gaps, crossed.crossed, crossed.found,
        np.full(5, -np.inf, np.float32), crossed.spent,
    )  # fmt: skip
    first, all_ = bisect(wide.gap, crossed), bisect(wide.gap, crossed, seek=False)
    assert first.hit.all()
    assert (first.spent < all_.spent).all()


@pytest.mark.parametrize("modality", [EIGHT_BIT, FLOATS], ids=["uint8", "float32"])
def test_dither_stays_on_the_grid_and_inside_the_limits_and_finds_a_thin_target(modality: mlfuzz.Image) -> None:
    rows = pictures(modality)
    thin = Plane(width=2e-5)
    problem = Problem(thin.gap, within(rows, 0.3), 0.3, slope=thin.slope)
    walked = disagree(problem, rows, rng=np.random.default_rng(0), most=4000)
    assert walked.hit.all()
    assert (thin.gap(walked.found, np.arange(5)).hit > 0).all()
    assert on_grid(walked.found)
    assert farthest(walked.found, rows) <= 0.3 + 1e-6


def test_dither_without_a_goal_spends_all_on_a_better_one() -> None:
    rows, plane = pictures(EIGHT_BIT), Plane(width=0.05)
    bound = within(rows, 0.3)
    close = bisect(plane.gap, pair(plane, rows), seek=False)
    one = dither(plane.gap, close, bound, rng=np.random.default_rng(0), most=300)
    better = dither(plane.gap, close, bound, rng=np.random.default_rng(0), most=300, seek=False)
    assert (better.hits >= one.hits).all()
    assert (better.spent == 300).all()


@pytest.mark.parametrize("most", [1, 7, 40, 333, 1000])
@pytest.mark.parametrize("white", [True, False])
def test_a_search_never_exceeds_its_evaluations(most: int, white: bool) -> None:
    rows, thin = pictures(EIGHT_BIT), Plane(width=1e-9)
    problem = Problem(thin.gap, within(rows, 0.3), 0.3, slope=thin.slope if white else None)
    walked = disagree(problem, rows, rng=np.random.default_rng(0), most=most)
    assert walked.spent.max() <= max(most, 2)
    assert walked.spent.tolist() == thin.asked[:5].tolist()


def test_two_searches_of_one_seed_are_the_same() -> None:
    rows, thin = pictures(EIGHT_BIT), Plane(width=1e-6)
    problem = Problem(thin.gap, within(rows, 0.3), 0.3)
    one, two = (disagree(problem, rows, rng=np.random.default_rng(5), most=200) for _ in range(2))
    assert torch.equal(one.found.data, two.found.data)
    assert one.spent.tolist() == two.spent.tolist()


def test_a_blend_goes_no_further_towards_another_input_than_the_limits_allow() -> None:
    rows, bright, plane = pictures(EIGHT_BIT), pictures(EIGHT_BIT, 3, level=0.8), Plane()
    near = nearest(rows, np.zeros(5, np.int64), bright, np.ones(3, np.int64))
    walked = blend(plane.gap, rows, within(rows, 0.25), bright, near)
    assert walked.crossed.all()
    assert walked.spent.tolist() == [1] * 5
    assert 0.2 < farthest(walked.outside, rows) <= 0.25 + 1e-6
    assert (nearest(rows, np.zeros(5, np.int64), bright, np.zeros(3, np.int64)) == -1).all()


def test_patches_alone_find_the_way_across() -> None:
    rows, plane = pictures(EIGHT_BIT), Plane()
    walked = patches(plane.gap, start(rows), within(rows, 0.3), span=0.3, rng=np.random.default_rng(0), most=400)
    assert walked.crossed.all()
    assert on_grid(walked.outside)
    assert farthest(walked.outside, rows) <= 0.3 + 1e-6
    assert toward(Problem(plane.gap, within(rows, 0.3), 0.3), rows, rng=np.random.default_rng(0), most=400).hit.all()


@pytest.mark.parametrize("limits", [Limits(ssim=0.97), Limits(alpha_beta=(0.0, 0.16)), Limits(linf=0.3, l0=0.5)])
def test_whatever_limit_is_set_holds_for_every_row_that_is_asked(limits: Limits) -> None:
    rows, plane = pictures(EIGHT_BIT), Plane(at=0.38)
    outside = 0

    def gap(tried: TensorRows, which: np.ndarray) -> Seen:
        nonlocal outside
        outside += int((~admitted(tried, rows.take(which), limits, kind="replace")).sum())
        return plane.gap(tried, which)

    problem = Problem(gap, bounded(rows, spanned(limits, 0.3)), 0.3)
    walked = toward(problem, rows, rng=np.random.default_rng(0), most=300)
    assert outside == 0
    assert walked.spent.min() > 0
    assert walked.hit.any() or limits.l0


def test_rows_that_cannot_be_judged_are_no_hits() -> None:
    rows = pictures(EIGHT_BIT, 2)

    def nothing(tried: TensorRows, which: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        blank = torch.full((len(tried),), torch.nan)
        return blank, blank

    class Blank:
        @staticmethod
        def gap(tried: TensorRows, which: np.ndarray):
            return Seen(*nothing(tried, which))

    walked = disagree(Problem(Blank.gap, within(rows, 0.1), 0.1), rows, rng=np.random.default_rng(0), most=30)
    assert not walked.hit.any()
    assert not walked.crossed.any()


def test_a_disagreement_is_as_severe_as_the_reference_is_sure() -> None:
    one = torch.tensor([[2.0, 1.5, 0.0], [2.0, 1.5, 0.0]])
    other = torch.tensor([[1.0, 1.25, 0.0], [3.0, 1.0, 0.0]])
    assert disagreement(one, other).tolist() == [0.5, -0.5]
