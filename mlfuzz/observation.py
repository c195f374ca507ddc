"""What was seen of the rows that ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from mlfuzz.batch import Indices


@dataclass(frozen=True, slots=True)
class Ragged:
    """Sequences of different length: values (B, T, ...) with zeros behind, lengths (B,)."""

    values: Tensor
    lengths: Tensor


Output: TypeAlias = Tensor | tuple[str, ...] | Ragged
"""(B, ...) numbers, B strings, or B sequences."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Outputs and reduced activations of B rows.

    outputs: "main" is always there; a target that gives a mapping has more. variants ("bf16") stand as "bf16.main".
    activations: (B, units), one column a unit, reduced over space or time by the hooks; (B, 0) for a black box.
    seconds: wall time of the forward pass. peak_bytes: of the device, 0 where not measured.
    """

    outputs: Mapping[str, Output]
    activations: Tensor
    seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def main(self) -> Tensor:
        """The main output as numbers (B, ...). Raises TypeError where it is text or ragged."""
        output = self.outputs["main"]
        if not isinstance(output, Tensor):
            raise TypeError("this part needs a tensor output; the target gives " + type(output).__name__)
        return output

    def take(self, rows: Indices) -> Observation:
        """Rows by position, in that order (repeats allowed)."""
        index = torch.as_tensor(rows, device=self.activations.device)
        return Observation(
            {name: _take(output, index) for name, output in self.outputs.items()},
            self.activations.index_select(0, index),
            self.seconds,
            self.peak_bytes,
        )

    @staticmethod
    def join(parts: Sequence[Observation]) -> Observation:
        """Observations one after the other; the first one names the outputs."""
        return Observation(
            {name: _join([part.outputs[name] for part in parts]) for name in parts[0].outputs},
            torch.cat([part.activations for part in parts]),
            sum(part.seconds for part in parts),
            max(part.peak_bytes for part in parts),
        )


@dataclass(frozen=True, slots=True)
class Crash:
    """What the system under test raised, as data.

    kind: "exception", "crash" (a signal), "exit", "hang", "memory". frames: "file:function" of the innermost frames.
    """

    kind: str
    type: str
    message: str
    frames: tuple[str, ...] = ()
    traceback: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What two crashes of one fault share: kind, type, and the innermost frame of the target."""
        return "|".join((self.kind, self.type, self.frames[-1] if self.frames else ""))


def _take(output: Output, index: Tensor) -> Output:
    if isinstance(output, Tensor):
        return output.index_select(0, index)
    if isinstance(output, Ragged):
        return Ragged(output.values.index_select(0, index), output.lengths.index_select(0, index))
    return tuple(output[row] for row in index.tolist())


def _join(outputs: Sequence[Output]) -> Output:
    first = outputs[0]
    if all(isinstance(output, Tensor) for output in outputs):
        tensors = [output for output in outputs if isinstance(output, Tensor)]
        alike = len({tuple(output.shape[1:]) for output in tensors}) == 1
        return torch.cat(tensors) if alike else _join_ragged([_as_ragged(output) for output in tensors])
    if isinstance(first, Tensor | Ragged):
        return _join_ragged([_as_ragged(output) for output in outputs if isinstance(output, Tensor | Ragged)])
    return tuple(text for output in outputs if isinstance(output, tuple) for text in output)


def _as_ragged(output: Tensor | Ragged) -> Ragged:
    """A padded batch's output (B, T, ...) as sequences, each as long as that batch was."""
    if isinstance(output, Ragged):
        return output
    return Ragged(output, torch.full((len(output),), output.shape[1], device=output.device))


def _join_ragged(parts: Sequence[Ragged]) -> Ragged:
    sizes = [max(part.values.shape[axis] for part in parts) for axis in range(1, parts[0].values.dim())]
    padded = []
    for part in parts:
        values = part.values.new_zeros((part.values.shape[0], *sizes))
        values[(slice(None), *(slice(0, size) for size in part.values.shape[1:]))] = part.values
        padded.append(values)
    return Ragged(torch.cat(padded), torch.cat([part.lengths for part in parts]))
