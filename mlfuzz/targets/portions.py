"""Models that take batches of one size alone: rows are handed over in portions of it, the last one filled up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from mlfuzz.batch import Rows
from mlfuzz.targets.fixed_batch import COMPILED_BATCH, detected

DYNAMIC = "torch.ao.nn.quantized.dynamic"
"""Layers of this package round by the largest value of a batch, so that a row's answer hangs on its neighbours."""


def portion_of(model: nn.Module) -> tuple[int, str]:
    """(rows that it takes at once, why), as far as that can be seen from outside; (0, "") where it cannot."""
    if compiled_parts(model):
        return COMPILED_BATCH, "compiled, and compiles anew for each size of a batch"
    if size := detected(model):
        return size, "exported for this size of a batch"
    if any(type(part).__module__.startswith(DYNAMIC) for part in model.modules()):
        return 1, "dynamically quantised, which rounds by the whole batch"
    return 0, ""


def takes_one_alone(forward: Callable[[Rows], Any], rows: Rows) -> bool:
    """Whether an input is answered alone, and refused beside itself."""
    one = rows.part(0, 1)
    return not _raises(forward, one) and _raises(forward, rows.take(np.zeros(2, np.int64)))


def compiled_parts(model: nn.Module) -> list[nn.Module]:
    """Modules that run through torch.compile, the outermost ones: what is inside them runs in no Python of its own."""
    if _is_compiled(model):
        return [model]
    return [part for child in model.children() for part in compiled_parts(child)]


@contextmanager
def uncompiled(model: nn.Module) -> Iterator[None]:
    """Compiled modules as they were before: their gradients would be compiled apart, in the midst of a campaign."""
    if not compiled_parts(model):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def within(parts: list[nn.Module]) -> set[int]:
    """id() of every module in these, they themselves among them."""
    return {id(inner) for part in parts for inner in part.modules()}


def _is_compiled(module: nn.Module) -> bool:
    frames = sys.modules.get("torch._dynamo.eval_frame")  # importing it takes seconds, and nothing is compiled without
    if frames is None:
        return False
    if isinstance(module, frames.OptimizedModule) or getattr(module, "_compiled_call_impl", None) is not None:
        return True
    return hasattr(module.forward, "_torchdynamo_orig_callable")


def _raises(forward: Callable[[Rows], Any], rows: Rows) -> bool:
    try:
        forward(rows)
    except Exception:  # noqa: BLE001  what the system under test raises is data
        return True
    return False
