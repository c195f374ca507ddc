"""Variants that a compiler makes of a module: torch.compile, torch.export."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Rows
from mlfuzz.errors import TargetError
from mlfuzz.observation import Observation, Output
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.variants.base import MAIN, VARIANTS, bare_copy, module_of, plain, quiet

BACKEND = "inductor"


class Compiled:
    """The module behind torch.compile. backend: "inductor" needs a C++ compiler (on a GPU: triton); "eager" none."""

    def __init__(self, target: ModuleTarget, backend: str) -> None:
        self.name = "compile" if backend == BACKEND else f"compile:{backend}"
        self.digest = f"{self.name} {torch.__version__}"
        self.remedy = (
            f"torch.compile with {backend} needs a C++ compiler on the path (apt install g++; mlfuzz doctor tells what "
            'is there); "compile:eager" and "compile:aot_eager" need none'
        )
        self._target = target
        self._plain = bare_copy(target, self.name)
        self._model = quiet(partial(torch.compile, self._plain, backend=backend, dynamic=True))
        self._warm = False

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        if not self._warm:
            # One row and several are compiled apart, each for seconds: now, before anyone takes that for a hang.
            self._warm = True
            for count in (1, 2):
                self.answer(rows.take(np.arange(count) % len(rows)), seen)
        arguments, keywords = self._target.inputs(rows)
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            # Gradients would be compiled apart, for seconds in the midst of a campaign; the module's own are as good.
            return {MAIN: plain(self._plain(*arguments, **keywords), len(rows), self._target)}
        # One kind of tensor, in one mode: each other combination would be compiled anew.
        with torch.inference_mode(False), torch.no_grad():
            own = [_own(value) for value in arguments]
            own_by_name = {name: _own(value) for name, value in keywords.items()}
            return {MAIN: plain(self._run(own, own_by_name), len(rows), self._target)}

    def _run(self, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        try:
            return quiet(partial(self._model, *arguments, **keywords))
        except torch._dynamo.exc.TorchDynamoException as error:
            raise _unbuilt(self._target, self.name, error, self.remedy) from error


class Exported:
    """The module as torch.export writes it down: one program for each shape of input, whatever the batch."""

    remedy = "torch.export takes no module whose path depends on values; name another variant"

    def __init__(self, target: ModuleTarget) -> None:
        self.name = "export"
        self.digest = f"export {torch.__version__}"
        self._target = target
        self._model = bare_copy(target, "export")
        self._programs: dict[tuple[object, ...], Any] = {}

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        arguments, keywords = self._target.inputs(rows)
        shape = tuple(_shape(value) for value in (*arguments, *keywords.values()))
        if shape not in self._programs:
            self._programs[shape] = self._export(rows)
        return {MAIN: plain(quiet(partial(self._programs[shape], *arguments, **keywords)), len(rows), self._target)}

    def _export(self, rows: Rows) -> Any:
        # A batch of one would be taken for a constant.
        several = rows.take(np.arange(3) % len(rows))
        with torch.inference_mode(False), torch.no_grad():
            arguments, keywords = self._target.inputs(several)
            arguments = tuple(_own(value) for value in arguments)
            keywords = {name: _own(value) for name, value in keywords.items()}
            sizes = (tuple(_free(value, 3) for value in arguments), {k: _free(v, 3) for k, v in keywords.items()})
            shapes = sizes[0] if not keywords else dict(_by_name(self._model, sizes))
            export = partial(torch.export.export, self._model, arguments, keywords, dynamic_shapes=shapes)
            try:
                return quiet(export).module()
            except Exception as error:
                raise _unbuilt(self._target, self.name, error, self.remedy) from error


def _shape(value: Any) -> object:
    return (tuple(value.shape[1:]), value.dtype) if isinstance(value, Tensor) else type(value)


def _own(value: Any) -> Any:
    """Tensors made in inference mode cannot be traced; copies can."""
    return value.clone() if isinstance(value, Tensor) else value


def _free(value: Any, batch: int) -> Any:
    """Which sizes of an argument may change: the batch."""
    rows = isinstance(value, Tensor) and value.dim() and value.shape[0] == batch
    return {0: torch.export.Dim.AUTO} if rows else None


def _by_name(model: torch.nn.Module, sizes: tuple[tuple[Any, ...], dict[str, Any]]) -> dict[str, Any]:
    import inspect

    names = [name for name in inspect.signature(model.forward).parameters if name not in sizes[1]]
    return {**dict(zip(names, sizes[0], strict=False)), **sizes[1]}


def _unbuilt(target: ModuleTarget, name: str, error: Exception, remedy: str) -> TargetError:
    message = (str(error).strip() or "no message").splitlines()[0][:300]
    return TargetError(
        f"variant {name} of target {target.name} cannot be built: {type(error).__name__}: {message}; {remedy}"
    )


def _backends() -> list[str]:
    return list(torch._dynamo.list_backends(exclude_tags=()))


def compiled(target: Any, argument: str) -> Compiled:
    """torch.compile; "compile:aot_eager" names another backend than inductor."""
    known = quiet(_backends)
    backend = argument or BACKEND
    if backend not in known:
        raise TargetError(f"variant compile: torch has no backend {backend!r}; known: {', '.join(sorted(known))}")
    return Compiled(module_of(target, "compile"), backend)


def exported(target: Any, argument: str) -> Exported:
    """torch.export: the program that is deployed."""
    return Exported(module_of(target, "export"))


VARIANTS.add("compile", compiled)
VARIANTS.add("export", exported)
