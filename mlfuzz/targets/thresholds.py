"""Where one number turns from no to yes: at 0.5 of a probability, at 0 of a logit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

PROBABILITY, LOGIT = 0.5, 0.0

PASSED_ON = (
    "View", "UnsafeView", "Squeeze", "Unsqueeze", "Select", "Slice", "Reshape", "ToCopy", "Clone", "Expand", "T",
    "Transpose", "Permute", "Alias", "Index", "Stack", "Cat",
)  # fmt: skip
"""Steps of autograd that hand numbers on as they are."""

MOST_STEPS = 16


def threshold_of(output: Tensor, graph: Callable[[], Any]) -> tuple[float, bool]:
    """(the threshold, whether it is a guess from the values). graph: the same output with its history.

    What comes out of a sigmoid is a probability, and what has another last step a logit; where there is no history
    (a function, an exported program) values between 0 and 1 are taken for probabilities.
    """
    last = _last_step(graph)
    if last:
        return (PROBABILITY if last.startswith("Sigmoid") else LOGIT), False
    values = output.detach().float()
    inside = bool(((values >= 0) & (values <= 1)).all())
    return (PROBABILITY if inside else LOGIT), inside


def _last_step(graph: Callable[[], Any]) -> str:
    """The name of the last step that makes something of its numbers; "" where it is not known."""
    try:
        with torch.enable_grad():
            output = graph()
    except Exception:  # noqa: BLE001  it is asked for once more than needed: what it raises then is told elsewhere
        return ""
    step = output.grad_fn if isinstance(output, Tensor) else None
    for _ in range(MOST_STEPS):
        name = type(step).__name__ if step is not None else ""
        if not name.startswith(PASSED_ON):
            break
        step = next((one for one, _ in step.next_functions if one is not None), None)  # type: ignore[union-attr]
    known = name.startswith(("Sigmoid", "Addmm", "Mm", "Add", "Sub", "Mul", "Linear", "Convolution", "Bmm", "MatMul"))
    return name if known else ""
