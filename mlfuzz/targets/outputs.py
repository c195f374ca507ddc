"""What a model gave, as outputs by name: tensors, texts or ragged sequences, one answer an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlfuzz.errors import TargetError
from mlfuzz.observation import Output, Ragged


def normalise(result: Any, batch: int, name: str, device: torch.device) -> dict[str, Output]:
    """What a model gave -> outputs by name, "main" first. Raises TargetError where it does not fit the batch."""
    if isinstance(result, Mapping):
        named = dict(result)
    elif hasattr(result, "logits"):
        named = {"main": result.logits}
    elif isinstance(result, tuple) and len(result) != batch and result and isinstance(result[0], Tensor):
        named = {"main" if at == 0 else str(at): part for at, part in enumerate(result)}
    else:
        named = {"main": result}
    if "main" not in named:
        first = "logits" if "logits" in named else next(iter(named), "")
        named = {"main": named.pop(first, None), **named}
    return {key: _output(value, batch, name, device) for key, value in named.items() if value is not None}


def named(result: Any, labels: Sequence[str]) -> Any:
    """Class numbers (B,) as the names of their classes; anything else as it is."""
    if not labels or not isinstance(result, list | tuple | np.ndarray | Tensor) or not len(result):
        return result
    if isinstance(result, list | tuple) and not all(isinstance(item, int | np.integer) for item in result):
        return result
    numbers = result.cpu().numpy() if isinstance(result, Tensor) else np.asarray(result)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= len(labels):
        return result
    return [labels[number] for number in numbers.tolist()]


def _output(value: Any, batch: int, name: str, device: torch.device) -> Output:
    if isinstance(value, Ragged):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        value = value.tolist()
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
        output: Output = tuple(value)
    elif isinstance(value, list | tuple) and len(value) == batch and batch:
        output = _stacked(
            [torch.as_tensor(np.asarray(item) if not isinstance(item, Tensor) else item) for item in value]
        )
    else:
        output = torch.as_tensor(value)
    if isinstance(output, tuple):
        length = len(output)
    elif isinstance(output, Ragged):
        length = int(output.values.shape[0])
    else:
        output = output.to(device)
        if not output.is_floating_point() or output.dtype == torch.float64:
            output = output.float()
        length = int(output.shape[0]) if output.dim() else -1
    if length != batch:
        shape = tuple(output.shape) if isinstance(output, Tensor) else (length,)
        raise TargetError(
            f"target {name}: {batch} inputs gave an output of shape {shape}; "
            f"a target gives one answer an input, batch first: ({batch}, ...)"
        )
    return output


def _stacked(items: Sequence[Tensor]) -> Tensor | Ragged:
    if len({tuple(item.shape) for item in items}) == 1:
        return torch.stack(list(items))
    longest = max(item.shape[0] for item in items)
    values = torch.zeros((len(items), longest, *items[0].shape[1:]))
    for row, item in enumerate(items):
        values[row, : item.shape[0]] = item
    return Ragged(values, torch.tensor([item.shape[0] for item in items]))
