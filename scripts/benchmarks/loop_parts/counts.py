"""What a batch costs in calls, which no other work on the machine changes: a campaign of a fixed seed, so many batches.

operators: calls of a mutator's function. vectorised: calls of PyTorch. allocations: blocks of memory that these take.
waits: how often the host asked a tensor for its values. python_a_row: calls of Python functions. All but the first are
counted outside of the model's own pass.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.profiler import record_function

from loop_parts.calls import MODEL, Calls, PythonCalls, torch_calls
from loop_parts.campaigns import opened, seeded, steady_speed, subject
from mlfuzz.campaign.loop.loop import Loop
from mlfuzz.mutators.base import Mutator

WARM_BATCHES, BATCHES = 10, 30


def counted(name: str, batch: int, *, batches: int = BATCHES) -> dict[str, float]:
    """Of a campaign of a fixed seed on that subject."""
    target, write, _ = subject(name)
    with seeded(write) as base, steady_speed(name, batch), opened(base, target, batch) as campaign:
        for _ in range(WARM_BATCHES):
            campaign.loop.step()
        return counts(campaign.loop, batches=batches)


def counts(loop: Loop, *, batches: int = BATCHES) -> dict[str, float]:
    """Of one batch, or one row, on average over the next batches of a loop that has been warmed up."""
    with _outside_model(loop, None), torch_calls(memory=True) as parts:
        operators = _operators(loop, batches)
    calls = parts[""]
    python, rows = Calls(), 0
    watch = PythonCalls(python)
    gc.collect()
    gc.disable()  # what it would call back is no call of the loop's
    with _outside_model(loop, watch):
        watch.start()
        try:
            for _ in range(batches):
                rows += loop.step()
        finally:
            watch.stop()
            gc.enable()
    found = {
        "operators": operators / batches,
        "vectorised": calls.vectorised / batches,
        "allocations": calls.allocations / batches,
        "waits": python.reads / batches,
        "python_a_row": python.python / rows,
    }
    return {name: round(value, 2) for name, value in found.items()}


@contextmanager
def _outside_model(loop: Loop, watch: PythonCalls | None) -> Iterator[None]:
    """The model's passes are named in what a profiler sees, and not looked into by a Python profiler."""
    target, passes = loop.parts.target, 0
    run = target.run

    def marked(rows: Any) -> Any:
        nonlocal passes
        passes += 1
        if watch:
            watch.stop()
        try:
            with record_function(MODEL):
                return run(rows)
        finally:
            if watch:
                watch.start()

    target.run = marked  # type: ignore[method-assign]
    try:
        yield
    finally:
        del target.run
    assert passes, "the model's passes were not seen"


def _operators(loop: Loop, batches: int) -> int:
    """Runs them; how often an operator was applied."""
    applied = 0
    apply = Mutator.apply

    def applying(self: Mutator, *arguments: Any, **named: Any) -> Any:
        nonlocal applied
        applied += 1
        return apply(self, *arguments, **named)

    Mutator.apply = applying  # type: ignore[method-assign]
    try:
        for _ in range(batches):
            loop.step()
    finally:
        Mutator.apply = apply  # type: ignore[method-assign]
    return applied
