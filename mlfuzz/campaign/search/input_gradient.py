"""The gradient of a target's answer with respect to its input, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Indices, Rows, TensorRows
from mlfuzz.campaign.search.boundary import Slope
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
        return seen.main.float().flatten(1).square().sum(1)

    try:
        _, gradient = slope_of(target, total)(rows, np.arange(len(rows)))
    except Exception:  # noqa: BLE001  whatever the system under test raises here, it has no usable gradient
        return False
    return bool(torch.isfinite(gradient).all()) and bool(gradient.any())
