"""Maps of classes, as of a segmentation: each class where it is on the seed, moved along with the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, TensorRows
from mlfuzz.classmaps import UNKNOWN, Compared, class_numbers, compare, resized
from mlfuzz.corpus.truth import read_truth
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict
from mlfuzz.oracles.moved import way_of
from mlfuzz.placemap import Size

LEAST_KNOWN = 0.5
"""Share of a picture's places that must come from the seed for the row to be judged."""

LEAST_IOU = 0.02
"""A margin counts from here on: pixels on the edge of a class fall to one side or the other by rounding."""

MOST_CLASSES = 1024
"""In a map of class numbers of a target that names none."""

LOST, SPREAD, MOVED = range(3)
KINDS = ("lost", "spread", "moved")
"""What became of a class: it covers less than it should, more, or other places."""

LOPSIDED = 2.0
"""So many times as many places missing as too many (or the reverse) make a class lost (spread) rather than moved."""


class Maps:
    """Fails where a class covers another area than on the seed: intersection over union of less than 1 - `bound`.

    Maps: scores (B, classes, H, W); one plane of scores of yes or no, (B, 1, H, W) or (B, H, W); or class numbers
    (B, H, W). They cover the whole picture, at any resolution. What is expected is the model's own answer to the seed,
    or the seed's mask where it has one; both are moved along with the picture. What came in from outside or is hidden,
    and what lies at an edge (within `slack` places of another class), does not count.
    bound: of the intersection over union that may be lost: of 1 against the model's own answer, of what the model
      reaches on the seed itself against a mask.
    threshold: of one plane; None: 1/2 where its values lie in [0, 1], else 0. least: share of the picture that a class
      must cover, on the seed or now, to be looked at.
    margin: intersection over union lost - bound, of the class that lost most. key: 3 * class + (lost, spread, moved).
    Unjudged: rows of which less than half comes from the seed, or whose truth an operator may have changed in a way
    that is not known.
    Raises ConfigError for values that make no sense, and (at the first check) where the target gives no maps.
    """

    name = "maps"
    unit = "IoU lost, less the bound"
    where: Literal["device", "host"] = "device"
    relative = True
    judges_any_chain = True

    def __init__(
        self, *, bound: float = 0.5, threshold: float | None = None, slack: int = 1, least: float = 0.01
    ) -> None:
        if not 0.0 < bound < 1.0:
            raise ConfigError(f"oracle maps: bound must lie between 0 and 1, not {bound}")
        if slack < 0 or int(slack) != slack:
            raise ConfigError(f"oracle maps: slack counts places, it cannot be {slack}")
        if not 0.0 <= least < 1.0:
            raise ConfigError(f"oracle maps: least is a share of the picture in [0, 1), not {least}")
        self._bound, self._threshold, self._slack, self._least = bound, threshold, int(slack), least
        self._names: tuple[str, ...] = ()
        self._masks: list[NDArray[np.uint16] | None] = []
        self._resized: dict[Size, Tensor] = {}

    def bind_truths(self, truths: Sequence[str]) -> None:
        """truths: of each seed, as `corpus.truth` writes it, "" where it has no mask."""
        held = [read_truth(text) for text in truths]
        self._resized = {}
        self._masks = [None if truth is None else truth.mask for truth in held]

    def name_classes(self, names: Sequence[str]) -> None:
        """The target's labels, for `explain`."""
        self._names = tuple(names)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        compared, own, judged = self._compared(seen, reference, batch)
        lost = self._lost(compared, own)
        worst, number = lost.max(dim=1)
        missing, surplus = (each.gather(1, number[:, None])[:, 0] for each in (compared.missing, compared.surplus))
        kind = torch.where(surplus * LOPSIDED < missing, LOST, torch.where(missing * LOPSIDED < surplus, SPREAD, MOVED))
        margin = torch.where(judged, worst - self._bound, math.nan)
        return Verdict(margin, number * len(KINDS) + kind)

    def noise(self, floor: Floor) -> float:
        return LEAST_IOU

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        key = int(self.check(seen, reference, batch).keys[row])
        number, kind = divmod(key, len(KINDS))
        compared, own, _ = self._compared(seen, reference, batch)
        labelled = len(self._masks) > int(batch.seeds[row]) and self._masks[int(batch.seeds[row])] is not None
        known = max(int(compared.known[row]), 1)
        return {
            "expected": f"area of {self._named(number)}",
            "expected_from": "label" if labelled else "model",
            "observed": KINDS[kind],
            "iou": round(float(compared.iou[row, number]), 4),
            "iou_on_seed": round(float(own[row, number]), 4),
            "bound": self._bound,
            "area_expected": f"{100 * float(compared.expected[row, number]) / known:.3g} % of the picture",
            "area_observed": f"{100 * float(compared.seen[row, number]) / known:.3g} % of the picture",
        }

    def describe(self) -> dict[str, Any]:
        given = {"bound": self._bound, "slack": self._slack, "least": self._least}
        return given if self._threshold is None else {**given, "threshold": self._threshold}

    def _compared(self, seen: Observation, reference: Observation, batch: Batch) -> tuple[Compared, Tensor, Tensor]:
        """What is where; (B, K) what the model reaches on the seeds themselves; and (B,) which rows can be judged."""
        own, scores = _maps(reference), _maps(seen)
        before, after = self._classes(own, own), self._classes(scores, own)
        count = self._count(scores, before, after)
        truth = self._truth(batch, before)
        reached = torch.ones((len(before), count), device=before.device)
        if truth is not None:
            reached = compare(truth, before, count, self._slack).iou
            before = truth
        expected, known = self._expected(before, batch)
        compared = compare(expected, after, count, self._slack)
        places = after[0].numel()
        judged = known & (compared.known >= LEAST_KNOWN * places) & _finite(own) & _finite(scores)
        return compared, reached, judged

    def _truth(self, batch: Batch, before: Tensor) -> Tensor | None:
        """The masks of the rows' seeds at the map's resolution, the model's own answer where a seed has none."""
        if not any(mask is not None for mask in self._masks):
            return None
        shape = (int(before.shape[1]), int(before.shape[2]))
        if self._resized.get(shape) is None:
            blank = np.full(shape, UNKNOWN, np.int16)
            self._resized[shape] = torch.from_numpy(
                np.stack([blank if mask is None else resized(mask, shape) for mask in (*self._masks, None)])
            )
        # What is beyond the seeds that have one has none: the last of the stack.
        has = np.asarray([*(mask is not None for mask in self._masks), False])
        at = batch.seeds.clip(max=len(self._masks))
        truth = self._resized[shape][torch.from_numpy(at)].to(before.device)
        return torch.where(torch.from_numpy(has[at]).to(before.device)[:, None, None], truth, before)

    def _expected(self, before: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Class numbers (B, H, W) as they are to be expected, and (B,) whether that is known."""
        height, width = (int(side) for side in before.shape[1:])
        picture = _size(batch, (height, width))
        way = way_of(batch, picture, before.device)
        if not way.moved:
            return before, way.known
        rows = torch.tensor(way.moved, device=before.device)
        traced = way.traced((height, width))
        nowhere = traced.isnan().any(-1)
        scale = traced.new_tensor([width / picture[1], height / picture[0]])
        at = (traced.nan_to_num(0.0) * scale).floor().long()
        x, y = at[..., 0].clamp(0, width - 1), at[..., 1].clamp(0, height - 1)
        read = before[rows].reshape(len(rows), -1).gather(1, (y * width + x).reshape(len(rows), -1))
        moved = read.reshape(len(rows), height, width).masked_fill(nowhere, UNKNOWN)
        return before.index_copy(0, rows, moved), way.known

    def _lost(self, compared: Compared, own: Tensor) -> Tensor:
        """(B, K) of the intersection over union; 0 of classes that cover too little to be looked at."""
        large = torch.maximum(compared.expected, compared.seen) > self._least * compared.known[:, None]
        return torch.where(large, own - compared.iou, 0.0)

    def _classes(self, maps: Tensor, like: Tensor) -> Tensor:
        return class_numbers(maps, like, threshold=self._threshold, most=len(self._names) or MOST_CLASSES)

    def _count(self, scores: Tensor, before: Tensor, after: Tensor) -> int:
        """How many classes there may be."""
        if scores.dim() == 4 and scores.shape[1] > 1:
            return int(scores.shape[1])
        if self._threshold is not None:
            return 2
        if self._names:  # what lies beyond, 255 perhaps, is counted as one class more
            return len(self._names) + 1
        return max(2, int(torch.maximum(before.max(), after.max())) + 1)

    def _named(self, number: int) -> str:
        return self._names[number] if number < len(self._names) else f"class {number}"


def _size(batch: Batch, otherwise: Size) -> Size:
    """(height, width) of the pictures; of inputs that are none, that of the map."""
    if not isinstance(batch.rows, TensorRows) or batch.rows.data.dim() != 4:
        return otherwise
    height, width = batch.rows.data.shape[-2:]
    return int(height), int(width)


def _maps(seen: Observation) -> Tensor:
    """(B, classes, H, W) or (B, H, W) float32. Raises ConfigError where the main output is no map."""
    maps = seen.outputs["main"]
    if not isinstance(maps, Tensor) or maps.dim() not in (3, 4) or 0 in maps.shape[1:]:
        shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise ConfigError(
            "oracle maps needs scores (B, classes, H, W), one plane of them, or class numbers (B, H, W); the target "
            f"gives {shape}"
        )
    return maps.float()


def _finite(maps: Tensor) -> Tensor:
    """(B,): minus infinity is a masked class."""
    return ~(maps.isnan() | (maps == math.inf)).flatten(1).any(1)


ORACLES.add("maps", Maps)
