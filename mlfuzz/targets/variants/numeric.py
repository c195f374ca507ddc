"""Variants in fewer bits: fp16 and bf16 as torch computes them, int8 row by row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mlfuzz.batch import Rows
from mlfuzz.errors import TargetError
from mlfuzz.observation import Observation, Output
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.variants.base import MAIN, VARIANTS, bare_copy, module_of, plain, quiet

LEVELS = 255
"""Steps of an 8-bit grid over the range of what is rounded; 0 always lies on it."""

SIGNED = 127
"""Largest weight on the symmetric signed grid."""

DENSE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
"""Modules whose inputs are rounded as well as their weights."""

WEIGHTS_ONLY = (nn.Embedding, nn.RNNBase, nn.MultiheadAttention)


class Half:
    """Weights and inputs in half precision; answers are given back in float32.

    A model with operations that do not exist in half precision (a Fourier transform, say) runs under torch's autocast,
    which leaves those in float32: `how` then says "autocast".
    """

    remedy = "name another variant, or give the module in that form: ModuleTarget(..., variants={...})"

    def __init__(self, target: ModuleTarget, name: str, dtype: torch.dtype) -> None:
        self.name = name
        self.how = ""
        self._target, self._dtype = target, dtype
        self._whole = bare_copy(target, name).to(dtype)
        self._float = bare_copy(target, name)

    @property
    def digest(self) -> str:
        return self.name

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        arguments, keywords = self._target.inputs(rows)
        if self.how != "autocast":
            try:
                cast = {key: _cast(value, self._dtype) for key, value in keywords.items()}
                result = quiet(partial(self._whole, *[_cast(value, self._dtype) for value in arguments], **cast))
            except (RuntimeError, NotImplementedError, TypeError):
                if self.how:
                    raise
                self.how = "autocast"
            else:
                self.how = "whole"
                return {MAIN: plain(result, len(rows), self._target)}
        with torch.autocast(self._target.device.type, dtype=self._dtype):
            result = quiet(partial(self._float, *arguments, **keywords))
        return {MAIN: plain(result, len(rows), self._target)}


class Int8:
    """Weights rounded to 8 bits by output channel, inputs of dense and convolution layers by row, as the data says.

    Dynamic quantisation as it would be with a scale for each row (of a linear layer, for each step), in float32 with
    the rounding of int8. torch's own takes one scale from a whole batch: a row's answer then depends on its
    company, and nothing found could be told from that; it is "int8-torch" here, which runs each row alone.
    """

    remedy = "name another variant"

    def __init__(self, target: ModuleTarget) -> None:
        self.name = self.digest = "int8"
        self._target = target
        self._model = bare_copy(target, "int8")
        _has_some(self._model, DENSE + WEIGHTS_ONLY, self.name, target)
        with torch.no_grad():
            for module in self._model.modules():
                _round_weights(module)
                if isinstance(module, DENSE):
                    module.register_forward_pre_hook(_round_input)

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        arguments, keywords = self._target.inputs(rows)
        return {MAIN: plain(self._model(*arguments, **keywords), len(rows), self._target)}


class TorchInt8:
    """torch's own dynamic quantisation of linear and recurrent layers, each row alone. On the processor."""

    remedy = 'name "int8" instead, which needs nothing of torch'

    def __init__(self, target: ModuleTarget) -> None:
        self.name = self.digest = "int8-torch"
        self._target = target
        copy = bare_copy(target, self.name)
        kinds = (nn.Linear, nn.LSTM, nn.GRU)
        _has_some(copy, kinds, self.name, target)
        self._model = quiet(partial(_quantize_dynamic, copy, set(kinds), dtype=torch.qint8))

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        parts = []
        for at in range(len(rows)):
            arguments, keywords = self._target.inputs(rows.part(at, at + 1))
            main = plain(quiet(partial(self._model, *arguments, **keywords)), 1, self._target)
            parts.append(Observation({MAIN: main}, seen.activations[:1, :0]))
        return Observation.join(parts).outputs


def nearest_level(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Values rounded to 255 steps between their smallest and largest over `dims` (0 among them). Gradients pass."""
    low = values.detach().amin(dims, keepdim=True).clamp_max(0.0)
    step = (values.detach().amax(dims, keepdim=True).clamp_min(0.0) - low).clamp_min(1e-12) / LEVELS
    zero = torch.round(-low / step)
    rounded = (torch.round(values / step + zero).clamp(0, LEVELS) - zero) * step
    return rounded if not values.requires_grad else values + (rounded - values).detach()


def _has_some(model: nn.Module, kinds: tuple[type[nn.Module], ...], variant: str, target: ModuleTarget) -> None:
    """Raises TargetError where nothing would be quantised: the target compared with itself shows nothing."""
    if not any(isinstance(module, kinds) for module in model.modules()):
        raise TargetError(
            f"variant {variant}: target {target.name} has no layer that is quantised (TorchScript and exported programs"
            f' have none); hand the other form over yourself: ModuleTarget(..., variants={{"{variant}": module}})'
        )


def _round_weights(module: nn.Module) -> None:
    if not isinstance(module, DENSE + WEIGHTS_ONLY):
        return
    transposed = isinstance(module, DENSE[4:])
    for parameter in module.parameters(recurse=False):
        if parameter.dim() >= 2:
            dims = tuple(at for at in range(parameter.dim()) if at != (1 if transposed else 0))
            step = parameter.abs().amax(dims, keepdim=True).clamp_min(1e-12) / SIGNED
            parameter.copy_(torch.round(parameter / step) * step)


def _round_input(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    first = inputs[0]
    if not isinstance(first, Tensor) or not first.is_floating_point() or first.dim() < 2:
        return inputs
    dims = (first.dim() - 1,) if isinstance(module, nn.Linear) else tuple(range(1, first.dim()))
    return (nearest_level(first, dims), *inputs[1:])


def _quantize_dynamic(*arguments: Any, **keywords: Any) -> Any:
    return torch.ao.quantization.quantize_dynamic(*arguments, **keywords)  # type: ignore[no-untyped-call]


def _cast(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def fp16(target: Any, argument: str) -> Half:
    """Weights and inputs in IEEE half precision: 11 bits, largest number 65,504."""
    return Half(module_of(target, "fp16"), "fp16", torch.float16)


def bf16(target: Any, argument: str) -> Half:
    """Weights and inputs in bfloat16: 8 bits, the range of float32."""
    return Half(module_of(target, "bf16"), "bf16", torch.bfloat16)


def int8(target: Any, argument: str) -> Int8:
    """Dynamic 8-bit quantisation of weights and layer inputs, with a scale for each row."""
    return Int8(module_of(target, "int8"))


def int8_torch(target: Any, argument: str) -> TorchInt8:
    """torch's own dynamic quantisation of linear and recurrent layers, each row alone."""
    return TorchInt8(module_of(target, "int8-torch"))


VARIANTS.add("fp16", fp16)
VARIANTS.add("bf16", bf16)
VARIANTS.add("int8", int8)
VARIANTS.add("int8-torch", int8_torch)
