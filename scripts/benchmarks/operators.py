"""What each operator costs in a slice of a batch: one JSON line an operator and shape.

    scripts/bench operators                            every default operator, in slices of 8, 32 and 256 rows
    scripts/bench operators image.motion --rows 8 32 --seconds 0.5

us_a_row and ns_an_element: of the whole of `apply` (and, of texts, of `record`) in a slice of so many rows, the fastest
of several calls by `time.thread_time`, which a busy machine disturbs least. us_fixed: what a call costs whatever it
holds, by the straight line through the two smallest slices. torch_calls: operations that torch dispatches in a call.
Rows of 16 and more of 224 x 224 x 3 stand for more of them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mlfuzz.batch import Rows, TextRows
from mlfuzz.errors import UsageError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import Modality
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutators.base import Mutator, select
from mlfuzz.testing.rows import example_rows

SHAPES: tuple[Modality, ...] = (Image((28, 28), 1), Image((32, 32), 3), Image((224, 224), 3), Audio(), Text(1000))
LARGE_ROW, MOST_LARGE_ROWS = 100_000, 16
"""Numbers of a row from which on a slice holds at most so many of them: more take a second a call."""

SENTENCE = (
    "The committee didn't like the film - it's about 2 small dogs that find a large cafe in Straße 21, isn't it? "
)
CHARACTERS = 128


class Calls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what torch dispatches inside it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    for modality in SHAPES:
        for part in _chosen(modality, options.names):
            print(json.dumps(costs(part, modality, options.rows, options.seconds)), flush=True)


def costs(part: Mutator, modality: Modality, slices: Sequence[int], seconds: float) -> dict[str, Any]:
    """One line of the table. seconds: that each size of slice may take."""
    line: dict[str, Any] = {"bench": "operators", "name": part.name, "cost": part.cost}
    spent = []
    for count in slices:
        rows = _rows(modality, count)
        elements = _elements(rows)
        if elements > LARGE_ROW and count > MOST_LARGE_ROWS:
            break
        call = ready(part, rows)
        took = fastest(call, seconds)
        spent.append((len(rows), took))
        line |= {"elements": elements, f"us_a_row_{count}": round(took / count * 1e6, 2)}
        line[f"ns_an_element_{count}"] = round(took / count / elements * 1e9, 2)
        with Calls() as calls:
            call()
        line["torch_calls"] = calls.count
    if len(spent) > 1:
        (few, short), (many, long) = spent[:2]
        line["us_fixed"] = round((short - few * (long - short) / (many - few)) * 1e6)
    return line


def ready(part: Mutator, rows: Rows) -> Callable[[], object]:
    """A call of the operator with drawn parameters, run once so that banks and grids are there."""
    columns, seeds = part.draw(len(rows), np.random.default_rng(1)), np.arange(len(rows))
    if part.propose is not None:
        return lambda: part.apply(rows, part.record(rows, columns, seeds))
    part.apply(rows, columns)
    return lambda: part.apply(rows, columns)


def fastest(call: Callable[[], object], seconds: float) -> float:
    """CPU seconds of the fastest of at least four calls."""
    best, spent, turns = math.inf, 0.0, 0
    while turns < 4 or spent < seconds:
        start = time.thread_time()
        call()
        took = time.thread_time() - start
        best, spent, turns = min(best, took), spent + took, turns + 1
    return best


def _rows(modality: Modality, count: int) -> Rows:
    if modality.name == "text":
        turns = [SENTENCE[row % 7 :] + SENTENCE[: row % 7] for row in range(count)]
        return TextRows(tuple((text * 2)[:CHARACTERS] for text in turns), modality)
    return example_rows(modality, count)


def _elements(rows: Rows) -> int:
    """Numbers, or characters, of a row."""
    payload = rows.payload(0)
    return len(payload) if isinstance(payload, str) else math.prod(np.shape(payload))


def _chosen(modality: Modality, names: Sequence[str]) -> list[Mutator]:
    own = [name for name in names if name.startswith(f"{modality.name}.")]
    if names and not own:
        return []
    try:
        return select(modality.name, own)
    except UsageError:
        return []


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench operators", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="mutators; the default set of each modality where none is named")
    parser.add_argument("--rows", type=int, nargs="+", default=[8, 32, 256], help="rows of a slice")
    parser.add_argument("--seconds", type=float, default=0.1, help="CPU seconds an operator, shape and slice")
    return parser.parse_args()


if __name__ == "__main__":
    main()
