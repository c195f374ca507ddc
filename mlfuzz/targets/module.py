"""A target made of a torch module, and one made of any batched callable."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlfuzz.batch import Rows, TensorRows, TextRows
from mlfuzz.errors import TargetError
from mlfuzz.modality.base import Modality
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.targets.hooks import Layer, Watcher, steps_within

Preprocess = Callable[..., Any]

CHANGING = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
"""Modules that behave otherwise in training mode."""

VALID = ("attention_mask", "mask")
PADDING = ("src_key_padding_mask", "key_padding_mask", "padding_mask")
"""Names of masks: those that are True (or 1) at valid steps, and torch's own, which are True at padding."""


class ModuleTarget:
    """A torch module behind its preprocessing.

    name: "digits:robust"; findings carry it. modality: what the target takes, e.g. `mlfuzz.Image(size=(28, 28))`.
    preprocess: batched; natural inputs -> what the model takes. Images come as float32 (B, C, H, W) in the modality's
      `range`, audio as float32 (B, C, T) in [-1, 1] (and lengths (B,) as a second argument where they vary), text as
      a tuple of strings. It may give a tensor, a tuple of arguments or a dict of keyword arguments; a boolean tensor
      (B, T) among them is the mask of valid steps, so that padding never counts as coverage ("key_padding_mask" and its
      like, by name, are True at padding). Without one, the lengths of waveforms are the mask.
    labels: names of the classes. layers: names of modules to watch; None: chosen by kind (see hooks).
    seeds: where seeds are found unless the campaign says otherwise. raises: exceptions that are a proper answer.
    oracles: what judges its answers unless the campaign says otherwise: [{"name": "cosine", "bound": 0.8}].
    variants: other forms of the model by a name of yours, modules behind the same preprocessing or targets, for oracles
      that compare: {"pruned": small_model} is what "differ:pruned" looks for.
    A target that writes into its input is found out in its first run, and handed copies from then on (`shield`).
    The module is put in evaluation mode unless `train_mode=True`, in which case it is left as it is.
    Raises UnknownNameError for a layer that is not there.
    """

    def __init__(
        self,
        name: str,
        modality: Modality,
        model: nn.Module,
        *,
        preprocess: Preprocess | None = None,
        labels: Sequence[Any] = (),
        layers: Sequence[str] | None = None,
        seeds: str | Path | None = None,
        raises: Sequence[type[BaseException]] = (),
        oracles: Sequence[Mapping[str, Any]] = (),
        device: str | torch.device = "cpu",
        train_mode: bool = False,
        variants: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.modality = modality
        self.device = torch.device(device)
        self.was_training = model.training and any(isinstance(module, CHANGING) for module in model.modules())
        self.model = model.to(self.device) if train_mode else model.to(self.device).eval()
        self.preprocess = preprocess
        self.labels = tuple(str(label) for label in labels)
        self.seeds = None if seeds is None else Path(seeds)
        self.raises = tuple(raises)
        self.oracles = tuple(dict(oracle) for oracle in oracles)
        self.variants: dict[str, Any] = dict(variants or {})
        self.shield = False
        self._watcher = Watcher(self.model, layers)
        self._probed = False
        self._digest = ""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What is watched; known after the first run."""
        return self._watcher.layers

    @property
    def digest(self) -> str:
        if not self._digest:
            digest = hashlib.sha256()
            for key, value in sorted(self.model.state_dict().items()):
                digest.update(key.encode())
                if isinstance(value, Tensor):
                    digest.update(
                        str(value.dtype).encode() + value.detach().cpu().contiguous().view(-1).numpy().tobytes()
                    )
            for part in (type(self.model), self.preprocess):
                digest.update(_source(part).encode())
            digest.update(repr((self.modality.name, self.modality.describe(), self.labels, torch.__version__)).encode())
            self._digest = digest.hexdigest()
        return self._digest

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def run(self, rows: Rows) -> Observation:
        """One forward pass over B rows. Raises what the preprocessing or the model raises."""
        batch = len(rows)
        started = time.perf_counter()
        with torch.inference_mode():
            if not self._probed:
                self._probe(rows)
            arguments, keywords = self.inputs(rows)
            mask = _mask(rows, arguments, keywords)
            result = self._watcher.watch(batch, self.device, mask, lambda: self.model(*arguments, **keywords))
            outputs = normalise(result, batch, self.name, self.device)
        activations = self._watcher.take(batch, self.device)
        return Observation(outputs, activations, time.perf_counter() - started)

    def forward(self, rows: Rows) -> Any:
        """The bare forward pass, without hooks being read: what speeds are compared with."""
        with torch.inference_mode():
            arguments, keywords = self.inputs(rows)
            return self.model(*arguments, **keywords)

    def trace(self, rows: Rows) -> Observation:
        """`run` with its history kept, so that outputs and activations can be differentiated with respect to the rows.

        Variants are left out. Raises what the preprocessing or the model raises.
        """
        batch = len(rows)
        started = time.perf_counter()
        with torch.enable_grad():
            arguments, keywords = self.inputs(rows)
            mask = _mask(rows, arguments, keywords)
            result = self._watcher.watch(batch, self.device, mask, lambda: self.model(*arguments, **keywords))
            outputs = normalise(result, batch, self.name, self.device)
        return Observation(outputs, self._watcher.take(batch, self.device), time.perf_counter() - started)

    def _probe(self, rows: Rows) -> None:
        """The first run: which layers answer a row each, and whether the model writes into what it is handed."""
        before = _copied(rows)
        arguments, keywords = self.inputs(rows)
        self._watcher.probe(len(rows), lambda: self.model(*arguments, **keywords))
        self.shield = self.shield or _written(rows, before)
        self._probed = True

    def inputs(self, rows: Rows) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the module is called with: arguments and keyword arguments, after preprocessing."""
        natural = natural_inputs(rows, self.modality, shield=self.shield)
        prepared = natural if self.preprocess is None else (self.preprocess(*natural),)
        if len(prepared) == 1 and isinstance(prepared[0], tuple):
            return prepared[0], {}
        if len(prepared) == 1 and isinstance(prepared[0], Mapping):
            return (), dict(prepared[0])
        return prepared, {}


class CallableTarget:
    """A black box: any batched callable, no module, no gradients, no activations; coverage looks at its outputs.

    function: natural inputs as for `ModuleTarget.preprocess`, but images and audio as NumPy arrays where `numpy=True`;
    gives scores (B, classes), B labels (names, or whole numbers where `labels` names them) or texts, B sequences, or a
    mapping of these. variants: other targets by a name of yours, for oracles that compare.
    """

    def __init__(
        self,
        name: str,
        modality: Modality,
        function: Callable[..., Any],
        *,
        labels: Sequence[Any] = (),
        seeds: str | Path | None = None,
        raises: Sequence[type[BaseException]] = (),
        oracles: Sequence[Mapping[str, Any]] = (),
        numpy: bool = False,
        device: str | torch.device = "cpu",
        variants: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.modality = modality
        self.variants: dict[str, Any] = dict(variants or {})
        self.function = function
        self.labels = tuple(str(label) for label in labels)
        self.seeds = None if seeds is None else Path(seeds)
        self.raises = tuple(raises)
        self.oracles = tuple(dict(oracle) for oracle in oracles)
        self.device = torch.device(device)
        self.layers: tuple[Layer, ...] = ()
        self.shield = False
        self.was_training = False
        self.parameters = 0
        self._numpy = numpy
        self._probed = False

    @property
    def digest(self) -> str:
        parts = (_source(self.function), self.modality.name, self.modality.describe(), self.labels, torch.__version__)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def run(self, rows: Rows) -> Observation:
        """One call over B rows. Raises what the function raises."""
        started = time.perf_counter()
        if not self._probed:
            self._probe(rows)
        outputs = normalise(named(self.forward(rows), self.labels), len(rows), self.name, self.device)
        return Observation(outputs, torch.zeros((len(rows), 0), device=self.device), time.perf_counter() - started)

    def forward(self, rows: Rows) -> Any:
        natural = natural_inputs(rows, self.modality, shield=self.shield)
        if self._numpy:
            natural = tuple(part.cpu().numpy() if isinstance(part, Tensor) else part for part in natural)
        with torch.inference_mode():
            return self.function(*natural)

    def _probe(self, rows: Rows) -> None:
        before = _copied(rows)
        self.forward(rows)
        self.shield = self.shield or _written(rows, before)
        self._probed = True


def per_item(function: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """Adapt a function of one input to a batched one: `CallableTarget(..., function=mlfuzz.per_item(classify))`."""

    def batched(inputs: Any, *rest: Any) -> list[Any]:
        return [function(item) for item in inputs]

    batched.__wrapped__ = function  # type: ignore[attr-defined]  # so that the digest sees the user's own code
    return batched


def natural_inputs(rows: Rows, modality: Modality, *, shield: bool) -> tuple[Any, ...]:
    """Rows as the target is handed them. shield: a copy, for targets that write into their input."""
    if isinstance(rows, TextRows):
        return (rows.texts,)
    if not isinstance(rows, TensorRows):
        raise TypeError(f"rows of an unknown kind: {type(rows).__name__}")
    low, high = getattr(modality, "range", (modality.low, modality.high))
    data = rows.data
    if (low, high) != (modality.low, modality.high):
        data = data * (high - low) + low
    elif shield:
        data = data.clone()
    return (data,) if rows.lengths is None else (data, rows.lengths)


def _copied(rows: Rows) -> Tensor | None:
    return rows.data.clone() if isinstance(rows, TensorRows) else None


def _written(rows: Rows, before: Tensor | None) -> bool:
    """Whether rows are no longer what they were; puts them back. What ran must be what is stored."""
    if not isinstance(rows, TensorRows) or before is None or torch.equal(rows.data, before):
        return False
    rows.data.copy_(before)
    return True


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


def _mask(rows: Rows, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Tensor | None:
    """(B, T), True where a step is valid: what the preprocessing gave, or else what the rows' lengths say."""
    for key in VALID + PADDING:
        mask = keywords.get(key)
        if isinstance(mask, Tensor) and mask.dim() == 2:
            return mask.logical_not() if key in PADDING else mask.bool()
    for value in (*arguments, *keywords.values()):
        if isinstance(value, Tensor) and value.dtype == torch.bool and value.dim() == 2 and len(value) == len(rows):
            return value
    if isinstance(rows, TensorRows) and rows.lengths is not None:
        return steps_within(rows.lengths, rows.data.shape[-1])
    return None


def _source(part: Any) -> str:
    part = getattr(part, "__wrapped__", part)
    if part is None:
        return ""
    try:
        return inspect.getsource(part)
    except (OSError, TypeError):
        return f"{getattr(part, '__module__', '')}.{getattr(part, '__qualname__', type(part).__qualname__)}"
