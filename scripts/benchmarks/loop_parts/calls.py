"""Calls of PyTorch and of Python made inside of a `with`, which no other work on the machine changes.

Of PyTorch only the calls that Python makes count, and not what they do by others inside: that differs with the
processor (which library convolves, say).
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from torch import Tensor
from torch.profiler import ProfilerActivity, profile

MODEL = "the model's own pass"
PART = "part: "

READS = frozenset({"item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "nonzero", "__array__"})
"""Methods of a tensor after which the host has its values: on a GPU it waits there."""


@dataclass(slots=True)
class Calls:
    """vectorised: of PyTorch. allocations: blocks of memory that PyTorch took. python: of Python functions. reads: how
    often the host asked a tensor for its values."""

    torch: Counter[str] = field(default_factory=Counter)
    allocations: int = 0
    python: int = 0
    reads: int = 0

    @property
    def vectorised(self) -> int:
        return sum(self.torch.values())


@contextmanager
def torch_calls(*, memory: bool = False) -> Iterator[dict[str, Calls]]:
    """Those that are made inside, but for what stands within `record_function(MODEL)`: under "", or under NAME what
    stands within `record_function(PART + NAME)`. Filled in at the end."""
    found: dict[str, Calls] = defaultdict(Calls)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=memory) as seen:
        yield found
    threads: dict[int, list[Any]] = defaultdict(list)
    for event in seen.profiler.kineto_results.events():  # type: ignore[union-attr]
        threads[event.start_thread_id()].append(event)
    for events in threads.values():
        _outermost(events, found)


def _outermost(events: list[Any], found: dict[str, Calls]) -> None:
    """events: of one thread. One inside of another lies within its time."""
    part, part_ends, call_ends, model_ends = "", -1, -1, -1
    for event in sorted(events, key=lambda one: (one.start_ns(), -one.duration_ns())):
        start, name = event.start_ns(), event.name()
        calls = found[part if start < part_ends else ""]
        if name.startswith(PART):
            part, part_ends = name.removeprefix(PART), event.end_ns()
        elif name == MODEL:
            model_ends = max(model_ends, event.end_ns())
        elif start < model_ends:
            continue
        elif name == "[memory]":
            calls.allocations += event.nbytes() > 0
        elif name.startswith("aten::") and start >= call_ends:
            calls.torch[name] += 1
            call_ends = event.end_ns()


class PythonCalls:
    """Counts them between `start` and `stop`; may be stopped and started again in between."""

    def __init__(self, found: Calls) -> None:
        self.found = found

    def start(self) -> None:
        sys.setprofile(self._seen)

    def stop(self) -> None:
        sys.setprofile(None)

    def _seen(self, _: FrameType, event: str, what: Any) -> None:
        if event == "call":
            self.found.python += 1
        elif event == "c_call" and what.__name__ in READS and isinstance(getattr(what, "__self__", None), Tensor):
            self.found.reads += 1
