"""What criteria cost: CPU nanoseconds a unit and input, on the device (`embed`) and on the host (`observe`).

    python scripts/benchmarks/criteria.py              # 1,000 and 10,000 units
    python scripts/benchmarks/criteria.py --large      # 100,000 too

One JSON line a criterion and size. "first": the first batch, when nearly everything is new; "later": the cost once
almost nothing is, which is where a campaign spends its time. NLC, a thousand times as dear, only with --only nlc.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time
from dataclasses import dataclass

import torch

from mlfuzz.coverage.base import CRITERIA, Criterion
from mlfuzz.observation import Observation

BATCH = 256
ROUNDS = 6


@dataclass(frozen=True)
class Span:
    name: str
    start: int
    stop: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="100,000 units too")
    parser.add_argument("--only", action="append", help="a criterion's name")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # As a campaign does: else each batch's memory goes back to the system, and page faults are what is measured.
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 1 << 30)
    libc.mallopt(-1, (1 << 31) - 1)
    for units in (1_000, 10_000, *([100_000] if arguments.large else [])):
        for name in arguments.only or [name for name in CRITERIA.names() if name not in ("mixed", "nlc")]:
            print(json.dumps(case(name, units)), flush=True)


def case(name: str, units: int) -> dict[str, object]:
    layers = [Span(f"layer{at}", at, min(at + 1000, units)) for at in range(0, units, 1000)]
    criterion: Criterion = CRITERIA.get(name)(layers=layers)
    batches = [activations(units, key) for key in range(ROUNDS)]
    criterion.fit(batches[0])
    features = [criterion.embed(seen).numpy() for seen in batches]
    started = time.process_time()
    for seen in batches:
        criterion.embed(seen)
    embedding = time.process_time() - started
    started = time.process_time()
    criterion.observe(features[0], None)
    first = time.process_time() - started
    for rows in features[1:-1]:
        criterion.observe(rows, None)
    # What is left open is hit as rarely as late in a campaign: by a known batch with one new row in it.
    later = features[0].copy()
    later[0] = features[-1][0]
    started = time.process_time()
    for _ in range(3):
        criterion.observe(later, None)
    observing = (time.process_time() - started) / 3
    cells = BATCH * units
    return {
        "case": name,
        "units": units,
        "embed_ns": round(1e9 * embedding / ROUNDS / cells, 2),
        "first_ns": round(1e9 * first / cells, 2),
        "later_ns": round(1e9 * observing / cells, 2),
    }


def activations(units: int, key: int) -> Observation:
    generator = torch.Generator().manual_seed(key)
    return Observation(
        {"main": torch.randn((BATCH, 10), generator=generator)},
        torch.relu(torch.randn((BATCH, units), generator=generator)),
    )


if __name__ == "__main__":
    main()
