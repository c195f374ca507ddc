"""What an observation says of one row, short enough for a finding's record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mlfuzz.findings.finding import Run
from mlfuzz.observation import Observation, Output
from mlfuzz.oracles.base import Oracle

TOP_SCORES = 5

TYPICAL = "typical_margin"
"""The name in a finding's evidence of the margin by which a typical seed does not fail, in the oracle's unit."""

RUNS = ("before", "after")
"""Parts of an explanation that the record holds by name already, as runs."""


def shown_by(oracle: Oracle | None) -> str:
    """The output that an oracle is about: "main", or that of the variant it compares with."""
    return str(getattr(oracle, "shown", "main"))


def run_of(
    seen: Observation, labels: Sequence[str], margin: float | None = None, row: int = 0, *, output: str = "main"
) -> Run:
    """What one row said, short enough for a record: the label and best scores, or the text, or a few numbers."""
    return _run_of(seen.outputs.get(output, seen.outputs["main"]), labels, margin, row)


def _run_of(output: Output, labels: Sequence[str], margin: float | None, row: int) -> Run:
    if isinstance(output, tuple):
        return Run(label=output[row][:200], margin=margin)
    if not isinstance(output, Tensor):
        return Run(text=_numbers(output.values[row].flatten()), margin=margin)
    scores = output[row].detach().float().cpu().flatten()
    if labels and len(labels) == len(scores):
        if not bool(torch.isfinite(scores).all()):  # JSON has no NaN, and such scores name no class
            return Run(label="no number", text=_numbers(scores), margin=margin)
        order = np.argsort(-scores.numpy(), kind="stable")[:TOP_SCORES]
        named = {labels[at]: round(float(scores[at]), 6) for at in order}
        return Run(label=labels[int(order[0])], scores=named, margin=margin)
    return Run(text=_numbers(scores), margin=margin)


def _numbers(values: Tensor) -> str:
    shown = ", ".join(f"{float(value):.4g}" for value in values[:8])
    return f"[{shown}{', ...' if len(values) > 8 else ''}]"
