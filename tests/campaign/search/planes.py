"""A plane between two classes, as a gap: what searches are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

import mlfuzz
from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.boundary import Bound, Seen
from mlfuzz.campaign.search.projection import bounded
from mlfuzz.mutators.limits.limits import Limits

SIDE = 8
EIGHT_BIT = mlfuzz.Image(size=(SIDE, SIDE))
FLOATS = mlfuzz.Image(size=(SIDE, SIDE), grid="float32")


@dataclass
class Plane:
    """Scores a picture by its mean against `at`; hits lie within `width` beyond it. Counts what it is asked."""

    at: float = 0.5
    width: float = np.inf
    asked: Indices = field(default_factory=lambda: np.zeros(64, np.int64))

    def gap(self, rows: TensorRows, which: Indices) -> Seen:
        np.add.at(self.asked, which, 1)
        value = self._value(rows.data)
        hit = value if self.width == np.inf else torch.minimum(value, self.width - value)
        return Seen(value, hit)

    def slope(self, rows: TensorRows, which: Indices) -> tuple[Tensor, Tensor]:
        np.add.at(self.asked, which, 2)
        leaf = rows.data.clone().requires_grad_()
        value = self._value(leaf)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), gradient

    def _value(self, data: Tensor) -> Tensor:
        weights = torch.linspace(0.5, 1.5, SIDE * SIDE)
        return (data.flatten(1) * weights).mean(1) - self.at


def pictures(modality: mlfuzz.Image, count: int = 5, *, level: float = 0.35) -> TensorRows:
    """Rows (count, 1, 8, 8) on the dark side of the plane."""
    rng = np.random.default_rng(3)
    data = torch.from_numpy(rng.uniform(level - 0.05, level + 0.05, (count, 1, SIDE, SIDE)).astype(np.float32))
    return TensorRows(data, modality).project()


def within(roots: TensorRows, reach: float) -> Bound:
    return bounded(roots, Limits(linf=reach))


def on_grid(rows: TensorRows) -> bool:
    return torch.equal(rows.data, rows.project().data)


def farthest(rows: TensorRows, roots: TensorRows) -> float:
    return float((rows.data - roots.data).abs().max())
