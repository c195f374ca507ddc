"""A target made of any batched callable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mlfuzz.batch import Rows
from mlfuzz.modality.base import Modality
from mlfuzz.observation import Observation
from mlfuzz.targets import before
from mlfuzz.targets.digest import Identity, declared, identity
from mlfuzz.targets.fixed_batch import checked, in_batches
from mlfuzz.targets.hooks import HookedLayer
from mlfuzz.targets.identified import IdentifiedTarget
from mlfuzz.targets.inputs import again, copied, natural_inputs, written
from mlfuzz.targets.outputs import detached
from mlfuzz.targets.parts import Chosen
from mlfuzz.targets.surroundings import Found, steady
from mlfuzz.tasks.table import task_of
from mlfuzz.tasks.task import Task


class CallableTarget(IdentifiedTarget):
    """A black box: any batched callable, no module, no gradients, no activations; coverage looks at its outputs.

    function: natural inputs as for `ModuleTarget.preprocess`, but images and audio as NumPy arrays where `numpy=True`;
    gives scores (B, classes), B labels (names, or whole numbers where `labels` names them) or texts, B sequences, or a
    mapping of these. variants: other targets by a name of yours, for oracles that compare. task, output: as there.
    files, version: for what its digest cannot read by itself, as there.
    batch: inputs that it is always called with, where it takes no other number of them; missing ones are padded.
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
        files: Sequence[str | Path] | str | Path = (),
        version: str = "",
        task: str | Mapping[str, Any] | Task | None = None,
        output: Chosen | None = None,
        batch: int | None = None,
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
        self.batch = checked(batch)
        self.shield = False
        self.declare(output=output, task=task_of(task))
        self.answered = False
        self.was_training = False
        self.parameters = 0
        self._numpy = numpy
        self.surroundings = Found()
        self._files, self._version = declared(files), str(version)
        self._probed = False

    @property
    def layers(self) -> tuple[HookedLayer, ...]:
        """What is watched inside, where the function says so (see `forms`); known after the first run."""
        return tuple(getattr(self.function, "layers", ()))

    @property
    def digest_before(self) -> str:
        """By the scheme of campaigns of before."""
        named = getattr(self.function, "identity", "")
        return before.of_function(self.function, self._facts(), named)

    def _identify(self) -> Identity:
        facts = (*self._facts(), self._numpy, getattr(self.function, "identity", ""))
        parts = {"function": self.function, "output": self.output}
        return identity(parts, facts, files=self._files, version=self._version)

    def run(self, rows: Rows) -> Observation:
        """One call over B rows. Raises what the function raises."""
        if self.batch and len(rows) != self.batch:
            return in_batches(self.run, rows, self.batch)
        started = time.perf_counter()
        with steady(self.surroundings.theirs):
            if not self._probed:
                self._probe(rows)
            outputs = self.answers.read(self.forward(rows), len(rows), self.device)
        watched = getattr(self.function, "take", None)
        activations = torch.zeros((len(rows), 0)) if watched is None else watched()
        self.answers.check(outputs)
        self.answered = True
        return Observation(detached(outputs), activations.to(self.device), time.perf_counter() - started)

    def forward(self, rows: Rows) -> Any:
        """What the function itself gives."""
        natural = natural_inputs(rows, self.modality, shield=self.shield)
        if self._numpy:
            natural = tuple(part.cpu().numpy() if isinstance(part, Tensor) else part for part in natural)
        with steady(self.surroundings.theirs), torch.no_grad():
            return self.function(*natural)

    def _probe(self, rows: Rows) -> None:
        self._identified()
        kept = copied(rows)
        result = self.forward(rows)
        self.shield = self.shield or written(rows, kept)
        self.answers.learn(
            result,
            len(rows),
            lambda: (result, len(rows)) if self.batch else again(self.forward, rows),
            self.device,
            lambda: result,  # a function runs without history: another call would show none either
        )
        self._probed = True


def per_item(function: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """Adapt a function of one input to a batched one: `CallableTarget(..., function=mlfuzz.per_item(classify))`."""

    def batched(inputs: Any, *rest: Any) -> list[Any]:
        return [function(item) for item in inputs]

    batched.__wrapped__ = function  # type: ignore[attr-defined]  # so that the digest sees the user's own code
    return batched
