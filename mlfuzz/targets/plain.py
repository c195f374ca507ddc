"""Where a target's plain model can be imported from, so that a script can show a finding without mlfuzz."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

LIBRARIES = ("mlfuzz", "torch", "numpy", "scipy", "sklearn", "__mp_main__", "mlfuzz_found")
"""Top-level packages whose modules are not looked into: nobody keeps a model of their own there."""


def plain_parts(target: Any) -> dict[str, str]:
    """{"module", "model", "preprocess"} as attribute names of one module; {} where they are made inside a function.

    A module that does not speak of mlfuzz itself is preferred.
    """
    model = getattr(target, "model", None)
    if model is None:
        return {}
    found = [parts for module in _modules() if (parts := _named(module, model, getattr(target, "preprocess", None)))]
    return min(found, key=lambda parts: _speaks_of_us(parts["module"]), default={})


def _modules() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.partition(".")[0] not in LIBRARIES:
            yield module


def _named(module: ModuleType, model: Any, preprocess: Any) -> dict[str, str]:
    names = {id(value): name for name, value in list(vars(module).items())}
    if id(model) not in names or (preprocess is not None and id(preprocess) not in names):
        return {}
    parts = {"module": module.__name__, "model": names[id(model)]}
    return parts if preprocess is None else {**parts, "preprocess": names[id(preprocess)]}


def _speaks_of_us(module: str) -> bool:
    try:
        return "mlfuzz" in inspect.getsource(sys.modules[module])
    except (OSError, TypeError):
        return False
