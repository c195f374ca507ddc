"""Forward hooks that reduce activations on the device: one column a unit, averaged over space or time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.targets.portions import compiled_parts, within

ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh, nn.Sigmoid,
    nn.Hardswish, nn.Hardtanh, nn.Hardsigmoid, nn.Softplus,
)  # fmt: skip
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
BLOCKS = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
ATTENTION = (nn.MultiheadAttention,)
CHANNELS_FIRST = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm)
CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, *RECURRENT, *BLOCKS, *ATTENTION)

MAX_UNITS = 16_384
"""More columns than this are thinned to whole layers, evenly over the depth: 64 MiB a thousand rows is enough."""


@dataclass(frozen=True, slots=True)
class HookedLayer:
    """Columns [start, stop) of the activations: one call of one module. units_last: (B, T, C), not (B, C, ...)."""

    name: str
    call: int
    start: int
    stop: int
    units_last: bool

    @property
    def units(self) -> int:
        return self.stop - self.start


class Watcher:
    """Hooks on some modules of a model; `watch` gives the reduced activations of the forward pass run inside it.

    They are there while it runs, and never else: whoever compiles, scripts or copies the model finds it as it was.

    names: modules to watch; None: every activation function, recurrent layer, attention, transformer block, or, where
    there is none, every convolution and linear layer but the last. Raises UnknownNameError with the nearest name.
    """

    def __init__(self, model: nn.Module, names: Sequence[str] | None) -> None:
        self._modules = _chosen(model, names)
        self._model = model
        self.layers: tuple[HookedLayer, ...] = ()
        self._slots: dict[tuple[str, int], HookedLayer] = {}
        self._watched: tuple[str, ...] = ()
        self._calls: dict[str, int] = {}
        self._written: set[int] = set()
        self._buffer: Tensor | None = None
        self._mask: Tensor | None = None
        self._hooks = {name: self._hook(name) for name in self._modules}

    @property
    def units(self) -> int:
        return self.layers[-1].stop if self.layers else 0

    def probe(self, batch: int, forward: Callable[[], Any]) -> Any:
        """Run `batch` rows once to learn which modules are called, how often, and the shape of what they give.

        What a module gives is watched where it has the rows first, or is of a kind that says otherwise (LSTM, ...).
        """
        found: list[tuple[str, int, Tensor, bool]] = []
        calls: dict[str, int] = {}
        last_known = [False]

        def known(module: nn.Module, _: Any, __: Any) -> None:
            if isinstance(module, CHANNELS_FIRST):
                last_known[0] = False
            elif isinstance(module, CHANNELS_LAST):
                last_known[0] = True

        def seen(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def hook(module: nn.Module, _: Any, output: Any) -> None:
                call = calls.get(name, 0)
                calls[name] = call + 1
                tensor, __ = rows_first(module, output)
                if tensor is None or tensor.dim() < 2 or not tensor.is_floating_point() or len(tensor) != batch:
                    return
                found.append((name, call, tensor, isinstance(module, CHANNELS_LAST) or last_known[0]))

            return hook

        compiled = within(compiled_parts(self._model))
        handles = [
            module.register_forward_hook(known)
            for module in self._model.modules()
            if id(module) not in compiled and takes_hooks(module)
        ]
        handles += [module.register_forward_hook(seen(name)) for name, module in self._modules.items()]
        try:
            result = forward()
        finally:
            for handle in handles:
                handle.remove()
        self._lay_out(found)
        return result

    def watch(self, batch: int, device: torch.device, mask: Tensor | None, forward: Callable[[], Any]) -> Any:
        """The result of `forward()`; afterwards `take()` gives its activations (B, units)."""
        self._calls.clear()
        self._written.clear()
        self._mask = mask
        self._buffer = torch.empty((batch, self.units), dtype=torch.float32, device=device) if self.layers else None
        handles = [self._modules[name].register_forward_hook(self._hooks[name]) for name in self._watched]
        try:
            result = forward()
        finally:
            for handle in handles:
                handle.remove()
            self._mask = None
        for layer in self.layers:
            if self._buffer is not None and layer.start not in self._written:  # not called, or it gave something else
                self._buffer[:, layer.start : layer.stop] = 0.0
        return result

    def take(self, batch: int, device: torch.device) -> Tensor:
        """Activations of the forward pass just watched; handed over once."""
        buffer, self._buffer = self._buffer, None
        return torch.zeros((batch, 0), dtype=torch.float32, device=device) if buffer is None else buffer

    def _hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            if self._buffer is None:
                return
            call = self._calls.get(name, 0)
            self._calls[name] = call + 1
            layer = self._slots.get((name, call))
            if layer is None:
                return
            tensor, own = rows_first(module, output)
            if tensor is not None and tensor.shape[0] == self._buffer.shape[0]:
                mask = self._mask if own is None else own
                self._buffer[:, layer.start : layer.stop] = reduce(tensor, layer.units_last, mask)
                self._written.add(layer.start)

        return hook

    def _lay_out(self, found: Sequence[tuple[str, int, Tensor, bool]]) -> None:
        sizes = [(name, call, tensor.shape[-1 if last else 1], last) for name, call, tensor, last in found]
        while sum(size for _, _, size, _ in sizes) > MAX_UNITS and len(sizes) > 1:
            sizes = sizes[1::2]  # the later half of each pair: the last layer stays
        layers, start = [], 0
        for name, call, size, last in sizes:
            layers.append(HookedLayer(name, call, start, start + size, last))
            start += size
        self.layers = tuple(layers)
        self._slots = {(layer.name, layer.call): layer for layer in layers}
        self._watched = tuple(dict.fromkeys(layer.name for layer in layers))


def takes_hooks(module: nn.Module) -> bool:
    """Whether a hook on it is allowed, and called: TorchScript takes none, or runs outside of Python."""
    if isinstance(module, torch.jit.ScriptModule):
        return False
    try:
        module.register_forward_hook(lambda *_: None).remove()
    except Exception:  # noqa: BLE001  modules of others refuse in their own ways
        return False
    return True


def reduce(tensor: Tensor, units_last: bool, mask: Tensor | None) -> Tensor:
    """(B, C, ...) or (B, ..., C) -> (B, C): the mean over space or time; with a mask (B, T), of valid steps only.

    Where the layer is coarser than the mask, the mask is thinned to its length. Of a picture of sound, time is the last
    axis of (B, C, F, T), and the first behind the rows of (B, T, F, C).
    """
    if tensor.dim() == 2:
        return tensor
    if mask is None:
        return tensor.mean(tuple(range(1, tensor.dim() - 1)) if units_last else tuple(range(2, tensor.dim())))
    if tensor.dim() > 3:
        tensor = tensor.mean(tuple(range(2, tensor.dim() - 1)))
    inside = _thinned(mask, tensor.shape[1] if units_last else tensor.shape[2])
    share = inside.to(tensor.dtype)
    share /= share.sum(1, keepdim=True).clamp_(min=1.0)
    mean = _weighed(tensor, share, units_last)
    if not bool(torch.isfinite(mean.sum())):
        # What stands in padding may be anything, NaN too. Leaving it out takes thrice as long as weighing it with 0.
        outside = ~(inside[:, :, None] if units_last else inside[:, None])
        mean = _weighed(tensor.masked_fill(outside, 0.0), share, units_last)
    return mean


def _weighed(tensor: Tensor, share: Tensor, units_last: bool) -> Tensor:
    """(B, T, C) or (B, C, T) weighed with (B, T) over time -> (B, C)."""
    return torch.bmm(share[:, None], tensor)[:, 0] if units_last else torch.bmm(tensor, share[:, :, None])[:, :, 0]


def rows_first(module: nn.Module, output: Any) -> tuple[Tensor | None, Tensor | None]:
    """What a module gave, as (B, ...), and its own mask (B, T) where it knows one; (None, None) for no tensor.

    Of a tuple the first part. Packed and nested sequences are padded. Layers that have time first are turned.
    """
    while isinstance(output, tuple | list) and output and not isinstance(output, PackedSequence):
        output = output[0]
    if isinstance(output, PackedSequence):
        tensor, lengths = pad_packed_sequence(output, batch_first=True)
        return tensor, steps_within(lengths.to(tensor.device), tensor.shape[1])
    if not isinstance(output, Tensor):
        return None, None
    if output.is_nested:  # torch's fast path for transformers with a padding mask
        lengths = torch.tensor([len(part) for part in output.unbind()], device=output.device)
        tensor = output.to_padded_tensor(0.0)
        return tensor, steps_within(lengths, tensor.shape[1])
    return (output.transpose(0, 1) if output.dim() == 3 and _time_first(module) else output), None


def steps_within(lengths: Tensor, steps: int) -> Tensor:
    """(B,) lengths -> (B, steps), True where a row has such a step."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def functional_activations(model: nn.Module, forward: Callable[[], Any]) -> tuple[int, int]:
    """(calls of activation functions made by modules, calls made as plain functions that no hook can see)."""
    by_module = [0]
    names = {"relu", "relu_", "gelu", "silu", "leaky_relu", "elu", "selu", "hardswish", "tanh", "sigmoid", "mish"}

    class Count(torch.overrides.TorchFunctionMode):
        total = 0

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(func, "__name__", "") in names:
                Count.total += 1
            return func(*args, **(kwargs or {}))

    def count(*_: Any) -> None:
        by_module[0] += 1

    handles = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, ACTIVATIONS)]
    try:
        with Count():
            forward()
    finally:
        for handle in handles:
            handle.remove()
    return by_module[0], max(0, Count.total - by_module[0])


def _chosen(model: nn.Module, names: Sequence[str] | None) -> dict[str, nn.Module]:
    modules = {name or "model": module for name, module in model.named_modules()}
    compiled = within(compiled_parts(model))
    hooked = {name: module for name, module in modules.items() if id(module) not in compiled and takes_hooks(module)}
    if names is not None:
        for name in names:
            if name not in modules:
                raise UnknownNameError("layer", name, [known for known in modules if known != "model"])
            if name not in hooked:
                raise ConfigError(
                    f"layer {name!r} takes no hooks (TorchScript and compiled modules do not): leave layers out, and "
                    "coverage looks at the outputs; or hand over the module that it was made of"
                )
        return {name: modules[name] for name in names}
    inside = [name for name, module in hooked.items() if isinstance(module, BLOCKS)]
    chosen: dict[str, nn.Module] = {
        name: module
        for name, module in hooked.items()
        if isinstance(module, ACTIVATIONS + RECURRENT + BLOCKS + ATTENTION)
        and not any(name != block and name.startswith(block + ".") for block in inside)
    }
    if chosen:
        return chosen
    leaves = [(name, module) for name, module in hooked.items() if isinstance(module, (nn.Linear, *CHANNELS_FIRST[:3]))]
    return dict(leaves[:-1] or leaves)


def _time_first(module: nn.Module) -> bool:
    attention = module.self_attn if isinstance(module, BLOCKS) else module
    return isinstance(attention, RECURRENT + ATTENTION) and not attention.batch_first


def _thinned(mask: Tensor, steps: int) -> Tensor:
    if mask.shape[1] == steps:
        return mask
    index = torch.div(torch.arange(steps, device=mask.device) * mask.shape[1], steps, rounding_mode="floor")
    return mask.index_select(1, index)
