"""What mutating a batch costs: microseconds an input, and its ratio to the forward pass of a small MLP beside it.

    scripts/bench plan [--size 28] [--channels 1] [--batch 2048] [--seconds 3.6e-6] [--slices 8] [--batches 120]

One thread, CPU time, gathering of the parents from 8-bit storage included; the MLP (784-200-100-10 at 28 x 28) runs on
the same mutants in turn, so that a busy machine slows both. Prints one JSON line; `brightness_ns_an_element` is what
`shares.ELEMENT_NS` states.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch

from mlfuzz.batch import TensorRows, to_unit
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS, select
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.weights import SLICES, weights

STORED = 4096
"""Parents to gather from."""


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    modality = Image(size=(options.size, options.size), channels=options.channels)
    mutators = select("image", options.mutators)
    elements = options.channels * options.size**2
    shares = weights(mutators, elements=elements, seconds=options.seconds)
    plan = Plan(mutators, shares, DistanceLedger(Limits(), mutators), slices=options.slices)
    rng = np.random.default_rng(0)
    shape = (min(STORED, 2 * options.batch), options.channels, options.size, options.size)
    stored = torch.from_numpy(rng.integers(0, 256, shape, np.uint8))
    model = _mlp(elements)
    spent = np.zeros((options.batches, 3))
    with torch.inference_mode():
        for at in range(-options.batches // 4, options.batches):
            clock = [time.process_time()]
            rows = _gather(stored, modality, options.batch, rng)
            clock.append(time.process_time())
            loads = np.zeros((options.batch, plan.ledger.width), np.float32)
            mutated = plan.mutate(rows, loads, np.ones(options.batch, np.bool_), rng)
            clock.append(time.process_time())
            model(mutated.rows.data)  # type: ignore[attr-defined]
            clock.append(time.process_time())
            if at >= 0:
                spent[at] = np.diff(clock)
        few = _gather(stored, modality, 256, rng)
        part = MUTATORS.get("image.brightness")
        recorded = part.record(few, part.draw(len(few), rng), np.zeros(0, np.int64))
        brightness = _best(lambda: part.apply(few, recorded)) / len(few) / elements
    gather, mutate, forward = (spent.mean(0) / options.batch * 1e6).tolist()
    print(json.dumps({
        "benchmark": "plan", "size": options.size, "channels": options.channels, "batch": options.batch,
        "mutators": len(mutators), "slices": options.slices, "us_an_input": round(gather + mutate, 3),
        "of_which_gather_us": round(gather, 3), "mlp_us": round(forward, 3),
        "over_mlp": round((gather + mutate) / forward, 3), "least_share": round(float(plan.weights.min()), 5),
        "brightness_ns_an_element": round(brightness * 1e9, 3), "torch": torch.__version__,
    }))  # fmt: skip


def _mlp(elements: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(elements, 200), torch.nn.ReLU(), torch.nn.Linear(200, 100),
        torch.nn.ReLU(), torch.nn.Linear(100, 10),
    )  # fmt: skip


def _gather(stored: torch.Tensor, modality: Image, batch: int, rng: np.random.Generator) -> TensorRows:
    picked = torch.from_numpy(rng.integers(0, len(stored), batch))
    return TensorRows(to_unit(stored.index_select(0, picked), modality), modality)


def _best(run: Callable[[], object], repeats: int = 5, calls: int = 8) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for _ in range(calls):
            run()
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
