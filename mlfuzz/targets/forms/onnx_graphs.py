"""ONNX graphs, run by onnxruntime, with what stands inside them as coverage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.errors import ConfigError, TargetLoadError, UnknownNameError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.fixed_batch import checked
from mlfuzz.targets.forms.arrays import Preprocess, Slot, batch_of, feed, in_chunks, require_fit
from mlfuzz.targets.forms.files import digest_of, present
from mlfuzz.targets.forms.onnx_taps import Tapped, external, tapped
from mlfuzz.targets.forms.packages import needed
from mlfuzz.targets.hooks import MAX_UNITS, HookedLayer
from mlfuzz.targets.source import source_of

TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(uint8)": "uint8",
    "tensor(int8)": "int8", "tensor(int32)": "int32", "tensor(int64)": "int64", "tensor(bool)": "bool",
}  # fmt: skip

FLOATS = re.compile(r"tensor\((float|float16|double)\)")


def onnx(
    name: str,
    modality: Modality,
    path: str | Path,
    *,
    preprocess: Preprocess | None = None,
    outputs: Sequence[str] | None = None,
    layers: Sequence[str] | None = None,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    threads: int = 1,
    batch: int | None = None,
    **options: Any,
) -> CallableTarget:
    """A target of an ONNX file; options: as of `CallableTarget`.

    preprocess: natural inputs as NumPy arrays, or a tuple of texts, -> an array, a tuple of arrays, or a dict by the
    graph's input names. outputs: those of the graph that are asked for, the judged one first; None: all, floats
    first. layers: names of values or nodes inside that coverage looks at, averaged over space or time; None: chosen by
    kind, as of modules; (): none, and the graph runs as it stands. providers, threads: of onnxruntime. A graph of one
    size of batch is always called with that; batch: of one that takes any, the size to keep to.
    Raises TargetLoadError, UnknownNameError, ConfigError.
    """
    graph = OnnxGraph(present(path, "ONNX"), preprocess, outputs, layers, providers, threads)
    graph.batch = graph.batch or checked(batch)
    return CallableTarget(name, modality, graph, numpy=True, **options)


class OnnxGraph:
    """A batched callable over a session; `take` gives what was seen inside in the last call, (B, units)."""

    def __init__(
        self, path: Path, preprocess: Preprocess | None, outputs: Sequence[str] | None, layers: Sequence[str] | None,
        providers: Sequence[str], threads: int,
    ) -> None:  # fmt: skip
        runtime = needed("onnxruntime", extra="onnx", form="ONNX")
        self._tapped: Tapped = tapped(path, layers)
        session = runtime.SessionOptions()
        session.intra_op_num_threads = threads  # a process forked from one with more would wait for them for ever
        session.inter_op_num_threads = 1
        session.log_severity_level = 3
        folder = "session.model_external_initializers_file_folder_path"
        session.add_session_config_entry(folder, str(path.parent))
        if unknown := [one for one in providers if one not in runtime.get_available_providers()]:
            raise ConfigError(
                f"onnxruntime has no {unknown[0]} here; known: {', '.join(runtime.get_available_providers())}"
            )
        try:
            self._session = runtime.InferenceSession(self._tapped.model, session, providers=list(providers))
        except Exception as error:
            raise TargetLoadError(f"{path} cannot be run by onnxruntime {runtime.__version__}: {error}") from error
        self.slots = tuple(Slot(one.name, _sizes(one.shape), _dtype(one.type)) for one in self._session.get_inputs())
        self.batch = batch_of(self.slots)
        given = [one for one in self._session.get_outputs() if one.name not in self._tapped.names]
        # Converters of estimators put the label before the scores that it follows from.
        known = [one.name for one in sorted(given, key=lambda one: not FLOATS.search(one.type))]
        for one in outputs or ():
            if one not in known:
                raise UnknownNameError("output", one, known)
        self._outputs = list(outputs or known)
        self._taps = list(self._tapped.taps)
        self.layers: tuple[HookedLayer, ...] = ()
        self.preprocess, self.made_of = preprocess, (preprocess,)
        self.identity = "\n".join(
            [digest_of([path, *external(path)]), source_of(preprocess), *self._outputs, runtime.__version__]
        )
        self._seen: Tensor | None = None
        self._ran = False

    def __call__(self, *natural: Any) -> Any:
        fed = feed(self.slots, natural, self.preprocess)
        if not self._ran:
            require_fit(self.slots, fed)
        asked = [*self._outputs, *(tap.name for tap in self._taps)]
        results = in_chunks(lambda part: self._session.run(asked, part), fed, self.batch)
        answers, inside = [_table(one) for one in results[: len(self._outputs)]], results[len(self._outputs) :]
        if not self._ran:
            inside = self._lay_out(inside, len(natural[0]))
            self._ran = True
        self._seen = _joined(inside, len(natural[0]))
        return answers[0] if len(answers) == 1 else dict(zip(self._outputs, answers, strict=True))

    def take(self) -> Tensor:
        """What was seen inside in the last call; handed over once."""
        seen, self._seen = self._seen, None
        assert seen is not None
        return seen

    def _lay_out(self, inside: Sequence[NDArray[Any]], batch: int) -> list[NDArray[Any]]:
        """Learn which values have a row an input, and how wide they are; too many are thinned over the depth."""
        kept = [(tap, array) for tap, array in zip(self._taps, inside, strict=True)
                if array.ndim == 2 and len(array) == batch]  # fmt: skip
        while sum(array.shape[1] for _, array in kept) > MAX_UNITS and len(kept) > 1:
            kept = kept[1::2]
        self._taps = [tap for tap, _ in kept]
        layers, start = [], 0
        for tap, array in kept:
            layers.append(HookedLayer(tap.of, 0, start, start + array.shape[1], tap.units_last))
            start += array.shape[1]
        self.layers = tuple(layers)
        return [array for _, array in kept]


def _joined(inside: Sequence[NDArray[Any]], batch: int) -> Tensor:
    if not inside:
        return torch.zeros((batch, 0))
    return torch.from_numpy(np.concatenate(inside, axis=1, dtype=np.float32, casting="same_kind"))


def _table(answer: Any) -> Any:
    """A list of mappings, as converters of estimators give scores by class, as an array (B, classes)."""
    if not isinstance(answer, list) or not answer or not isinstance(answer[0], dict):
        return answer
    return np.asarray([[row[name] for name in answer[0]] for row in answer], np.float32)


def _sizes(shape: Sequence[Any]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape)


def _dtype(text: str) -> np.dtype[Any] | None:
    return None if text == "tensor(string)" else np.dtype(TYPES.get(text, "float32"))
