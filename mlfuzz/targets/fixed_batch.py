"""One size of batch kept to, for back-ends that are built for one shape, or built anew for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.fx import GraphModule

from mlfuzz.batch import Rows
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation

COMPILED_BATCH = 32
"""Rows of a module behind torch.compile, which compiles anew for each other number of them, and gives up after 8."""


def checked(size: int | None) -> int:
    """A batch size as it was declared; 0: any will do. Raises ConfigError for what is no size."""
    if size is None:
        return 0
    if not isinstance(size, int) or size < 1:
        raise ConfigError(f"batch={size!r} is no number of rows; write batch=8, or leave it out where any size will do")
    return size


def detected(model: nn.Module) -> int:
    """The one size of batch that a module takes or should be kept to; 0 where any will do."""
    if type(model).__name__ == "OptimizedModule":
        return COMPILED_BATCH
    sizes = [value.shape[0] for value in _placeholders(model) if value.dim()]
    if not sizes or not all(isinstance(size, int) for size in sizes):  # a symbol stands for any number
        return 0
    return int(sizes[0]) if len(set(sizes)) == 1 else 0


def kept(target: Any) -> int:
    """The one number of inputs that a target, or the graph behind it, is always called with; 0 where any will do."""
    held = (target, getattr(target, "function", None))
    return next((size for one in held if (size := getattr(one, "batch", 0))), 0)


def padded(rows: Rows, size: int) -> Rows:
    """At most `size` rows made `size`, by the last of them again."""
    return rows if len(rows) == size else rows.take(np.minimum(np.arange(size), len(rows) - 1))


def in_batches(run: Callable[[Rows], Observation], rows: Rows, size: int) -> Observation:
    """`run` over B rows, always `size` at once."""
    count = len(rows)
    seen = [run(padded(rows.part(start, min(start + size, count)), size)) for start in range(0, count, size)]
    whole = seen[0] if len(seen) == 1 else Observation.join(seen)
    return whole if len(seen) * size == count else whole.take(np.arange(count))


def multiples(sizes: Sequence[int], size: int) -> tuple[int, ...]:
    """Batch sizes rounded up to whole batches of `size`; as they are where that is 0."""
    return tuple(dict.fromkeys(-(-one // size) * size for one in sizes)) if size else tuple(sizes)


def _placeholders(model: nn.Module) -> list[Any]:
    """Of an exported program: the examples that its inputs were traced with."""
    nodes = model.graph.nodes if isinstance(model, GraphModule) else ()
    values = [node.meta.get("val") for node in nodes if getattr(node, "op", "") == "placeholder"]
    return [value for value in values if isinstance(value, Tensor)]
