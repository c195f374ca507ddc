"""Microseconds an input of mutating a batch, and nanoseconds an element of a mutator of cost 1.

    python scripts/benchmarks/plan.py [--size 28] [--channels 1] [--batch 2048] [--seconds 3.6e-6] [--batches 200]

One thread, CPU time, gathering of the parents from 8-bit storage included. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time

import numpy as np
import torch

from mlfuzz.batch import TensorRows, to_unit
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS, select
from mlfuzz.mutators.limits import Ledger, Limits
from mlfuzz.mutators.plan import SLICES, Plan, weights

STORED = 4096
"""Parents to gather from."""

M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
"""As the worker sets them: else glibc hands every batch back to the system."""


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    modality = Image(size=(options.size, options.size), channels=options.channels)
    mutators = select("image", options.mutators)
    elements = options.channels * options.size**2
    shares = weights(mutators, elements=elements, seconds=options.seconds)
    plan = Plan(mutators, shares, Ledger(Limits(), mutators), slices=options.slices)
    rng = np.random.default_rng(0)
    shape = (min(STORED, 2 * options.batch), options.channels, options.size, options.size)
    stored = torch.from_numpy(rng.integers(0, 256, shape, np.uint8))
    with torch.inference_mode():
        for _ in range(options.batches // 4):
            _step(plan, stored, modality, options.batch, rng)
        started = time.process_time()
        for _ in range(options.batches):
            _step(plan, stored, modality, options.batch, rng)
        spent = (time.process_time() - started) / options.batches / options.batch
        gather = _best(lambda: _gather(stored, modality, options.batch, rng)) / options.batch
        rows = _gather(stored, modality, options.batch, rng)
        part = MUTATORS.get("image.brightness")
        recorded = part.record(rows, part.draw(len(rows), rng), np.zeros(0, np.int64))
        brightness = _best(lambda: part.apply(rows, recorded)) / options.batch / elements
    print(json.dumps({
        "benchmark": "plan", "size": options.size, "channels": options.channels, "batch": options.batch,
        "mutators": len(mutators), "slices": options.slices, "us_an_input": round(spent * 1e6, 3),
        "of_which_gather_us": round(gather * 1e6, 3), "least_share": round(float(plan.weights.min()), 5),
        "brightness_ns_an_element": round(brightness * 1e9, 3), "torch": torch.__version__,
    }))  # fmt: skip


def _step(plan: Plan, stored: torch.Tensor, modality: Image, batch: int, rng: np.random.Generator) -> None:
    rows = _gather(stored, modality, batch, rng)
    plan.mutate(rows, np.zeros((batch, plan.ledger.width), np.float32), np.ones(batch, np.bool_), rng)


def _gather(stored: torch.Tensor, modality: Image, batch: int, rng: np.random.Generator) -> TensorRows:
    picked = torch.from_numpy(rng.integers(0, len(stored), batch))
    return TensorRows(to_unit(stored.index_select(0, picked), modality), modality)


def _best(run: object, repeats: int = 5, calls: int = 8) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for _ in range(calls):
            run()  # type: ignore[operator]
        best = min(best, (time.process_time() - started) / calls)
    return best


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=3.6e-6, help="forward pass of one input")
    parser.add_argument("--slices", type=int, default=SLICES)
    parser.add_argument("--batches", type=int, default=120)
    parser.add_argument("--mutators", nargs="*", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
