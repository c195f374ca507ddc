"""The gradient of an answer by its input, and steps along its signs until a boundary is crossed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Indices, Rows, TensorRows
from mlfuzz.campaign.search.boundary import GRADIENT_COST, Bound, Slope, Walked, column, put, spread, start
from mlfuzz.observation import Observation

Score = Callable[[Observation, Indices], Tensor]
"""(what the target said of rows, which rows) -> (B,), differentiable."""


class Traced(Protocol):
    """A target whose answers can be differentiated: `ModuleTarget`, alone or with variants beside it."""

    def trace(self, rows: Rows) -> Observation: ...


def slope_of(target: Traced, score: Score) -> Slope:
    """One forward and one backward pass; the weights' own gradients are not computed."""

    def slope(rows: TensorRows, which: Indices) -> tuple[Tensor, Tensor]:
        leaf = rows.data.detach().clone().requires_grad_()
        values = score(target.trace(replace(rows, data=leaf)), which)
        if not values.requires_grad:
            return values.detach(), torch.zeros_like(leaf)
        (gradient,) = torch.autograd.grad(
            torch.nan_to_num(values, posinf=0.0, neginf=0.0).sum(), leaf, allow_unused=True
        )
        return values.detach(), torch.zeros_like(leaf) if gradient is None else gradient.detach()

    return slope


def differentiable(target: Any, rows: TensorRows) -> bool:
    """Whether the main output of these rows moves with the input: no for black boxes, for preprocessing outside of
    torch, and for modules that have no backward pass."""
    if getattr(target, "trace", None) is None:
        return False

    def total(seen: Observation, _: Indices) -> Tensor:
        return seen.main.float().reshape(len(seen.main), -1).square().sum(1)

    try:
        _, gradient = slope_of(target, total)(rows, np.arange(len(rows)))
    except Exception:  # noqa: BLE001  whatever the system under test raises here, it has no usable gradient
        return False
    return bool(torch.isfinite(gradient).all()) and bool(gradient.any())


OVERSHOOT = 1.1
"""A step goes so many times as far as a straight line would have to: the boundary is curved."""

STEPS = 8
"""So many steps lead from a seed to any corner of the ball."""


def ascend(
    slope: Slope, rows: TensorRows, bound: Bound, *, span: float, steps: int = STEPS, rounds: int = 2 * STEPS,
    most: int = 64,
) -> Walked:  # fmt: skip
    """Walk from each row until its gap is above 0.

    span: the farthest a value may come, of full scale (the limit's L-infinity; 1 without one). A step is as long as
    the linear model asks for, at least span / steps. most: evaluations a row; a gradient counts as two.
    `inside` is the last iterate before the boundary, `outside` the first beyond it; hits are those of the gap itself.
    Source: DeepFool (Moosavi-Dezfooli et al., CVPR 2016), in L-infinity, with the fixed steps of PGD (Madry et al.,
    ICLR 2018) as a floor.
    """
    walked = start(rows)
    inside, outside, current = rows, rows, rows
    gaps, crossed, spent = walked.gaps.copy(), walked.crossed.copy(), walked.spent.copy()
    active = np.arange(len(rows))
    for _ in range(rounds + 1):
        if not len(active) or spent[active[0]] + GRADIENT_COST > most:
            break
        here = current.take(active)
        values, gradient = slope(here, active)
        gap = column(values)
        spent[active] += GRADIENT_COST
        over = gap > 0
        better = over | (gap > gaps[active])
        outside = put(outside, active[better], here.take(np.flatnonzero(better)))
        gaps[active] = np.where(better, gap, gaps[active])
        crossed[active[over]] = True
        active, here = active[~over], here.take(np.flatnonzero(~over))
        inside = put(inside, active, here)
        left = torch.from_numpy(~over).to(gradient.device)
        current = put(current, active, _step(here, active, gap[~over], gradient[left], bound, span, steps))
    hits = np.where(crossed, gaps, np.minimum(gaps, 0)).astype(np.float32)
    return Walked(inside, outside, gaps, crossed, outside, hits, spent)


def _step(
    rows: TensorRows, which: Indices, gap: np.ndarray[tuple[int], np.dtype[np.float32]], gradient: Tensor,
    bound: Bound, span: float, steps: int,
) -> TensorRows:  # fmt: skip
    """One step for rows short of the boundary. gap: (B,) <= 0."""
    signs = torch.nan_to_num(gradient).sign()
    levels = rows.modality.levels
    least = max(span / steps, 1.0 / levels if levels else 0.0)
    # Values that lie at their limit already cannot help: the others must do it.
    probe = bound(replace(rows, data=rows.data + signs * least), which)
    free = (probe.data != rows.data).flatten(1)
    reach = (torch.nan_to_num(gradient).flatten(1).abs() * free).sum(1).clamp_min(1e-30).cpu().numpy()
    length = np.clip(OVERSHOOT * -np.nan_to_num(gap, neginf=0.0) / reach, least, max(span, least)).astype(np.float32)
    return bound(replace(rows, data=rows.data + signs * spread(length, rows.data)), which)
