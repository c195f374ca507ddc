"""The sound with nothing in it: an input like any other to the code around a model, and one nobody has tried."""

from __future__ import annotations

import torch

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio.wave import changed
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Choice

LEVEL = 0.5
"""Of the constant, of full scale: half way to being clipped."""


@mutator("audio.blank", kind="edge", effect="destroying", content=Choice(("silence", "constant", "click")))
def blank(rows: TensorRows, *, content: list[str]) -> TensorRows:
    """Silence, a constant, or silence after one full sample, as long as it was. The label is gone."""
    constant = torch.tensor([LEVEL * (one == "constant") for one in content], device=rows.data.device)
    data = constant.view(-1, 1, 1).expand_as(rows.data).clone()
    data[..., 0] += torch.tensor([float(one == "click") for one in content], device=rows.data.device).view(-1, 1)
    return changed(rows, data)
