"""What detectors give, as one table an input: boxes, scores and labels in the forms that people have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mlfuzz.errors import AnswerError, ConfigError
from mlfuzz.observation import Ragged

BoxForm: TypeAlias = Literal["xyxy", "xywh", "cxcywh"]
"""Corners; a corner and the size; the centre and the size."""

FORMS = ("xyxy", "xywh", "cxcywh")

COLUMNS = 6
"""Of a table: left, top, right, bottom (in pixels of the input, or shares of its sides), score, number of the label."""

BOXES = ("boxes", "bboxes", "pred_boxes", "bbox", "xyxy")
SCORES = ("scores", "score", "confidences", "confidence", "conf", "pred_scores")
LABELS = ("labels", "label", "classes", "class", "cls", "category", "categories", "pred_classes", "class_ids")
LENGTHS = ("lengths", "num_detections", "counts", "num", "valid_detections")
LOGITS = ("pred_logits", "logits")
"""Names of the parts of an answer: torchvision's, Detectron's, YOLO's, DETR's, TensorFlow's."""


def detections(result: Any, batch: int, name: str, *, labels: Sequence[str] = (), form: str | None = None) -> Ragged:
    """An answer to `batch` pictures -> (batch, N, 6), see COLUMNS, and how many of each.

    Taken are: a list of one mapping, object or table (N, 6) an input; a mapping or tuple of lists, or of tensors with
    the batch first, padded to one length (with "lengths", or scores of 0 behind); one tensor (batch, N, 6); DETR's
    logits and boxes. Labels are numbers, or names that the target has; without scores all are 1, without labels all 0.
    form: of the boxes; None: corners (of DETR centre and size). Raises AnswerError for anything else.
    """
    if form is not None and form not in FORMS:
        raise ConfigError(f"target {name}: boxes are {', '.join(FORMS)}, not {form!r}")
    tables = [_table(part, name, labels) for part in _each(result, batch, name)]
    if form is None:
        form = "cxcywh" if _of_detr(result) else "xyxy"
    return _joined([_by_corners(table, form) for table in tables])


def is_detections(result: Any) -> bool:
    """Whether an answer names boxes with their labels and scores, so that it can be nothing else."""
    part = result[0] if isinstance(result, list | tuple) and len(result) else result
    named = _of_detr(part) or all(_part(part, names) is not None for names in (BOXES, LABELS, SCORES))
    return named and _has_corners(_part(part, BOXES), each=part is not result)


def _has_corners(boxes: Any, *, each: bool) -> bool:
    """Whether there are four numbers a box. each: they are those of one input, else of all."""
    first = boxes[0] if isinstance(boxes, list | tuple) and len(boxes) else boxes
    shape = tuple(getattr(first, "shape", ()))
    axes = 2 if each or first is not boxes else 3
    return shape[-1:] == (4,) and len(shape) == axes


def _each(result: Any, batch: int, name: str) -> list[Any]:
    """One answer an input."""
    if isinstance(result, list) and len(result) == batch and not _is_columns(result, batch):
        return list(result)
    if isinstance(result, tuple | list) and len(result) in (2, 3, 4):
        result = _named(result, name)
    if isinstance(result, Tensor | np.ndarray):
        if len(result) != batch:
            raise _wrong(name, f"{batch} pictures gave a table of shape {tuple(result.shape)}")
        return list(result)
    if _part(result, BOXES) is None:
        raise _wrong(name, f"its answer is a {type(result).__name__}")
    columns = {key: _part(result, names) for key, names in (("boxes", BOXES), ("scores", SCORES), ("labels", LABELS))}
    logits, lengths = _part(result, LOGITS), _part(result, LENGTHS)
    if logits is not None and columns["scores"] is None:
        shares = _tensor(logits, name).softmax(-1)[..., :-1]
        columns["scores"], columns["labels"] = shares.max(-1)
    for key, column in columns.items():
        if column is not None and len(column) != batch:
            raise _wrong(name, f"{batch} pictures gave {key} of {len(column)} rows")
    counts = None if lengths is None else [int(one) for one in _tensor(lengths, name).flatten().tolist()]
    return [
        {
            key: column[row] if counts is None else column[row][: counts[row]]
            for key, column in columns.items()
            if column is not None
        }
        for row in range(batch)
    ]


def _table(part: Any, name: str, labels: Sequence[str]) -> Tensor:
    """(N, 6) float32 of one answer, on the host or where it is."""
    inner = getattr(part, "boxes", None)
    if inner is not None and _part(inner, BOXES) is not None and _part(part, SCORES) is None:
        part = inner  # ultralytics: result.boxes.xyxy, .conf, .cls
    boxes = _part(part, BOXES)
    if boxes is None and isinstance(part, Tensor | np.ndarray | list):
        table = _tensor(part, name).float()
        if table.numel() == 0:
            return table.new_zeros((0, COLUMNS))
        if table.dim() != 2 or table.shape[1] != COLUMNS:
            raise _wrong(name, f"a table of one picture has the shape {tuple(table.shape)}")
        return table
    if boxes is None:
        raise _wrong(name, f"its answer to one picture is a {type(part).__name__} without boxes")
    corners = _tensor(boxes, name).float() if len(boxes) else torch.zeros((0, 4))
    if corners.numel() % 4:
        raise _wrong(name, f"its boxes of one picture are {tuple(corners.shape)}")
    corners = corners.reshape(-1, 4)
    given = [_part(part, SCORES), _part(part, LABELS)]
    columns = [corners]
    for column, fallback in zip(given, (1.0, 0.0), strict=True):
        numbers = corners.new_full((len(corners),), fallback) if column is None else _numbers(column, name, labels)
        if len(numbers) != len(corners):
            raise _wrong(name, f"one picture has {len(corners)} boxes and {len(numbers)} labels or scores")
        columns.append(numbers.to(corners)[:, None])
    return torch.cat(columns, 1)


def _numbers(column: Any, name: str, labels: Sequence[str]) -> Tensor:
    if isinstance(column, np.ndarray) and column.dtype.kind in "UO":
        column = column.tolist()
    if isinstance(column, list | tuple) and any(isinstance(item, str) for item in column):
        known = {label: number for number, label in enumerate(labels)}
        if strange := [item for item in column if item not in known]:
            raise AnswerError(f"target {name}: it gives a box of {strange[0]!r}; name it among the target's labels")
        return torch.tensor([known[item] for item in column], dtype=torch.float32)
    return _tensor(column, name).float().flatten()


def _by_corners(table: Tensor, form: str) -> Tensor:
    """With the left and upper corner first."""
    first, second = table[:, :2], table[:, 2:4]
    if form == "xywh":
        second = first + second
    elif form == "cxcywh":
        first, second = first - second / 2, first + second / 2
    return torch.cat([torch.minimum(first, second), torch.maximum(first, second), table[:, 4:]], 1)


def _joined(tables: Sequence[Tensor]) -> Ragged:
    longest = max((len(table) for table in tables), default=0)
    values = torch.zeros((len(tables), max(longest, 1), COLUMNS), device=tables[0].device if tables else None)
    for row, table in enumerate(tables):
        values[row, : len(table)] = table
    return Ragged(values, torch.tensor([len(table) for table in tables], device=values.device))


def _named(parts: Sequence[Any], name: str) -> dict[str, Any]:
    """A tuple of columns by what they are: boxes have four numbers at the end, labels are whole."""
    found: dict[str, Any] = {}
    rest: list[Any] = []
    for part in parts:
        first = part[0] if isinstance(part, list | tuple) and len(part) else part
        shape: tuple[int, ...] = tuple(getattr(first, "shape", ()))
        if len(shape) >= 2 and shape[-1] == 4 and "boxes" not in found:
            found["boxes"] = part
        elif isinstance(part, Tensor | np.ndarray) and part.ndim == 1 and "lengths" not in found:
            found["lengths"] = part
        else:
            rest.append(part)
    for part in rest:
        whole = all(bool((column == column.round()).all()) for column in map(_float, part))
        key = "labels" if whole and "labels" not in found else "scores"
        if key in found:
            raise _wrong(name, "its answer is a tuple whose parts cannot be told apart; give a dict of them")
        found[key] = part
    return found


def _is_columns(parts: Sequence[Any], batch: int) -> bool:
    """Whether a list as long as the batch holds columns all the same: boxes of all inputs, labels of all, ..."""
    shapes = [tuple(getattr(part, "shape", ())) for part in parts]
    return any(len(shape) == 3 and shape[0] == batch and shape[-1] == 4 for shape in shapes)


def _part(value: Any, names: Sequence[str]) -> Any:
    """What a mapping or an object has under one of these names; None where there is nothing."""
    if isinstance(value, Tensor | np.ndarray | str | int | float | None):
        return None
    for key in names:
        found = value.get(key) if isinstance(value, Mapping) else _attribute(value, key)
        if found is not None and not callable(found):
            return found
    return None


def _attribute(value: Any, key: str) -> Any:
    return None if isinstance(value, list | tuple) and not hasattr(value, "_fields") else getattr(value, key, None)


def _of_detr(result: Any) -> bool:
    named = _part(result, BOXES) is not None and _part(result, LOGITS) is not None
    return named and _part(result, SCORES) is None


def _float(value: Any) -> Tensor:
    return torch.as_tensor(value).float()


def _tensor(value: Any, name: str) -> Tensor:
    inner: Any = getattr(value, "tensor", None)  # Detectron's boxes
    try:
        if isinstance(inner, Tensor):
            return inner
        if isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value):
            return torch.stack([torch.as_tensor(item) for item in value])
        return value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value, np.float32))
    except (TypeError, ValueError, RuntimeError) as error:
        raise _wrong(name, f"a part of its answer holds no numbers ({error})") from error


def _wrong(name: str, what: str) -> AnswerError:
    return AnswerError(
        f"target {name}: {what}; a detector gives, for each picture, boxes (N, 4), labels (N,) and scores (N,): a list "
        'of one dict {"boxes", "labels", "scores"} a picture, or such a dict of lists or of padded tensors'
    )
