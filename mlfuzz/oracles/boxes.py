"""Boxes, as of a detector: each found where it is on the seed, moved along with the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from mlfuzz.batch import Batch, TensorRows
from mlfuzz.corpus.truth import Truth, label_number, read_truth
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict
from mlfuzz.oracles.moved import way_of
from mlfuzz.oracles.moved_boxes import Expected, carried, overlaps, share_away
from mlfuzz.placemap import Course

UNSURE_IOU = 0.1
"""A box is what is left of one that has mostly gone if it overlaps what that should be by so much."""

LARGEST_SHARE = 1.5
SMALLEST_PICTURE = 8
"""Sides in pixels: of a smaller picture it is not looked at whether its boxes are shares."""

LEAST_SCORE = 0.01
"""A margin counts from here on."""

LOST, LABEL, MOVED, GAINED = range(4)
PAIR = 1 << 20
"""More than there are classes: a key holds a kind and two of them."""


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Of B rows, N boxes each, padded: corners (B, N, 4), scores and labels (B, N), 0 in the padding."""

    corners: Tensor
    scores: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class _Worst:
    """Of B rows: margin, kind of the change, class expected and class found; box of the seed and the one found."""

    margin: Tensor
    kind: Tensor
    expected: Tensor
    found: Tensor
    before: Tensor
    after: Tensor


class Boxes:
    """Fails where a box of the seed is lost, gets another label or jumps, or a box comes out of nothing.

    What is expected are the boxes that the model gives on the seed with a score above `threshold`, or the seed's own
    where it has some that the model finds; they are moved along with the picture. A box matches where it has the label
    and overlaps by an intersection over union of `iou` or more with the nearest box that the moved one may be.
    Scores within `band` of the threshold count neither way. A box of which less than `visible` is left in the picture
    may be found or not; so may one that is hidden in part, and any that lies where nothing of the seed is.
    margin: of a box lost, by how much the best score that is left there misses the threshold; of a box gained, by how
      much it passes it; the band taken off. key: kind of change with the classes expected and found.
    relative: whether the boxes are shares of the picture's sides; None: of a row, where all of its seed's are below 1.5
      (no box of a picture in pixels lies in its first).
    Unjudged: rows whose truth an operator may have changed in a way that is not known, and what is not finite.
    Raises ConfigError for values that make no sense, and (at the first check) where the target gives no boxes.
    """

    name = "boxes"
    unit = "score"
    where: Literal["device", "host"] = "device"
    relative = True
    judges_any_chain = True

    def __init__(self, *, threshold: float = 0.5, band: float = 0.05, iou: float = 0.5, visible: float = 0.75,
        relative: bool | None = None,
    ) -> None:  # fmt: skip
        for name, value in (("threshold", threshold), ("iou", iou), ("visible", visible)):
            if not 0.0 < value < 1.0:
                raise ConfigError(f"oracle boxes: {name} must lie between 0 and 1, not {value}")
        if not 0.0 <= band < min(threshold, 1 - threshold):
            raise ConfigError(f"oracle boxes: band must lie between 0 and the distance to the threshold, not {band}")
        self._threshold, self._band, self._iou, self._visible = threshold, band, iou, visible
        self._relative = None if relative is None else bool(relative)
        self._names: tuple[str, ...] = ()
        self._truths: list[Truth | None] = []
        self._given: tuple[Tensor, Tensor, Tensor, Tensor] | None = None

    def bind_truths(self, truths: Sequence[str]) -> None:
        """truths: of each seed, as `corpus.truth` writes it, "" where it has no boxes."""
        self._truths, self._given = [read_truth(text) for text in truths], None

    def name_classes(self, names: Sequence[str]) -> None:
        """The target's labels, for `explain` and for the seeds' own boxes."""
        self._names, self._given = tuple(names), None

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        worst, judged = self._worst(seen, reference, batch)
        keys = (worst.kind * PAIR + worst.expected.clamp_min(0)) * PAIR + worst.found.clamp_min(0)
        return Verdict(torch.where(judged, worst.margin, math.nan), torch.where(judged, keys, 0))

    def noise(self, floor: Floor) -> float:
        return LEAST_SCORE

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        worst, _ = self._worst(seen, reference, batch)
        kind = int(worst.kind[row])
        expected, found = (self._named(int(each[row])) for each in (worst.expected, worst.found))
        words = {
            LOST: (f"box of {expected}", "lost"),
            LABEL: (f"box of {expected}", f"a box of {found}"),
            MOVED: (f"box of {expected}", "elsewhere"),
            GAINED: (f"no box of {found}", f"a box of {found}"),
        }
        before, after = (_rounded(each[row]) for each in (worst.before, worst.after))
        details = {"box_before": before, "box_after": after}
        return {
            "expected": words[kind][0],
            "expected_from": "label" if self._truth(int(batch.seeds[row])) else "model",
            "observed": words[kind][1],
            "threshold": self._threshold,
            **{name: box for name, box in details.items() if box},
        }

    def describe(self) -> dict[str, Any]:
        given = {"threshold": self._threshold, "band": self._band, "iou": self._iou, "visible": self._visible}
        return given if self._relative is None else {**given, "relative": self._relative}

    def _worst(self, seen: Observation, reference: Observation, batch: Batch) -> tuple[_Worst, Tensor]:
        """What went most wrong in each row, and (B,) whether it can be judged."""
        before, after = _boxes(reference), _boxes(seen)
        size = _size(batch, before, after)
        before, after = self._in_pixels(before, before, size), self._in_pixels(after, before, size)
        way = way_of(batch, size, before.corners.device)
        before, counted, believed = self._with_truth(before, batch)
        expected = self._moved(before, way, size)
        overlap = overlaps(expected, after.corners)
        same = before.labels[:, :, None] == after.labels[:, None]
        lost = self._lost(before, after, counted & expected.visible, overlap, same)
        gained = self._gained(after, believed, expected, overlap, same, way)
        is_lost = lost.margin > 0
        picked = _Worst(*(torch.where(_as(is_lost, one), one, other) for one, other in _pairs(lost, gained)))
        # Nothing is lost: how near that is says more than a box less than there might be.
        picked = replace(picked, margin=torch.where(is_lost, lost.margin, torch.maximum(lost.margin, gained.margin)))
        return picked, way.known & _finite(seen) & _finite(reference)

    def _in_pixels(self, boxes: _Boxes, seeds: _Boxes, size: tuple[int, int]) -> _Boxes:
        """seeds: those of the rows' seeds, which decide."""
        if self._relative is False or min(size) < SMALLEST_PICTURE:
            return boxes
        likely = [(each.corners.abs().amax((1, 2)), (each.labels >= 0).any(1)) for each in (seeds, boxes)]
        reach = torch.where(likely[0][1], likely[0][0], likely[1][0])
        shares = torch.ones_like(reach, dtype=torch.bool) if self._relative else reach <= LARGEST_SHARE
        extent = boxes.corners.new_tensor([size[1], size[0]] * 2)
        return replace(boxes, corners=torch.where(shares[:, None, None], boxes.corners * extent, boxes.corners))

    def _with_truth(self, before: _Boxes, batch: Batch) -> tuple[_Boxes, Tensor, Tensor]:
        """The boxes of the seeds, the model's and the true ones; (B, N) which of them should be found again, and which
        may be. Of a seed with a truth those should that are in it and that the model finds; else all it is sure of."""
        sure = before.scores >= self._threshold + self._band
        believed = before.scores >= self._threshold - self._band
        if not self._truths:
            return before, sure, believed
        if self._given is None:
            self._given = _padded([self._truth(seed) for seed in range(len(self._truths))], self._names)
        # What is beyond the seeds that have one has none: the last row of the table.
        at = torch.from_numpy(batch.seeds.clip(max=len(self._truths)))
        corners, scores, labels, labelled = (part[at].to(before.corners.device) for part in self._given)
        given, has = _Boxes(corners, scores, labels), labelled[:, None]
        plain = Expected(given.corners, given.corners, given.labels >= 0)
        found = (overlaps(plain, before.corners) >= self._iou) & (given.labels[:, :, None] == before.labels[:, None])
        found &= sure[:, None] & (given.labels >= 0)[:, :, None]
        both = _Boxes(*(torch.cat([getattr(one, name) for one in (before, given)], 1)
                        for name in ("corners", "scores", "labels")))  # fmt: skip
        return both, torch.cat([sure & ~has, found.any(2)], 1), torch.cat([believed, given.labels >= 0], 1)

    def _truth(self, seed: int) -> Truth | None:
        truth = self._truths[seed] if seed < len(self._truths) else None
        return None if truth is None or truth.mask is not None else truth

    def _lost(self, before: _Boxes, after: _Boxes, sure: Tensor, overlap: Tensor, same: Tensor) -> _Worst:
        """The box of the seed that is missed most clearly. sure: (B, N) those that should be found."""
        there = overlap >= self._iou
        scores = after.scores[:, None].expand(same.shape)
        best = _most(torch.where(there & same, scores, 0.0))
        margin = torch.where(sure, self._threshold - self._band - best, -1.0)
        worst, at = _most_of(margin)
        above = scores >= self._threshold
        row = torch.arange(len(at), device=at.device)
        other = torch.where(there & ~same & above, scores, 0.0)[row, at]
        # Of the same label, and on no box of the seed: it may be the one that jumped.
        free = ~(there & same).any(1)
        jumped = torch.where(same[row, at] & above[row, at] & free, after.scores, 0.0)
        relabelled, which = _most_of(other)
        moved, where = _most_of(jumped)
        kind = torch.where(relabelled > 0, LABEL, torch.where(moved > 0, MOVED, LOST))
        found = torch.where(relabelled > 0, which, where)
        own = before.labels[row, at]
        return _Worst(
            worst, kind, own, torch.where(kind == LABEL, after.labels[row, found], own), before.corners[row, at],
            torch.where((kind == LOST)[:, None], math.nan, after.corners[row, found]),
        )  # fmt: skip

    def _gained(
        self, after: _Boxes, believed: Tensor, expected: Expected, overlap: Tensor, same: Tensor, way: Course
    ) -> _Worst:
        """The box without one on the seed that is surest of itself. believed: (B, N) those that may be found."""
        enough = torch.where(expected.visible, self._iou, UNSURE_IOU)[:, :, None]
        matched = (same & believed[:, :, None] & (overlap >= enough)).any(1)
        new = (after.scores > 0) & ~matched & self._on_seed(after, way)
        margin = torch.where(new, after.scores - self._threshold - self._band, -self._threshold - self._band)
        worst, at = _most_of(margin)
        row = torch.arange(len(at), device=at.device)
        label = after.labels[row, at]
        corners = after.corners[row, at]
        return _Worst(worst, torch.full_like(label, GAINED), label, label, torch.full_like(corners, math.nan), corners)

    def _moved(self, before: _Boxes, way: Course, size: tuple[int, int]) -> Expected:
        """Where each box of the seed may be on the row."""
        visible = torch.ones_like(before.labels, dtype=torch.bool)
        expected = Expected(before.corners.clone(), before.corners.clone(), visible)
        if not way.moved:
            return expected
        rows = torch.tensor(way.moved, device=before.corners.device)
        low, high, share, hidden = carried(before.corners[rows], way, size)
        expected.low[rows], expected.high[rows] = low, high
        visible[rows] = (share >= self._visible) & (hidden == 0)
        return expected

    def _on_seed(self, after: _Boxes, way: Course) -> Tensor:
        """(B, M): whether enough of a box is of the seed's picture for it to be an answer to that."""
        on = torch.ones_like(after.labels, dtype=torch.bool)
        if not way.moved:
            return on
        rows = torch.tensor(way.moved, device=on.device)
        on[rows] = share_away(after.corners[rows], way) <= 1 - self._visible
        return on

    def _named(self, number: int) -> str:
        return self._names[number] if number < len(self._names) else f"class {number}"


def _boxes(seen: Observation) -> _Boxes:
    """Raises ConfigError where the main output holds no table of detections."""
    output = seen.outputs["main"]
    if not isinstance(output, Ragged) or output.values.dim() != 3 or output.values.shape[2] != 6:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(
            f'oracle boxes needs detections: give the target task="detection"; its answer was taken as {shape}'
        )
    values = output.values.float()
    if not values.shape[1]:
        values = values.new_zeros((len(values), 1, 6))
    filled = torch.arange(values.shape[1], device=values.device) < output.lengths[:, None]
    values = torch.where(filled[..., None], values.nan_to_num(0.0, 0.0, 0.0), 0.0)
    labels = values[..., 5].round().long().clamp(0, PAIR - 1)
    return _Boxes(values[..., :4], torch.where(filled, values[..., 4], 0.0), torch.where(filled, labels, -1))


def _padded(truths: Sequence[Truth | None], names: Sequence[str]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of n seeds and of one without: corners (n + 1, N, 4), scores of 1 and numbers of labels, -1 in the padding.

    Last (n + 1,): which have a truth. A label that the target does not have is taken as padding.
    """
    count = max((len(truth.boxes) for truth in truths if truth is not None), default=0)
    corners, labels = torch.zeros((len(truths) + 1, count, 4)), torch.full((len(truths) + 1, count), -1)
    for row, truth in enumerate(truths):
        for at, box in enumerate(() if truth is None else truth.boxes):
            corners[row, at] = torch.tensor(box[:4])
            labels[row, at] = label_number(box[4], names)
    labelled = torch.tensor([truth is not None for truth in truths] + [False])
    return corners, (labels >= 0).float(), labels, labelled


def _size(batch: Batch, *seen: _Boxes) -> tuple[int, int]:
    """(height, width) of the pictures; of what is none, what the boxes reach to."""
    if isinstance(batch.rows, TensorRows) and batch.rows.data.dim() == 4 and batch.rows.data.shape[-1] > 1:
        height, width = batch.rows.data.shape[-2:]
        return int(height), int(width)
    reach = max(float(each.corners.max()) for each in seen)
    return math.ceil(reach) or 1, math.ceil(reach) or 1


def _finite(seen: Observation) -> Tensor:
    output = seen.outputs["main"]
    assert isinstance(output, Ragged)
    filled = torch.arange(output.values.shape[1], device=output.values.device) < output.lengths[:, None]
    return (torch.isfinite(output.values).all(-1) | ~filled).all(-1)


def _most(values: Tensor) -> Tensor:
    return values.amax(-1) if values.shape[-1] else values.new_zeros(values.shape[:-1])


def _most_of(values: Tensor) -> tuple[Tensor, Tensor]:
    most, at = values.max(-1)
    return most, at


def _pairs(one: _Worst, other: _Worst) -> list[tuple[Tensor, Tensor]]:
    names = ("margin", "kind", "expected", "found", "before", "after")
    return [(getattr(one, name), getattr(other, name)) for name in names]


def _as(chosen: Tensor, like: Tensor) -> Tensor:
    return chosen if like.dim() == 1 else chosen[:, None]


def _rounded(box: Tensor) -> list[float]:
    return [] if bool(box.isnan().any()) else [round(float(value), 1) for value in box]


ORACLES.add("boxes", Boxes)
