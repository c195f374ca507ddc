"""How fast each mutator is, and whether its declared cost is right: one JSON line each.

    scripts/bench mutators                    pictures 32 x 32 x 3 (256 rows) and 28 x 28 x 1 (512 rows)
    scripts/bench mutators --large            224 x 224 x 3 (16 rows) instead
    scripts/bench mutators image.motion kind:blur --seconds 1

Rows and parameters are drawn once; what is timed is `apply`, grid and all. Every mutator is timed in turns with
`image.brightness`, by process_time, and the ratio is the median over the turns: a busy machine slows both alike.
`cost` is declared in units of brightness at 32 x 32 x 3; `ratio` beside it is what was measured now.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from mlfuzz.batch import Rows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS, Mutator, select
from mlfuzz.testing.rows import example_rows

SMALL = ((Image((32, 32), 3), 256), (Image((28, 28), 1), 512))
LARGE = ((Image((224, 224), 3), 16),)
TURNS = 5


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    for modality, count in LARGE if options.large else SMALL:
        rows = example_rows(modality, count)
        shape = list(np.shape(rows.payload(0)))
        base = _ready(MUTATORS.get("image.brightness"), rows)
        for part in select("image", options.names or ["image.*"]):
            seconds, ratio = measure(_ready(part, rows), base, options.seconds)
            print(
                json.dumps(
                    {
                        "mutator": part.name,
                        "shape": shape,
                        "rows": count,
                        "rows_per_second": round(count / seconds),
                        "ns_per_element": round(seconds / (count * math.prod(shape)) * 1e9, 3),
                        "ratio": round(ratio, 2),
                        "cost": part.cost,
                    }
                ),
                flush=True,
            )


def measure(call: Callable[[], object], base: Callable[[], object], seconds: float) -> tuple[float, float]:
    """CPU seconds a call, and the ratio to `base`: medians over turns of base and call."""
    once = _clocked(call, 1)
    repeats = max(1, min(200, int(seconds / TURNS / max(once, 1e-6))))
    turns = [(_clocked(base, 10), _clocked(call, repeats)) for _ in range(TURNS)]
    return statistics.median(own for _, own in turns), statistics.median(own / other for other, own in turns)


def _ready(part: Mutator, rows: Rows) -> Callable[[], object]:
    """A call of the operator with drawn parameters, run once so that banks and grids are there."""
    columns = part.draw(len(rows), np.random.default_rng(1))
    recorded = part.record(rows, columns, np.arange(len(rows)))
    part.apply(rows, recorded)
    return lambda: part.apply(rows, recorded)


def _clocked(call: Callable[[], object], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench mutators", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help='mutators, "image.*" or "kind:blur"; all where none is named')
    parser.add_argument("--large", action="store_true", help="224 x 224 x 3")
    parser.add_argument("--seconds", type=float, default=0.25, help="CPU seconds a mutator and shape")
    return parser.parse_args()


if __name__ == "__main__":
    main()
