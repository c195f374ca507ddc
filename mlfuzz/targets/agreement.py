"""How far answers that are maps or boxes agree with the truth of their inputs: what `check` and `compare` tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlfuzz.classmaps import class_numbers, compare, resized
from mlfuzz.corpus.truth import Truth, label_number, read_truth
from mlfuzz.observation import Output, Ragged

RIGHT = 0.5
"""An answer that agrees by so much is taken as right where right and wrong are counted."""

MOST_CLASSES = 1024
THRESHOLD, IOU = 0.5, 0.5
"""Of boxes that count, and of two that are the same: as PASCAL VOC counts them."""


def agreements(target: Any, main: Output, truths: Sequence[str]) -> list[float]:
    """Of each row, in [0, 1]: mean intersection over union of the classes in its mask or in the answer; or of boxes,
    how many were found and are there of both (F1). NaN of a row without a truth."""
    options = target.task.options if target.task is not None else {}
    found = []
    for row, text in enumerate(truths):
        truth = read_truth(text)
        if truth is None:
            found.append(float("nan"))
        elif truth.mask is not None and isinstance(main, Tensor):
            found.append(_of_maps(main[row : row + 1].float(), truth, len(target.labels), options.get("threshold")))
        elif isinstance(main, Ragged):
            table = main.values[row, : int(main.lengths[row])].float().cpu().numpy()
            found.append(_of_boxes(table, truth, target.labels, float(options.get("threshold") or THRESHOLD)))
        else:
            found.append(float("nan"))
    return found


def _of_maps(maps: Tensor, truth: Truth, labels: int, threshold: float | None) -> float:
    assert truth.mask is not None
    seen = class_numbers(maps, maps, threshold=threshold, most=labels or MOST_CLASSES)
    expected = torch.from_numpy(resized(truth.mask, seen.shape[1:]))[None].to(seen.device)
    count = int(max(expected.max(), seen.max())) + 1
    compared = compare(expected, seen, max(2, count), 0)
    there = compared.either > 0
    return float(compared.iou[there].mean()) if bool(there.any()) else 1.0


def _of_boxes(
    table: np.ndarray[Any, np.dtype[np.float32]], truth: Truth, labels: Sequence[str], threshold: float
) -> float:
    """Each box of the truth is found by the surest that overlaps it and is no other's."""
    sure = table[np.argsort(-table[:, 4], kind="stable")]
    sure = sure[sure[:, 4] >= threshold]
    open_boxes = [(np.asarray(box[:4], np.float32), label_number(box[4], labels)) for box in truth.boxes]
    total, matched = len(sure) + len(open_boxes), 0
    for row in sure:
        shares = [(_iou(row[:4], box) if label == round(float(row[5])) else 0.0) for box, label in open_boxes]
        if shares and max(shares) >= IOU:
            open_boxes.pop(int(np.argmax(shares)))
            matched += 1
    return 2 * matched / total if total else 1.0


def _iou(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.clip(sides, 0, None).prod())
    areas = [float((box[2:] - box[:2]).prod()) for box in (one, other)]
    return common / max(sum(areas) - common, 1e-9)
