"""Where in the input of an operator each place of its output comes from: how boxes, masks and key points move along.

Places are pixels (x, y) with y pointing down: (0, 0) is the outer corner of the first pixel, whose centre lies at
(0.5, 0.5), and (width, height) the outer corner of the last one. Maps lead from the output back to the input, as the
operators read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from mlfuzz.mutation import Mutation, Value

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

ROUNDS = 16
"""Of looking for the place that a field reads a given place at: the fields are smooth, each round halves the error or
better."""


@dataclass(frozen=True, slots=True)
class Warp:
    """What one operator did to the places of R rows. At most one of matrix and field; neither: all stays where it is.

    matrix: (R, 3, 3), place of the output -> place of the input, homogeneous (x, y, 1). field: (R, H, W, 2), the place
    of the input that each pixel of the output shows. hidden: (R, H, W), pixels of the output that show nothing of the
    input's scene there: a block that covers it, a patch from elsewhere.
    """

    matrix: Tensor | None = None
    field: Tensor | None = None
    hidden: Tensor | None = None

    def source(self, places: Tensor) -> Tensor:
        """Places of the output (R, N, 2) -> the places of the input that are seen there, NaN where none is."""
        found = places
        if self.matrix is not None:
            found = _applied(self.matrix, places)
        elif self.field is not None:
            found = places + _displaced(self.field, places)
        return torch.where(self._covered(places)[..., None], torch.nan, found)

    def target(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Places of the input (R, N, 2) -> where each of them is seen in the output, and whether nothing hides it."""
        found = places
        if self.matrix is not None:
            found = _applied(torch.linalg.inv(self.matrix), places)
        elif self.field is not None:
            for _ in range(ROUNDS):
                found = places - _displaced(self.field, found)
        return found, ~self._covered(found)

    def _covered(self, places: Tensor) -> Tensor:
        """(R, N) bool, of places of the output."""
        if self.hidden is None:
            return torch.zeros(places.shape[:2], dtype=torch.bool, device=places.device)
        rows, height, width = self.hidden.shape
        x = places[..., 0].nan_to_num(-1.0).floor().long().clamp(0, width - 1)
        y = places[..., 1].nan_to_num(-1.0).floor().long().clamp(0, height - 1)
        return self.hidden.reshape(rows, -1).gather(1, y * width + x)


PlaceMap: TypeAlias = Callable[..., Warp]
"""(size, **parameters as columns (R,)) -> Warp; pure. What the operator of that name does to any picture."""

PLACE_MAPS: dict[str, PlaceMap] = {}
"""Operators that move or hide what is seen, as their declarations say."""

TRUTH_LOST: set[str] = set()
"""Operators after which what was true of the seed need not be, and which declare no map that says what is instead."""


@dataclass(frozen=True, slots=True)
class Followed:
    """places: (R, N, 2), of what has left the picture where it would be. inside: (R, N) whether it never left it.

    hidden: (R, N) of those inside, whether something stands before it.
    """

    places: Tensor
    inside: Tensor
    hidden: Tensor


@dataclass(frozen=True, slots=True)
class Course:
    """The way of B rows from their seeds: what moved where.

    moved: numbers of the rows of which something moved or was hidden. known: (B,) whether all that was done to a row
    leaves known what is true of it. steps: in order, each on some of the rows.
    """

    size: Size
    moved: tuple[int, ...]
    known: Tensor
    steps: tuple[tuple[Tensor, Warp], ...]

    def traced(self, shape: Size) -> Tensor:
        """Of the moved rows: the place on the seed that each cell of a grid of `shape` over the picture shows.

        (moved, *shape, 2), NaN for what was not on the seed: came in from outside, or hides it.
        """
        device, (height, width) = self.known.device, self.size
        x = (torch.arange(shape[1], device=device, dtype=torch.float32) + 0.5) * (width / shape[1])
        y = (torch.arange(shape[0], device=device, dtype=torch.float32) + 0.5) * (height / shape[0])
        grid = torch.stack([x.expand(shape), y[:, None].expand(shape)], -1).reshape(1, -1, 2)
        places = grid.repeat(len(self.moved), 1, 1)
        for rows, warp in reversed(self.steps):
            places[rows] = self._inside(warp.source(places[rows]))
        return places.reshape(len(self.moved), *shape, 2)

    def followed(self, places: Tensor) -> Followed:
        """Of the moved rows: where places of their seeds (moved, N, 2) are now."""
        places = places.clone()
        inside = torch.ones(places.shape[:2], dtype=torch.bool, device=places.device)
        hidden = torch.zeros_like(inside)
        for rows, warp in self.steps:
            found, shown = warp.target(places[rows])
            places[rows] = found
            inside[rows] &= ~self._inside(found).isnan().any(-1)
            hidden[rows] |= ~shown
        return Followed(places, inside, hidden & inside)

    def _inside(self, places: Tensor) -> Tensor:
        height, width = self.size
        x, y = places[..., 0], places[..., 1]
        inside = (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
        return torch.where(inside[..., None], places, torch.nan)


def course(chains: Sequence[Sequence[Mutation]], size: Size, device: torch.device) -> Course:
    """The way of each row, whose chain leads from its seed of this size (height, width) to it.

    Rows that share an operator at the same step are taken together.
    """
    levels: list[dict[str, list[tuple[int, Mapping[str, Value]]]]] = []
    moved: list[int] = []
    known = [True] * len(chains)
    for row, chain in enumerate(chains):
        steps = [step for step in chain if step.name in PLACE_MAPS]
        known[row] = not any(step.name in TRUTH_LOST for step in chain)
        if not steps:
            continue
        levels += [{} for _ in range(len(steps) - len(levels))]
        for level, step in zip(levels, steps, strict=False):
            level.setdefault(step.name, []).append((len(moved), step.params))
        moved.append(row)
    found = [
        (torch.tensor([row for row, _ in members], device=device), _warp(name, [p for _, p in members], size, device))
        for level in levels
        for name, members in level.items()
    ]
    return Course(size, tuple(moved), torch.tensor(known, dtype=torch.bool, device=device), tuple(found))


def affine(matrix: Tensor) -> Tensor:
    """(R, 2, 3) -> (R, 3, 3), for maps that are given as 2 x 3 matrices."""
    last = matrix.new_tensor([0.0, 0.0, 1.0]).expand(len(matrix), 1, 3)
    return torch.cat([matrix, last], 1)


def _warp(name: str, params: Sequence[Mapping[str, Value]], size: Size, device: torch.device) -> Warp:
    columns = {key: _column([values[key] for values in params], device) for key in params[0]}
    if not columns:  # an operator without parameters cannot tell how many rows there are
        return _repeated(PLACE_MAPS[name](size), len(params), device)
    return PLACE_MAPS[name](size, **columns)


def _column(values: list[Any], device: torch.device) -> Tensor | list[Any]:
    if all(isinstance(value, int) for value in values):
        return torch.tensor(values, dtype=torch.int64, device=device)
    if all(isinstance(value, int | float) for value in values):
        return torch.tensor(values, dtype=torch.float32, device=device)
    return values


def _repeated(warp: Warp, count: int, device: torch.device) -> Warp:
    """Of a map that knows no rows: its one row for each."""
    parts = (warp.matrix, warp.field, warp.hidden)
    return Warp(
        *(None if part is None else part.to(device).expand(count, *part.shape[1:]).contiguous() for part in parts)
    )


def _applied(matrix: Tensor, places: Tensor) -> Tensor:
    """Homogeneous matrices (R, 3, 3) on places (R, N, 2), in plain sums: one row and many give the same bits."""
    x, y = places[..., 0], places[..., 1]
    rows = [
        matrix[:, at, 0, None] * x + matrix[:, at, 1, None] * y + matrix[:, at, 2, None]
        for at in range(3)
    ]  # fmt: skip
    # What lies behind the eye of a perspective is seen nowhere.
    depth = torch.where(rows[2] > 0, rows[2], torch.nan)
    return torch.stack([rows[0] / depth, rows[1] / depth], -1)


def _displaced(field: Tensor, places: Tensor) -> Tensor:
    """How far from each place of the output (R, N, 2) its source lies, between pixels bilinear."""
    _, height, width, _ = field.shape
    extent = field.new_tensor([width, height])
    x = torch.arange(width, device=field.device, dtype=field.dtype) + 0.5
    y = torch.arange(height, device=field.device, dtype=field.dtype) + 0.5
    centres = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)
    grid = (places.nan_to_num(0.0) * (2 / extent) - 1)[:, None]
    read = grid_sample(
        (field - centres).permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return torch.where(places.isnan(), torch.nan, read[:, :, 0].permute(0, 2, 1))
