"""What a batch costs in calls, which no other work on the machine changes: a campaign of a fixed seed, so many batches.

operators: calls of a mutator's function. vectorised: calls of PyTorch. allocations: of them, those that take memory.
waits: those after which the host has a value in its hand. python_a_row: calls of Python functions. All but the first
are counted outside of the model's own pass.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from mlfuzz.campaign.loop.loop import Loop
from mlfuzz.mutators.base import Mutator

BATCHES = 30

MODEL = "the model's own pass"

TAKES_MEMORY = ("aten::empty", "aten::empty_strided")
WAITS = ("aten::_local_scalar_dense", "aten::nonzero")


def counts(loop: Loop, *, batches: int = BATCHES) -> dict[str, float]:
    """Of one batch, or one row, on average over the next batches of a loop that has been warmed up."""
    made: Counter[str] = Counter()
    with _marked(loop) as model, profile(activities=[ProfilerActivity.CPU]) as seen:
        operators = _operators(loop, batches)
    assert model.passes
    for event in seen.events() or ():
        if event.name.startswith("aten::") and not _within_model(event):
            made[event.name] += 1
    with _marked(loop) as model:
        python, rows = _python_calls(loop, batches, model)
    found = {
        "operators": operators / batches,
        "vectorised": sum(made.values()) / batches,
        "allocations": sum(made[name] for name in TAKES_MEMORY) / batches,
        "waits": sum(made[name] for name in WAITS) / batches,
        "python_a_row": python / rows,
    }
    return {name: round(value, 2) for name, value in found.items()}


class _Model:
    """Whether the model runs just now, and how often it has."""

    def __init__(self) -> None:
        self.passes = 0
        self.watch: Any = None


@contextmanager
def _marked(loop: Loop) -> Iterator[_Model]:
    """The model's passes are named in what a profiler sees, and not looked into by a Python profiler."""
    target, model = loop.parts.target, _Model()
    run = target.run

    def marked(rows: Any) -> Any:
        model.passes += 1
        sys.setprofile(None)
        try:
            with record_function(MODEL):
                return run(rows)
        finally:
            sys.setprofile(model.watch)

    target.run = marked  # type: ignore[method-assign]
    try:
        yield model
    finally:
        del target.run


def _within_model(event: FunctionEvent) -> bool:
    above: FunctionEvent | None = event
    while above is not None:
        if above.name == MODEL:
            return True
        above = above.cpu_parent
    return False


def _operators(loop: Loop, batches: int) -> int:
    """Runs them; how often an operator was applied."""
    applied = 0
    apply = Mutator.apply

    def counted(self: Mutator, *arguments: Any, **named: Any) -> Any:
        nonlocal applied
        applied += 1
        return apply(self, *arguments, **named)

    Mutator.apply = counted  # type: ignore[method-assign]
    try:
        for _ in range(batches):
            loop.step()
    finally:
        Mutator.apply = apply  # type: ignore[method-assign]
    return applied


def _python_calls(loop: Loop, batches: int, model: _Model) -> tuple[int, int]:
    """Runs them; calls of Python functions, and rows."""
    calls = rows = 0

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    model.watch = watch
    sys.setprofile(watch)
    try:
        for _ in range(batches):
            rows += loop.step()
    finally:
        sys.setprofile(None)
        model.watch = None
    return calls, rows
