"""What a search is told of a row: how far it is on the other side of a boundary, and whether it is what is sought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Indices, Rows, TensorRows
from mlfuzz.modality.base import magnitude

GRADIENT_COST = 2
"""Evaluations that one gradient counts as: its forward pass, and a backward pass to the input, which costs as much."""


class Seen(NamedTuple):
    """Of B rows.

    gap: (B,) signed distance to the boundary that is walked to: > 0 beyond it. Units are the caller's.
    hit: (B,) > 0 exactly where a row is what is sought; the larger the better. Where the two are one, the same tensor.
    NaN in either: the row could not be judged.
    """

    gap: Tensor
    hit: Tensor


Gap: TypeAlias = Callable[[TensorRows, Indices], Seen]
"""(rows, which of the search's rows they come from (B,)) -> what is seen of them. One forward pass."""

Slope: TypeAlias = Callable[[TensorRows, Indices], tuple[Tensor, Tensor]]
"""(rows, which) -> (gap (B,), its gradient, of the rows' shape). One forward and one backward pass."""

Bound: TypeAlias = Callable[[TensorRows, Indices], TensorRows]
"""(rows, which) -> the nearest rows on the grid that lie within the limits of their roots."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a search is to solve, and what it may go by.

    gap: its objective. bound: its constraint; span: the limits' L-infinity, of full scale.
    slope: where the gap can be differentiated. Without it the boundary is crossed by blending with `others`, those that
    `near` names of each row, (B, K) as for `black_box.blend`, and by chance.
    """

    gap: Gap
    bound: Bound
    span: float
    slope: Slope | None = None
    others: TensorRows | None = None
    near: Indices | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """Where B searches stand.

    inside, outside: rows on either side of the boundary; equal to the start where nothing beyond was found.
    gaps: (B,) of `outside`, the largest seen where it was not crossed. crossed: (B,).
    found: the rows with the best hit. hits: (B,) theirs, -inf where none was judged. spent: (B,) evaluations.
    """

    inside: TensorRows
    outside: TensorRows
    gaps: NDArray[np.float32]
    crossed: NDArray[np.bool_]
    found: TensorRows
    hits: NDArray[np.float32]
    spent: Indices

    @property
    def hit(self) -> NDArray[np.bool_]:
        """(B,) where what was sought is found."""
        return self.hits > 0

    def take(self, rows: Indices) -> Walked:
        return Walked(
            self.inside.take(rows), self.outside.take(rows), self.gaps[rows], self.crossed[rows],
            self.found.take(rows), self.hits[rows], self.spent[rows],
        )  # fmt: skip


def start(rows: TensorRows) -> Walked:
    """Nothing has been done."""
    count = len(rows)
    low = np.full(count, -np.inf, np.float32)
    return Walked(rows, rows, low, np.zeros(count, np.bool_), rows, low.copy(), np.zeros(count, np.int64))


def put(rows: TensorRows, which: Indices, others: TensorRows) -> TensorRows:
    """`rows` with others at the places `which`; a copy."""
    if not len(which):
        return rows
    data = rows.data.clone()
    data[torch.from_numpy(which).to(data.device)] = others.data
    return replace(rows, data=data)


def column(values: Tensor) -> NDArray[np.float32]:
    """(B,) on the host, unjudged (NaN) as minus infinity."""
    numbers: NDArray[np.float32] = values.detach().float().cpu().numpy()
    return np.where(np.isnan(numbers), np.float32(-np.inf), numbers)


def spread(values: NDArray[np.generic], like: Tensor) -> Tensor:
    """(B,) -> (B, 1, ...) on the device of `like`, to be put against its values."""
    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device).reshape(-1, *[1] * (like.dim() - 1))


def beyond(scores: Tensor, classes: Tensor) -> Tensor:
    """(B, classes) scores, (B,) the class to leave -> best other score - that class's score (B,): > 0 once left."""
    own = scores.gather(1, classes[:, None])[:, 0]
    others = scores.scatter(1, classes[:, None], -torch.inf).amax(1)
    return others - own


def disagreement(reference: Tensor, other: Tensor) -> Tensor:
    """Two answers to the same rows, (B, classes) each -> (B,): > 0 where they name different classes.

    There it is the reference's own margin between the two classes: how wrong the other one is. Elsewhere it is minus
    the smaller distance to the next class, of the two.
    """
    got, wanted = other.argmax(1), reference.argmax(1)
    severity = reference.gather(1, wanted[:, None]) - reference.gather(1, got[:, None])
    top, bottom = reference.topk(2, dim=1).values, other.topk(2, dim=1).values
    near = torch.minimum(top[:, 0] - top[:, 1], bottom[:, 0] - bottom[:, 1])
    return torch.where(got != wanted, severity[:, 0].clamp_min(torch.finfo(reference.dtype).tiny), -near)


def unit_of(rows: Rows) -> float:
    """One step of the grid; of a float32 grid, what float32 can still tell near the middle of the range."""
    if not isinstance(rows, TensorRows):
        return FLOAT_UNIT
    levels = rows.modality.levels
    return 1.0 / levels if levels else FLOAT_UNIT * magnitude(rows.modality)


FLOAT_UNIT = 2.0**-22
"""Steps of float32 in [0.25, 0.5) are 2**-25; a few of them can be told apart by a model in float32."""
