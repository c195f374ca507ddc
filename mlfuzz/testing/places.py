"""The law of operators that move what is seen: what they declare (`mlfuzz.placemap`) is what they do to a picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from mlfuzz.batch import Recorded, Step, TensorRows
from mlfuzz.modality.base import Modality
from mlfuzz.mutators.base import Mutator
from mlfuzz.placemap import Course, course
from mlfuzz.testing.rows import example_rows

NEAR = 0.35
"""Pixels by which a place may be off: operators read between pixels, and 8-bit levels of a ramp are steps."""

EDGE = 1.5
"""Pixels from the border within which reading mixes in what lies outside."""

ROWS = 12


def what_moves_says_where_to(part: Mutator, modality: Modality) -> None:
    """Geometry declares a place map; a map declared leads each pixel back to where it was read, and forth again.

    Shown on two ramps, whose levels tell the place they were read from, and on hidden places, which tell nothing.
    """
    if part.modality != "image":
        return
    _require(part, part.moves_places or part.kind != "geometry", "moves the picture: declare where to with place_map=")
    rows = example_rows(modality, ROWS)
    if not part.moves_places or not isinstance(rows, TensorRows) or rows.data.shape[1] < part.min_channels:
        return
    drawn = part.draw(ROWS, np.random.default_rng(9))
    recorded = part.record(rows, drawn, np.arange(ROWS))
    height, width = (int(side) for side in rows.data.shape[-2:])
    chains = [(Step(part.name, part.version, 0, ROWS, recorded).mutation(row),) for row in range(ROWS)]
    way = course(chains, (height, width), torch.device("cpu"))
    traced = way.traced((height, width))
    inside = _inside(traced, height, width)
    for axis, size in enumerate((width, height)):
        read = _read(part, rows, recorded, axis)
        expected = _ramp(traced, axis, size, height, width)
        apart = ((read - expected).abs() * size)[inside]
        worst = float(apart.max()) if len(apart) else 0.0
        step = 0.0 if modality.levels is None else size / modality.levels
        _require(part, worst <= NEAR + step, f"reads up to {worst:.2f} px from where its place_map says")
    _there_and_back(part, way, traced, inside)


def _read(part: Mutator, rows: TensorRows, recorded: Recorded, axis: int) -> Tensor:
    """What the operator makes of a picture whose levels rise along the axis, (B, H, W)."""
    height, width = rows.data.shape[-2:]
    size = (width, height)[axis]
    ramp = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    picture = ramp.expand(height, width) if axis == 0 else ramp[:, None].expand(height, width)
    seen = part.apply(rows.with_data(picture.expand_as(rows.data).contiguous()).project(), recorded)
    assert isinstance(seen, TensorRows)
    return seen.data[:, 0]


def _ramp(traced: Tensor, axis: int, size: int, height: int, width: int) -> Tensor:
    """The level that each place has on the ramp: of it between pixels, so that the picture's ends are flat."""
    ramp = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    picture = ramp.expand(height, width) if axis == 0 else ramp[:, None].expand(height, width)
    grid = traced.nan_to_num(0.0) * (2 / traced.new_tensor([width, height])) - 1
    shown = picture[None, None].expand(len(traced), 1, height, width)
    return grid_sample(shown, grid, padding_mode="border", align_corners=False)[:, 0]


def _inside(traced: Tensor, height: int, width: int) -> Tensor:
    x, y = traced[..., 0], traced[..., 1]
    return (x > EDGE) & (x < width - EDGE) & (y > EDGE) & (y < height - EDGE)


def _there_and_back(part: Mutator, way: Course, traced: Tensor, inside: Tensor) -> None:
    """A place that was traced back to the seed is found again where it came from."""
    count, height, width, _ = traced.shape
    found = way.followed(traced.nan_to_num(0.0).reshape(count, -1, 2))
    x = torch.arange(width, dtype=torch.float32) + 0.5
    y = torch.arange(height, dtype=torch.float32) + 0.5
    centres = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)
    apart = (found.places.reshape(traced.shape) - centres).norm(dim=-1)[inside]
    worst = float(apart.max()) if len(apart) else 0.0
    _require(part, worst <= NEAR, f"its place_map leads {worst:.2f} px from where it came from, there and back")
    _require(
        part,
        bool((found.inside & ~found.hidden).reshape(inside.shape)[inside].all()),
        "its place_map loses places that it shows",
    )


def _require(part: Mutator, holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(f"{part.name}: {message}")
