"""A target made of a torch module."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mlfuzz.batch import Rows, TensorRows
from mlfuzz.modality.base import Modality
from mlfuzz.observation import Observation
from mlfuzz.targets import before
from mlfuzz.targets.acceleration import Acceleration, Accelerator
from mlfuzz.targets.digest import Identity, declared, identity
from mlfuzz.targets.fixed_batch import checked, in_batches, padded
from mlfuzz.targets.hooks import HookedLayer, Watcher, steps_within
from mlfuzz.targets.identified import IdentifiedTarget
from mlfuzz.targets.inputs import again, copied, natural_inputs, written
from mlfuzz.targets.modes import Modes, home, placed
from mlfuzz.targets.outputs import detached
from mlfuzz.targets.parts import Chosen
from mlfuzz.targets.portions import portion_of, takes_one_alone, uncompiled
from mlfuzz.targets.surroundings import Found, steady
from mlfuzz.tasks.table import task_of
from mlfuzz.tasks.task import Task

Preprocess = Callable[..., Any]

FEW = 2
"""Rows that show what the last step of a model is."""

VALID = ("attention_mask", "mask")
PADDING = ("src_key_padding_mask", "key_padding_mask", "padding_mask")
"""Names of masks: those that are True (or 1) at valid steps, and torch's own, which are True at padding."""


class ModuleTarget(IdentifiedTarget):
    """A torch module behind its preprocessing.

    name: "digits:robust"; findings carry it. modality: what the target takes, e.g. `mlfuzz.Image(size=(28, 28))`.
    preprocess: batched; natural inputs -> what the model takes. Images come as float32 (B, C, H, W) in the modality's
      `range`, audio as float32 (B, C, T) in [-1, 1] (and lengths (B,) as a second argument where they vary), text as
      a tuple of strings. It may give a tensor, a tuple of arguments or a dict of keyword arguments; a boolean tensor
      (B, T) among them is the mask of valid steps, so that padding never counts as coverage ("key_padding_mask" and its
      like, by name, are True at padding). Without one, the lengths of waveforms are the mask.
    labels: names of the classes. layers: names of modules to watch; None: chosen by kind (see hooks).
    seeds: where seeds are found unless the campaign says otherwise. raises: exceptions that are a proper answer.
    device: the module is moved there; None: it stays where it is.
    oracles: what judges its answers unless the campaign says otherwise: [{"name": "cosine", "bound": 0.8}].
    variants: other forms of the model by a name of yours, modules behind the same preprocessing or targets, for oracles
      that compare: {"pruned": small_model} is what "differ:pruned" looks for.
    files, version: for what the digest cannot read by itself: files that decide the answers, and a word of yours for
      the rest (a server behind the preprocessing); see `mlfuzz.targets.digest`.
    task: what an answer stands for ("binary", "regression", "binary:threshold=0.3"; see `mlfuzz.tasks`); None: taken
      from the answer and the labels where that cannot be wrong. output: which part of an answer is judged: its name,
      its position, a path ("head.logits"), or a function of the whole answer; None: see `outputs`.
    batch: rows that the model is always called with, where it takes no other number of them or is built anew for each;
      missing ones are padded. None: as an exported program was traced, 32 behind torch.compile, 1 of models that refuse
      more and of dynamically quantised ones, and any for others.
    precision ("tf32", "bf16"), channels_last, compile: how it is run faster, see `acceleration`. A campaign refuses
      what moves the answers to its seeds by more than noise. They are part of the digest.
    A target that writes into its input is found out in its first run, and handed copies from then on (`shield`).
    The module runs in evaluation mode unless `train_mode=True`, in which case it is left as it is; so is one that
    refuses (an exported program). Between the runs it is as it was handed over: its modes, and no hook of ours.
    Where it takes no hooks (TorchScript) coverage looks at the outputs.
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
        device: str | torch.device | None = None,
        train_mode: bool = False,
        variants: Mapping[str, Any] | None = None,
        files: Sequence[str | Path] | str | Path = (),
        version: str = "",
        task: str | Mapping[str, Any] | Task | None = None,
        output: Chosen | None = None,
        batch: int | None = None,
        precision: str = "",
        channels_last: bool = False,
        compile: bool = False,
    ) -> None:
        self.name = name
        self.modality = modality
        self._batch, self._layers = checked(batch), layers
        self.device = home(model) if device is None else torch.device(device)
        self.model = self.given = placed(model, self.device)
        self.train_mode = train_mode
        self._modes = Modes(self.model, train_mode=train_mode)
        self.preprocess = preprocess
        self.labels = tuple(str(label) for label in labels)
        self.seeds = None if seeds is None else Path(seeds)
        self.raises = tuple(raises)
        self.oracles = tuple(dict(oracle) for oracle in oracles)
        self.variants: dict[str, Any] = dict(variants or {})
        self.shield = False
        self.declare(output=output, task=task_of(task))
        self.answered = False
        self.accelerate(Acceleration(precision, channels_last, compile))
        self._probed = self._takes_several = False
        self.surroundings = Found()
        self._files, self._version = declared(files), str(version)

    def accelerate(self, options: Acceleration) -> None:
        """Run it so from now on, before the first run. Raises ConfigError where the module cannot be run so."""
        self.accelerator = Accelerator(self.name, options)
        self.model = self.accelerator.fitted(self.given)
        self._watcher = Watcher(self.model, self._layers)
        self.batch, self.batch_reason = (self._batch, "") if self._batch else portion_of(self.model)
        self._identity = None

    @contextmanager
    def running_with(self, options: Acceleration) -> Iterator[None]:
        """Some of its options alone for a while, in batches of any size where it is not compiled then."""
        batch = self.batch
        if self.accelerator.options.compile and not options.compile:
            self.batch = self._batch or portion_of(self.given)[0]
        try:
            with self.accelerator.restricted(options):
                yield
        finally:
            self.batch = batch

    @property
    def was_training(self) -> bool:
        """Whether parts of it that behave otherwise in training mode came in it."""
        return self._modes.was_training

    @property
    def mode_is_fixed(self) -> bool:
        """Whether it, or a part of it, refuses evaluation mode."""
        return self._modes.fixed

    @property
    def layers(self) -> tuple[HookedLayer, ...]:
        """What is watched; known after the first run."""
        return self._watcher.layers

    @property
    def digest_before(self) -> str:
        """By the scheme of campaigns of before."""
        return before.of_module(self.given, self.preprocess, self._facts())

    def _identify(self) -> Identity:
        parts = {"model": self.given, "preprocess": self.preprocess, "output": self.output}
        with self._modes.evaluating():
            return identity(parts, self._facts(), files=self._files, version=self._version)

    def _facts(self) -> tuple[Any, ...]:
        names = self.accelerator.options.names
        return (*super()._facts(), *([("accelerated", *names)] if names else []))

    @property
    def parameters(self) -> int:
        """How many numbers it has learnt."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def run(self, rows: Rows) -> Observation:
        """One forward pass over B rows, or several (`batch`). Raises what the preprocessing or the model raises."""
        try:
            seen = self._answer(rows)
        except Exception:
            if self._takes_several or self.batch or len(rows) < 2 or not takes_one_alone(self.forward, rows):
                raise
            self.batch, self.batch_reason = 1, "which refuses more"
            return self._answer(rows)
        self._takes_several = self._takes_several or len(rows) > 1
        return seen

    def _answer(self, rows: Rows) -> Observation:
        if self.batch and len(rows) != self.batch:
            return in_batches(self._answer, rows, self.batch)
        if not self._probed:
            with self._running(), torch.no_grad():
                self._probe(rows)
        batch = len(rows)
        started = time.perf_counter()
        with self._running(), torch.no_grad():
            arguments, keywords = self.inputs(rows)
            mask = _mask(rows, arguments, keywords)
            result = self._watcher.watch(batch, self.device, mask, lambda: self._called(arguments, keywords))
            outputs = self.answers.read(result, batch, self.device)
        activations = self._watcher.take(batch, self.device).detach()
        self.answers.check(outputs)
        self.answered = True
        return Observation(detached(outputs), activations, time.perf_counter() - started)

    def forward(self, rows: Rows) -> Any:
        """The bare forward pass, which speeds are compared with: no hooks are there."""
        with self._running(), torch.no_grad():
            arguments, keywords = self.inputs(padded(rows, self.batch or len(rows)))
            return self._called(arguments, keywords)

    def call(self, *arguments: Any, **keywords: Any) -> Any:
        """What the module answers to arguments as it takes them, with gradients where these are on."""
        with self._running():
            return self._called(arguments, keywords)

    def _called(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        return self.accelerator.call(self.model, arguments, keywords, self.device)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """As the module runs with its owner: evaluating, among what its import had set."""
        with self._modes.evaluating(), steady(self.surroundings.theirs):
            yield

    def trace(self, rows: Rows) -> Observation:
        """`run` with its history kept, so that outputs and activations can be differentiated with respect to the rows.

        Variants are left out. Raises what the preprocessing or the model raises.
        """
        if isinstance(rows, TensorRows) and rows.data.is_leaf:
            # A module that works in place may not do so on a leaf of the history.
            rows = rows.with_data(rows.data.clone())
        if self.batch and len(rows) != self.batch:
            return in_batches(self.trace, rows, self.batch)
        batch = len(rows)
        started = time.perf_counter()
        with self._running(), torch.enable_grad(), uncompiled(self.model):
            arguments, keywords = self.inputs(rows)
            mask = _mask(rows, arguments, keywords)
            result = self._watcher.watch(batch, self.device, mask, lambda: self._called(arguments, keywords))
            if not self._probed:  # hooks of a caller would see a second pass: lengths alone say what has rows
                self.answers.learn(result, batch, lambda: (None, 0), self.device, lambda: result)
            outputs = self.answers.read(result, batch, self.device)
        return Observation(outputs, self._watcher.take(batch, self.device), time.perf_counter() - started)

    def _probe(self, rows: Rows) -> None:
        """The first run: which layers and outputs answer a row each, and whether the model writes into its input."""
        self._identified()  # tables that the model makes as it runs are not of what was handed over
        kept = copied(rows)
        arguments, keywords = self.inputs(rows)
        try:
            result = self._watcher.probe(len(rows), lambda: self._called(arguments, keywords))
        finally:
            self.shield = self.shield or written(rows, kept)
        self.answers.learn(
            result,
            len(rows),
            lambda: (result, len(rows)) if self.batch else again(self.forward, rows),
            self.device,
            lambda: self._history(rows),
        )
        self._probed = True

    def _history(self, rows: Rows) -> Any:
        """The answer to a few of the rows, with its history where gradients are on: of a slow model not to all."""
        few = rows if self.batch else rows.part(0, min(FEW, len(rows)))
        arguments, keywords = self.inputs(few)
        return self._called(arguments, keywords)

    def inputs(self, rows: Rows) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the module is called with: arguments and keyword arguments, after preprocessing."""
        natural = natural_inputs(rows, self.modality, shield=self.shield)
        prepared = natural if self.preprocess is None else (self.preprocess(*natural),)
        if len(prepared) == 1 and isinstance(prepared[0], tuple):
            return prepared[0], {}
        if len(prepared) == 1 and isinstance(prepared[0], Mapping):
            return (), dict(prepared[0])
        return prepared, {}


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
