"""Maps of classes: which class is where, and how far two maps agree, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.corpus.truth import UNKNOWN as NOTHING_SAID

UNKNOWN = -1
"""The class of places of which nothing is expected: what came in from outside, or is hidden."""

HALF = 31
"""Bits of a count: of no map are there more places."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Of B rows and K classes, places in which a class is: expected, seen, either; expected and not near, the reverse.

    known: (B,) places of which something is expected.
    """

    expected: Tensor
    seen: Tensor
    either: Tensor
    missing: Tensor
    surplus: Tensor
    known: Tensor

    @property
    def iou(self) -> Tensor:
        """(B, K) float32, 1 where a class is neither expected nor seen."""
        wrong = (self.missing + self.surplus).float()
        return 1.0 - wrong / self.either.clamp_min(1).float()


def class_numbers(maps: Tensor, like: Tensor, *, threshold: float | None = None, most: int) -> Tensor:
    """Scores (B, classes, H, W), a plane of scores (B, 1, H, W) or (B, H, W), or class numbers -> (B, H, W) int16.

    like: maps of the same rows that decide what one plane is: class numbers, where all are whole and none is below 0;
    probabilities, which say yes above 1/2, where all lie in [0, 1]; else logits. threshold: says yes above it, and that
    it is one plane of scores. most: the highest class number; what is above is taken for it.
    """
    if maps.dim() == 4 and maps.shape[1] > 1:
        return _largest(maps)
    plane, seeds = (each.reshape(len(each), *each.shape[-2:]) for each in (maps, like))
    if threshold is not None:
        return (plane > threshold).short()
    flat = seeds.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    numbers = (low >= 0) & (flat == flat.round()).all(1)
    level = torch.where((low >= 0) & (high <= 1), 0.5, 0.0).to(plane)
    decided = (plane > level[:, None, None]).short()
    whole = plane.nan_to_num(0.0, 0.0, 0.0).round().clamp(0, most).short()
    return torch.where(numbers[:, None, None], whole, decided)


def compare(expected: Tensor, seen: Tensor, count: int, slack: int) -> Compared:
    """Both (B, H, W) int16; expected may hold UNKNOWN."""
    known = expected != UNKNOWN
    clear = known & ~_within(known, torch.zeros_like(known), slack)  # a sliver beside what hides it may go unseen
    missing = clear & ~_within(seen, expected, slack)
    surplus = clear & ~_within(expected, seen, slack)
    areas, common = _counted(expected, known, count, known & (expected == seen))
    covered, too_many = _counted(seen, known, count, surplus)
    too_few, _ = _counted(expected, missing, count, missing)
    return Compared(areas, covered, areas + covered - common, too_few, too_many, known.flatten(1).sum(1))


def resized(mask: NDArray[np.uint16], shape: Sequence[int]) -> NDArray[np.int16]:
    """Class numbers at another resolution, each cell that of its middle."""
    down, across = (((np.arange(want) + 0.5) * have / want).astype(np.int64) for want, have in
                    zip(shape, mask.shape, strict=True))  # fmt: skip
    read = np.where(mask == NOTHING_SAID, UNKNOWN, mask.astype(np.int32))[down[:, None], across]
    return np.asarray(read, np.int16)


def _within(where: Tensor, wanted: Tensor, slack: int) -> Tensor:
    """(B, H, W): whether `where` has what is wanted at a place within `slack` places."""
    height, width = where.shape[1:]
    wide = torch.nn.functional.pad(where, (slack,) * 4, value=1 if where.dtype == torch.bool else UNKNOWN - 1)
    found = torch.zeros(where.shape, dtype=torch.bool, device=where.device)
    for down in range(2 * slack + 1):
        for across in range(2 * slack + 1):
            found |= wide[:, down : down + height, across : across + width] == wanted
    return found


def _counted(numbers: Tensor, where: Tensor, count: int, also: Tensor) -> tuple[Tensor, Tensor]:
    """(B, count) each: how many places of each class there are in `where`, and how many of those in `also`, a part.

    Both are counted in one pass, each in half of the bits.
    """
    weights = where.flatten(1).long() + (also.flatten(1).long() << HALF)
    sums = torch.zeros((len(numbers), count), dtype=torch.int64, device=numbers.device)
    sums.scatter_add_(1, numbers.clamp_min(0).flatten(1).long(), weights)
    return sums & ((1 << HALF) - 1), sums >> HALF


def _largest(scores: Tensor) -> Tensor:
    """(B, classes, H, W) -> (B, H, W), the number of the largest. Ten times as fast as argmax over this axis."""
    best, number = scores[:, 0], torch.zeros_like(scores[:, 0], dtype=torch.int16)
    for at in range(1, scores.shape[1]):
        number.masked_fill_(scores[:, at] > best, at)
        best = torch.maximum(best, scores[:, at])
    return number
