"""What an observation says of one row, short enough for a finding's record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlfuzz.findings.finding import Run
from mlfuzz.observation import Observation, Output
from mlfuzz.oracles.base import Oracle

TOP_SCORES = 5

AND, NOTHING = " + ", "none of them"
"""Between labels that are said yes to at once, and where none is."""

TYPICAL = "typical_margin"
"""The name in a finding's evidence of the margin by which a typical seed does not fail, in the oracle's unit."""

RUNS = ("before", "after")
"""Parts of an explanation that the record holds by name already, as runs."""


def shown_by(oracle: Oracle | None) -> str:
    """The output that an oracle is about: "main", or that of the variant it compares with."""
    return str(getattr(oracle, "shown", "main"))


def run_of(seen: Observation, target: Any, margin: float | None = None, row: int = 0, *, output: str = "main") -> Run:
    """What one row said, short enough for a record: the label and best scores, or the text, or a few numbers.

    target: whose labels and task say how an answer is read.
    """
    shown = seen.outputs.get(output, seen.outputs["main"])
    answers = getattr(target, "answers", None)
    task = getattr(getattr(answers, "task", None), "name", "")
    if task in _BY_TASK and isinstance(shown, Tensor) and target.labels:
        scores = shown[row].detach().float().cpu().flatten()
        if bool(torch.isfinite(scores).all()):
            return _BY_TASK[task](scores, tuple(target.labels), margin, getattr(answers, "threshold", None) or 0.0)
    return _run_of(shown, target.labels, margin, row)


def says(run: Run, label: str, target: Any) -> bool:
    """Whether an answer is what a seed's label asks for: of several labels at once, that it is among them."""
    task = getattr(getattr(target, "task", None), "name", "")
    return label in run.label.split(AND) if task == "multi-label" else run.label == label


def named(value: Any, labels: Sequence[str]) -> str:
    """A part of an oracle's explanation for people: class numbers by their names."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= value < len(labels):
        return labels[int(value)]
    return str(value)


def names_answers(target: Any) -> bool:
    """Whether the target's labels name its answers: for some tasks those of seeds say nothing of them."""
    task = getattr(target, "task", None)
    return bool(target.labels) and (task is None or bool(task.labels))


def _several(scores: Tensor, labels: Sequence[str], margin: float | None, threshold: float) -> Run:
    """All labels that are said yes to, and the highest scores."""
    order = np.argsort(-scores.numpy(), kind="stable")
    named = {labels[at]: round(float(scores[at]), 6) for at in order[:TOP_SCORES] if at < len(labels)}
    yes = [labels[at] for at in order if at < len(labels) and float(scores[at]) > threshold]
    return Run(label=AND.join(yes) or NOTHING, scores=named, margin=margin)


def _grade(scores: Tensor, labels: Sequence[str], margin: float | None, threshold: float) -> Run:
    """The grade that is nearest, or has the highest score."""
    number = int(scores.argmax()) if len(scores) > 1 else max(0, min(len(labels) - 1, round(float(scores[0]))))
    return Run(label=labels[number] if number < len(labels) else "", text=_numbers(scores), margin=margin)


_BY_TASK = {"multi-label": _several, "ordinal": _grade}


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
