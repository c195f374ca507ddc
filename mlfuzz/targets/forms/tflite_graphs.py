"""TFLite files, run by ai-edge-litert."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.fixed_batch import checked
from mlfuzz.targets.forms.arrays import Preprocess, Slot, feed, in_chunks, require_fit
from mlfuzz.targets.forms.files import digest_of, present
from mlfuzz.targets.forms.packages import needed
from mlfuzz.targets.source import source_of


def tflite(
    name: str,
    modality: Modality,
    path: str | Path,
    *,
    preprocess: Preprocess | None = None,
    batch: int | None = None,
    **options: Any,
) -> CallableTarget:
    """A target of a `.tflite` file; options: as of `CallableTarget`.

    preprocess: natural inputs as NumPy arrays, or a tuple of texts, -> an array, a tuple of arrays, or a dict by the
    graph's input names. Inputs and outputs that are whole numbers with a scale are taken from and made real numbers.
    Where the number of rows cannot be changed, the graph is always called with its own. Raises TargetLoadError.
    """
    graph = TfliteGraph(present(path, "TFLite"), preprocess, checked(batch))
    return CallableTarget(name, modality, graph, numpy=True, **options)


class TfliteGraph:
    """A batched callable over an interpreter."""

    def __init__(self, path: Path, preprocess: Preprocess | None, batch: int) -> None:
        package = needed("ai_edge_litert.interpreter", extra="tflite", form="TFLite")
        try:
            self._interpreter = package.Interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        except Exception as error:
            raise TargetLoadError(f"{path} is no TFLite file that ai-edge-litert can run: {error}") from error
        self._inputs, self._outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._names = [_plain(one["name"]) for one in self._outputs]
        self.slots = tuple(map(_slot, self._inputs))
        self.preprocess, self.made_of = preprocess, (preprocess,)
        self.identity = f"{digest_of([path])}\n{source_of(preprocess)}"
        self.batch = batch if self._resizes() else int(self._inputs[0]["shape"][0])
        self._ran = False

    def __call__(self, *natural: Any) -> Any:
        fed = feed(self.slots, natural, self.preprocess)
        if not self._ran:
            require_fit(self.slots, fed)
            self._ran = True
        answers = in_chunks(self._run, fed, self.batch)
        return answers[0] if len(answers) == 1 else dict(zip(self._names, answers, strict=True))

    def _run(self, fed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        rows = len(next(iter(fed.values())))
        if rows != int(self._interpreter.get_input_details()[0]["shape"][0]):
            self._resize(rows)
        for detail, slot in zip(self._inputs, self.slots, strict=True):
            self._interpreter.set_tensor(detail["index"], _stored(fed[slot.name], detail))
        self._interpreter.invoke()
        return [_real(self._interpreter.get_tensor(detail["index"]), detail) for detail in self._outputs]

    def _resizes(self) -> bool:
        """Whether it runs with another number of rows, and answers as many."""
        own = int(self._inputs[0]["shape"][0])
        try:
            self._resize(own + 1)
            for detail in self._inputs:
                shape = (own + 1, *detail["shape"][1:])
                self._interpreter.set_tensor(detail["index"], np.zeros(shape, detail["dtype"]))
            self._interpreter.invoke()
            answered = [len(self._interpreter.get_tensor(one["index"])) for one in self._outputs]
        except (RuntimeError, ValueError):
            answered = []
        self._resize(own)
        return bool(answered) and all(count == own + 1 for count in answered)

    def _resize(self, rows: int) -> None:
        for detail in self._inputs:
            self._interpreter.resize_tensor_input(detail["index"], [rows, *detail["shape"][1:].tolist()])
        self._interpreter.allocate_tensors()


def _slot(detail: Any) -> Slot:
    sizes = tuple(int(size) if size > 0 else None for size in detail.get("shape_signature", detail["shape"]))
    # Whole numbers with a scale are made of real ones here, as they are inside the program that uses the file.
    return Slot(_plain(detail["name"]), sizes, np.dtype(np.float32 if _scale(detail) else detail["dtype"]))


def _plain(name: str) -> str:
    return str(name).partition(":")[0].removeprefix("serving_default_")


def _scale(detail: Any) -> float:
    return float(detail["quantization"][0])


def _stored(array: NDArray[Any], detail: Any) -> NDArray[Any]:
    if not (scale := _scale(detail)):
        return array
    limits = np.iinfo(detail["dtype"])
    whole = np.round(array / scale) + detail["quantization"][1]
    stored: NDArray[Any] = np.clip(whole, limits.min, limits.max).astype(detail["dtype"])
    return stored


def _real(array: NDArray[Any], detail: Any) -> NDArray[Any]:
    scale, zero = detail["quantization"]
    real: NDArray[Any] = np.multiply(array - np.float32(zero), scale, dtype=np.float32) if scale else array
    return real
