"""What a model gave, as outputs by name: tensors, texts or ragged sequences, one answer an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mlfuzz.errors import AnswerError
from mlfuzz.observation import Output, Ragged

Chosen: TypeAlias = str | int | Callable[[Any], Any]
"""Which part of an answer is judged: by name, position or path ("0.logits"), or what a function makes of the answer."""

MAIN = "main"
NAMES = (MAIN, "logits")
"""Names of what is judged, where a target gives several outputs; without one, it is the first that has an axis."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How a target's answers are taken apart: learnt in its first run, and the same in any batch from then on.

    judged: the name of the part that is the main output, "" where an answer is one output. beside: parts with a row an
    input that stand beside it. left_out: parts without. Both by name, with what they are in words.
    """

    judged: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """What main outputs are like in any batch. dims: of a tensor, -1 where they vary. classes: columns, where each is
    a label's; else 0."""

    texts: bool
    dims: int
    classes: int

    @classmethod
    def of(cls, main: Output, labels: int) -> Form:
        """labels: how many the target names."""
        if not isinstance(main, Tensor):
            return cls(isinstance(main, tuple), -1, 0)
        scores = main.dim() == 2 and main.shape[1] == labels
        return cls(False, main.dim(), labels if scores else 0)

    def check(self, main: Output, name: str) -> None:
        """Raises AnswerError for an output that cannot stand beside those before."""
        if self.texts != isinstance(main, tuple):
            words = ("texts", "numbers") if self.texts else ("numbers", "texts")
            raise AnswerError(f"target {name}: its answers were {words[0]} before, and are {words[1]} now")
        if not isinstance(main, Tensor) or self.dims < 0:
            return
        if main.dim() != self.dims:
            raise AnswerError(
                f"target {name}: an answer had {self.dims - 1} axes before, and has {main.dim() - 1} now:"
                f" {tuple(main.shape[1:])}"
            )
        if self.classes and main.shape[1] != self.classes:
            raise AnswerError(f"target {name}: it gave {self.classes} scores before, one a label; now {main.shape[1]}")


def learn(result: Any, batch: int, again: Callable[[], tuple[Any, int]]) -> Taken:
    """What of an answer to `batch` inputs is kept. again: the answer to another number of inputs, and that number.

    A part stands beside the main output where it has a row an input in both: a length alone may fit by chance.
    """
    judged, parts = _main_of(result)
    others = {key: value for key, value in parts.items() if key != MAIN and value is not None}
    if not others:
        return Taken(judged)
    fits = {key for key, value in others.items() if _rows(value) == batch}
    if fits:
        try:
            other, count = again()
        except Exception:  # noqa: BLE001  some targets take one size of batch alone; what they raise elsewhere is told elsewhere
            pass
        else:
            fits &= {key for key, value in _main_of(other)[1].items() if _rows(value) == count}
    return Taken(
        judged,
        {key: _row_described(value) for key, value in others.items() if key in fits},
        {key: _described(value) for key, value in others.items() if key not in fits},
    )


def normalise(
    result: Any, batch: int, name: str, device: torch.device, *, taken: Taken | None = None
) -> dict[str, Output]:
    """What a model gave -> outputs by name, "main" first. Raises AnswerError where it does not fit the batch.

    A mapping, a dataclass or a named tuple holds outputs by name, any other tuple by position; a list, or a tuple of
    numbers or texts, holds one answer an input. "main" is the output of that name, or "logits", or the first that has
    an axis. taken: which others are kept; None: the main output alone.
    """
    _, parts = _main_of(result)
    outputs = {"main": _output(parts[MAIN], batch, name, device)}
    for key in () if taken is None else taken.beside:
        if parts.get(key) is None:
            raise AnswerError(f"target {name}: its answer had a part {key!r} in the first run, and has none now")
        outputs[key] = _output(parts[key], batch, name, device)
    return outputs


def detached(outputs: Mapping[str, Output]) -> dict[str, Output]:
    """Without their history: a model that switches gradients on for itself gives outputs that have one."""
    return {name: _detached(output) for name, output in outputs.items()}


def named(result: Any, labels: Sequence[str]) -> Any:
    """Class numbers (B,) as the names of their classes; anything else as it is."""
    if not labels or not isinstance(result, list | tuple | np.ndarray | Tensor) or not len(result):
        return result
    if isinstance(result, Tensor) and (result.dim() != 1 or result.is_floating_point() or result.is_complex()):
        return result
    if isinstance(result, list | tuple) and not all(isinstance(item, int | np.integer) for item in result):
        return result
    numbers = result.cpu().numpy() if isinstance(result, Tensor) else np.asarray(result)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= len(labels):
        return result
    return [labels[number] for number in numbers.tolist()]


def _detached(output: Output) -> Output:
    if isinstance(output, Ragged):
        return Ragged(output.values.detach(), output.lengths)
    return output.detach() if isinstance(output, Tensor) else output


def _main_of(result: Any) -> tuple[str, dict[str, Any]]:
    """(name of the main output, parts with "main" among them); ("", {"main": result}) where there is one part only."""
    parts = _parts(result)
    if parts is None:
        return "", {MAIN: result}
    key = next((name for name in NAMES if name in parts), None)
    if key is None:
        key = next((name for name, value in parts.items() if _has_axis(value)), next(iter(parts), ""))
    inner, below = _main_of(parts.pop(key, None))
    main = below.pop(MAIN)
    return f"{key}.{inner}" if inner else key, {
        MAIN: main,
        **parts,
        **{f"{key}.{name}": v for name, v in below.items()},
    }


def _parts(result: Any) -> dict[str, Any] | None:
    """The outputs that one answer holds, by name or position; None where it is one output."""
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items()}
    if is_dataclass(result) and not isinstance(result, type | Ragged):
        return {part.name: getattr(result, part.name) for part in fields(result)}
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return dict(zip(result._fields, result, strict=True))
    if isinstance(result, tuple) and any(map(_has_axis, result)):
        return {str(at): part for at, part in enumerate(result)}
    return {"logits": result.logits} if hasattr(result, "logits") else None


def _has_axis(value: Any) -> bool:
    if isinstance(value, Tensor | np.ndarray):
        return value.ndim > 0
    parts = _parts(value)
    return isinstance(value, list | Ragged) if parts is None else any(map(_has_axis, parts.values()))


def _rows(value: Any) -> int:
    """How many answers a part holds; -1 where it has no axis of rows."""
    if isinstance(value, Tensor | np.ndarray):
        return len(value) if value.ndim else -1
    if isinstance(value, Ragged):
        return len(value.lengths)
    return len(value) if isinstance(value, list) or (isinstance(value, tuple) and _parts(value) is None) else -1


def _row_described(value: Any) -> str:
    return _described(value[0]) if isinstance(value, Tensor | np.ndarray) else f"a {type(value).__name__}"


def _described(value: Any) -> str:
    if isinstance(value, Tensor | np.ndarray):
        return "x".join(str(size) for size in value.shape) or "one number"
    if isinstance(value, list | tuple | Mapping):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "nothing (None)"
    return "one number" if isinstance(value, int | float) else f"something of type {type(value).__name__}"


def _output(value: Any, batch: int, name: str, device: torch.device) -> Output:
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        value = value.tolist()
    if isinstance(value, list | tuple):
        output = _listed(value, name)
    elif isinstance(value, Ragged):
        output = value
    else:
        output = _tensor(value, name)
    if isinstance(output, Tensor):
        output = _plain(output.to(device))
    length = _rows(output)
    if length != batch:
        shape = tuple(output.shape) if isinstance(output, Tensor) else (length,)
        raise AnswerError(
            f"target {name}: {batch} inputs gave an output of shape {shape}; "
            f"a target gives one answer an input, batch first: ({batch}, ...). "
            "A tuple holds several outputs, and a list one answer an input"
        )
    return output


def _listed(values: Sequence[Any], name: str) -> Output:
    """One answer an input: texts, or numbers, arrays and lists of them."""
    if values and all(isinstance(item, str) for item in values):
        return tuple(values)
    for item in values:
        if _parts(item) is not None or item is None or isinstance(item, str):
            raise AnswerError(
                f"target {name}: its answer to one input is {_described(item)}, where numbers or a text are looked for;"
                " give what is to be judged alone: a tensor (B, ...), or a list of one tensor or text an input"
            )
    return _stacked([_tensor(item, name) for item in values])


def _tensor(value: Any, name: str) -> Tensor:
    try:
        return value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise AnswerError(
            f"target {name}: it answers with {_described(value)}, which holds no numbers; give a tensor (B, ...), "
            "or a list of one tensor or text an input"
        ) from error


def _plain(output: Tensor) -> Tensor:
    """Numbers that oracles can compare: float, a complex one as two, a sparse or quantised one in full."""
    if output.layout != torch.strided:
        output = output.to_dense()
    if output.is_quantized:
        output = output.dequantize()
    if output.is_complex():
        output = torch.view_as_real(output.resolve_conj())
    kept = output.dtype in (torch.float32, torch.bfloat16, torch.float16)
    return output if kept else output.float()


def _stacked(items: Sequence[Tensor]) -> Tensor | Ragged:
    if len({tuple(item.shape) for item in items}) <= 1:
        return torch.stack(list(items)) if items else torch.empty(0)
    longest = max(item.shape[0] for item in items)
    values = torch.zeros((len(items), longest, *items[0].shape[1:]))
    for row, item in enumerate(items):
        values[row, : item.shape[0]] = item
    return Ragged(values, torch.tensor([item.shape[0] for item in items]))
