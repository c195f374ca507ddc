"""Where boxes of a seed may be once the picture has moved, and how much of what is seen there is of the seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mlfuzz.placemap import Course

ALONG = 5
"""Points looked at along each side of a box, to see where it goes."""

ACROSS = 6
"""... and across its area, each way, to see what of it can still be seen."""

BESIDE = 0.15
"""Share of a box's sides by which it is widened to see whether something stands before it or beside it: from two parts
may come two boxes, and from two things that touch one."""

LOOSE = 1.0
"""Pixels by which an edge of a moved box may be off either way: what is read between pixels has soft edges."""

COARSE = 64
"""Cells each way of a grid on which it is seen what comes from nowhere."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Where boxes of the seed may be now. low, high: (B, N, 4), each edge lies between; visible: (B, N) enough of it.

    On a picture that was turned the box is not known, only what it lies within and what sides it touched.
    """

    low: Tensor
    high: Tensor
    visible: Tensor


def carried(corners: Tensor, way: Course, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of boxes (R, N, 4): the lowest and highest place of each edge, the share in the picture, and that hidden nearby.

    What is in a box touches all of its sides somewhere. So an edge of the new box lies within the hull of the mapped
    sides, and beyond the nearest point of each side that can be seen.
    """
    rows, count, _ = corners.shape
    beside = (corners[..., 2:] - corners[..., :2]) * BESIDE
    wider = torch.cat([corners[..., :2] - beside, corners[..., 2:] + beside], -1)
    parts = [
        _sides(corners, ALONG).flatten(1, 3),
        _area(corners, ACROSS).flatten(1, 2),
        _area(wider, ACROSS).flatten(1, 2),
    ]
    followed = way.followed(torch.cat(parts, 1))
    split, area = parts[0].shape[1], parts[0].shape[1] + parts[1].shape[1]
    places = followed.places[:, :split].reshape(rows, count, 4, ALONG, 2)
    whole = (followed.inside & ~followed.hidden)[:, :split].reshape(rows, count, 4, ALONG).all(-1)
    extent = places.new_tensor([size[1], size[0]])
    outer = [places.flatten(2, 3).amin(2), places.flatten(2, 3).amax(2)]
    # The nearest and the farthest place of each side, where all of that can be seen.
    near = torch.where(whole[..., None], places.amin(3), -math.inf).amax(2)
    far = torch.where(whole[..., None], places.amax(3), math.inf).amin(2)
    first_low, last_high = outer[0] - LOOSE, outer[1] + LOOSE
    first_high = torch.minimum(far + LOOSE, last_high)
    last_low = torch.maximum(near - LOOSE, first_low)
    zero = torch.zeros_like(extent)
    low = torch.cat([first_low.clamp(zero, extent), last_low.clamp(zero, extent)], -1)
    high = torch.cat([first_high.clamp(zero, extent), last_high.clamp(zero, extent)], -1)
    inside = followed.inside[:, split:area].reshape(rows, count, -1).float().mean(-1)
    hidden = followed.hidden[:, area:].reshape(rows, count, -1).float().mean(-1)
    return low, high, inside, hidden


def share_away(corners: Tensor, way: Course) -> Tensor:
    """Of boxes on the moved rows (R, M, 4): which share of each shows nothing of the seed, (R, M)."""
    height, width = (min(side, COARSE) for side in way.size)
    nowhere = way.traced((height, width)).isnan().any(-1)
    points = _area(corners, ACROSS)
    x = (points[..., 0] * (width / way.size[1])).floor().long().clamp(0, width - 1)
    y = (points[..., 1] * (height / way.size[0])).floor().long().clamp(0, height - 1)
    return nowhere.flatten(1).gather(1, (y * width + x).flatten(1)).reshape(x.shape).float().mean(-1)


def overlaps(expected: Expected, corners: Tensor) -> Tensor:
    """(B, N, M): intersection over union of each box found with the nearest that each expected one may be."""
    found = corners[:, None]
    near = torch.minimum(torch.maximum(found, expected.low[:, :, None]), expected.high[:, :, None])
    first, last = torch.maximum(near[..., :2], found[..., :2]), torch.minimum(near[..., 2:], found[..., 2:])
    common = (last - first).clamp_min(0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).clamp_min(0).prod(-1) for each in (near, found)]
    return common / (areas[0] + areas[1] - common).clamp_min(1e-9)


def _sides(corners: Tensor, count: int) -> Tensor:
    """Points along the four sides of boxes (R, N, 4): (R, N, 4, count, 2)."""
    left, top, right, bottom = corners[..., None].unbind(2)
    along = torch.linspace(0, 1, count, device=corners.device)
    x, y = left + (right - left) * along, top + (bottom - top) * along
    pairs = ((x, top.expand_as(x)), (x, bottom.expand_as(x)), (left.expand_as(y), y), (right.expand_as(y), y))
    return torch.stack([torch.stack(pair, -1) for pair in pairs], 2)


def _area(corners: Tensor, count: int) -> Tensor:
    """Points spread over the area of boxes (R, N, 4): (R, N, count * count, 2)."""
    left, top, right, bottom = corners[..., None].unbind(2)
    along = (torch.arange(count, device=corners.device, dtype=torch.float32) + 0.5) / count
    x, y = left + (right - left) * along, top + (bottom - top) * along
    shape = (*x.shape[:2], count, count)
    return torch.stack([x[:, :, None].expand(shape), y[:, :, :, None].expand(shape)], -1).flatten(2, 3)
