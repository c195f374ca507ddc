"""Rows as a target is handed them, and whether it has written into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Rows, TensorRows, TextRows
from mlfuzz.modality.base import Modality


def natural_inputs(rows: Rows, modality: Modality, *, shield: bool) -> tuple[Any, ...]:
    """Rows as the target is handed them. shield: a copy, for targets that write into their input."""
    if isinstance(rows, TextRows):
        return (rows.texts,)
    if not isinstance(rows, TensorRows):
        raise TypeError(f"rows of an unknown kind: {type(rows).__name__}")
    low, high = getattr(modality, "range", (modality.low, modality.high))
    data = rows.data
    if (low, high) != (modality.low, modality.high):
        data = data * (high - low) + low
    elif shield:
        data = data.clone()
    return (data,) if rows.lengths is None else (data, rows.lengths)


def copied(rows: Rows) -> Tensor | None:
    """What `written` compares with; None of texts, which nobody can write into."""
    return rows.data.clone() if isinstance(rows, TensorRows) else None


def written(rows: Rows, before: Tensor | None) -> bool:
    """Whether rows are no longer what they were; puts them back. What ran must be what is stored."""
    if not isinstance(rows, TensorRows) or before is None or torch.equal(rows.data, before):
        return False
    rows.data.copy_(before)
    return True


def again(forward: Callable[[Rows], Any], rows: Rows) -> tuple[Any, int]:
    """(what it gives for another number of the same rows, that number). Raises what it raises.

    Two or three: what is slow is not kept long, and a batch of one is a case of its own in many models.
    """
    count = 3 if len(rows) == 2 else 2
    return forward(rows.take(np.arange(count) % len(rows))), count
