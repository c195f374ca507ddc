"""The picture with nothing on it: an input like any other to the code around a model, and one nobody has tried."""

from __future__ import annotations

import torch

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Choice

TONES = {"black": 0.0, "white": 1.0, "grey": 0.5}


@mutator("image.blank", kind="edge", effect="destroying", tone=Choice(tuple(TONES)))
def blank(rows: TensorRows, *, tone: list[str]) -> TensorRows:
    """One colour alone: black, white or grey. The label is gone: the answer is judged by itself."""
    levels = torch.tensor([TONES[one] for one in tone], device=rows.data.device).view(-1, 1, 1, 1)
    return rows.with_data(levels.expand_as(rows.data).clone())
