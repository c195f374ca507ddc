"""What the index of covered vectors costs, and whether it errs. One JSON line a case; clocked in CPU time.

    python scripts/benchmarks/index.py                 # 1,000 and 10,000 entries
    python scripts/benchmarks/index.py --large         # 100,000 too (a minute more)

"index": microseconds a query and an add, and against an exact scan the share of known rows called novel and of novel
rows called known, where 10 % and 1 % are novel; the query's cost is that at 1 %.
"stream": a greedy cover by the graph against one by the scan: entries accepted by each.
"novelty": the whole criterion on mutants of its entries, beside a LeNet's forward pass: microseconds an input, and
what share of the forward pass that is.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.coverage.index import Index
from mlfuzz.coverage.novelty import Novelty
from mlfuzz.observation import Observation

BATCH = 256
NEVER = 1 << 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="100,000 entries too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # As a campaign does: an untuned forward pass is half as fast, and would flatter everything beside it.
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 1 << 30)
    libc.mallopt(-1, (1 << 31) - 1)
    sizes = [1_000, 10_000] + [100_000] * arguments.large
    for width in (10, 64):
        for size in sizes:
            say("index", **index_case(width, size))
        say("stream", **stream_case(width, 60_000 if arguments.large else 20_000))
    for size in sizes:
        for batch in (256, 512):
            say("novelty", **novelty_case(size, batch))


def index_case(width: int, size: int) -> dict[str, float]:
    rows = lineage(size + 8 * BATCH, width)
    entries, queries = rows[:size], rows[size:]
    exact, index = Index(width, exact=NEVER), Index(width)
    exact.add(entries)
    started = time.process_time()
    for start in range(0, size, BATCH):
        index.add(entries[start : start + BATCH])
        index.consolidate()
    added = time.process_time() - started
    truth = exact.nearest(queries)
    errors, seconds = {}, 0.0
    for share in (0.1, 0.01):
        limit = float(np.quantile(truth, 1 - share))
        answers, seconds = clocked(
            lambda: np.concatenate([index.nearest(part, enough=limit) for part in np.split(queries, 8)])  # noqa: B023
        )
        errors[f"false_novel_{share}"] = round(float(np.mean(answers[truth <= limit] > limit)), 5)
        errors[f"false_known_{share}"] = float(np.mean(answers[truth > limit] <= limit))
    return {
        "width": width,
        "entries": size,
        "graph": index.consolidated,
        "query_us": round(1e6 * seconds / len(queries), 2),
        "add_us": round(1e6 * added / size, 2),
        **errors,
    }


def stream_case(width: int, rows: int) -> dict[str, float]:
    stream = lineage(rows, width)
    # Calibrated so that about a tenth is kept: enough to leave the exact tier.
    radius = 0.5 * float(np.sqrt(np.median(scan_of(stream[:2000]).nearest(stream[2000:4000]))))
    kept, seconds = {}, {}
    for name, exact in (("scan", NEVER), ("graph", 1024)):
        criterion = Novelty(radius=radius, standardise=False, features="logits", exact=exact)
        started = time.process_time()
        for start in range(0, rows, BATCH):
            criterion.observe(stream[start : start + BATCH], None)
            criterion.tune()
        kept[name], seconds[name] = criterion.covered()["entries"], time.process_time() - started
    return {
        "width": width,
        "rows": rows,
        "kept_by_scan": kept["scan"],
        "kept_by_graph": kept["graph"],
        "bloat": round(kept["graph"] / kept["scan"] - 1, 5),
        "scan_us": round(1e6 * seconds["scan"] / rows, 2),
        "graph_us": round(1e6 * seconds["graph"] / rows, 2),
    }


def novelty_case(size: int, batch: int) -> dict[str, float]:
    """Mutants of kept mutants on a LeNet: grown to `size` entries at 20 % acceptance, then measured at 1 %."""
    rng = np.random.default_rng(0)
    model, images = LeNet(), smooth_images(200, rng)
    criterion = Novelty(target_rate=0.2)
    criterion.fit(model.observe(mutants(images.repeat(4, 1, 1, 1), rng)))
    vectors = criterion.embed(model.observe(images)).numpy()
    criterion.load(vectors)
    stored, known = (images * 255).to(torch.uint8), vectors
    while len(known) < size:
        picked = rng.integers(0, len(known), 512)
        pixels = mutants(stored[picked].float() / 255, rng)
        rows = criterion.embed(model.observe(pixels)).numpy()
        kept = criterion.observe(rows, known[picked]) > 0
        criterion.tune()
        stored = torch.cat([stored, (pixels[torch.from_numpy(kept)] * 255).to(torch.uint8)])
        known = np.concatenate([known, rows[kept]])
    grown = Novelty(radius="auto")
    grown.restore(criterion.state())
    seconds = {"forward": 0.0, "embed": 0.0, "observe": 0.0}
    rounds, warm, queried, accepted = 120, 120, 0, 0
    for round_ in range(rounds + warm):
        picked = rng.integers(0, len(known), batch)
        pixels = mutants(stored[picked].float() / 255, rng)
        at = [time.process_time()]
        seen = model.observe(pixels)
        at.append(time.process_time())
        rows = grown.embed(seen).numpy()
        at.append(time.process_time())
        gains = grown.observe(rows, known[picked])
        grown.tune()
        at.append(time.process_time())
        if round_ >= warm:
            for name, start, stop in zip(seconds, at, at[1:], strict=False):
                seconds[name] += stop - start
            queried += int((np.square(rows - known[picked]).sum(1) > grown.radius.value**2).sum())
            accepted += int((gains > 0).sum())
    total = rounds * batch
    novelty = seconds["embed"] + seconds["observe"]
    return {
        "entries": int(grown.covered()["entries"]),
        "batch": batch,
        "width": known.shape[1],
        **{f"{name}_us": round(1e6 * value / total, 2) for name, value in seconds.items()},
        "of_forward": round(novelty / seconds["forward"], 4),
        "queried": round(queried / total, 3),
        "accepted": round(accepted / total, 4),
    }


class LeNet:
    """28 x 28, random weights, 226 pooled units: a model of about 30 microseconds an input."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        shapes = ((6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84))
        self._weights = [
            torch.randn(shape, generator=generator) * (2.0 / np.prod(shape[1:])) ** 0.5 for shape in shapes
        ]

    @torch.inference_mode()
    def observe(self, pixels: Tensor) -> Observation:
        first = torch.relu(torch.nn.functional.conv2d(pixels - 0.5, self._weights[0], padding=2))
        second = torch.relu(torch.nn.functional.conv2d(torch.nn.functional.max_pool2d(first, 2), self._weights[1]))
        third = torch.relu(torch.nn.functional.max_pool2d(second, 2).flatten(1) @ self._weights[2].t())
        fourth = torch.relu(third @ self._weights[3].t())
        units = torch.cat([first.mean((2, 3)), second.mean((2, 3)), third, fourth], 1)
        return Observation({"main": fourth @ self._weights[4].t()}, units)


def smooth_images(count: int, rng: np.random.Generator) -> Tensor:
    coarse = torch.from_numpy(rng.random((count, 1, 7, 7), dtype=np.float32))
    return torch.nn.functional.interpolate(coarse, (28, 28), mode="bicubic").clamp(0, 1)


def mutants(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Noise, brightness, contrast or a shift; as strong as a campaign draws them."""
    count = len(images)
    amount = torch.from_numpy(rng.uniform(-1, 1, (count, 1, 1, 1)).astype(np.float32))
    kind = torch.from_numpy(rng.integers(0, 4, (count, 1, 1, 1)))
    noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
    shifted = images.roll((int(rng.integers(-2, 3)), int(rng.integers(-2, 3))), (2, 3))
    choices = (
        images + 0.1 * amount * noise,
        images + 0.15 * amount,
        0.5 + (images - 0.5) * (1 + 0.3 * amount),
        shifted,
    )
    mutated = images
    for number, choice in enumerate(choices):
        mutated = torch.where(kind == number, choice, mutated)
    return mutated.clamp(0, 1)


def lineage(rows: int, width: int, *, rank: int = 8) -> NDArray[np.float32]:
    """Vectors as mutation makes them: each a step from an earlier one, in few directions and a little in all."""
    rng = np.random.default_rng(rows * 1009 + width)
    directions = rng.standard_normal((min(rank, width), width)).astype(np.float32)
    found = np.empty((rows, width), np.float32)
    seeds = min(200, rows)
    found[:seeds] = 3.0 * rng.standard_normal((seeds, len(directions))) @ directions
    at = seeds
    while at < rows:
        count = min(at, rows - at)
        found[at : at + count] = children(found[rng.integers(0, at, count)], rng, directions)
        at += count
    return found[rng.permutation(rows)]


def children(
    parents: NDArray[np.float32], rng: np.random.Generator, directions: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """A mutant of each: the steps' lengths differ a hundredfold."""
    width = parents.shape[1]
    if directions is None:
        directions = np.random.default_rng(1).standard_normal((min(8, width), width)).astype(np.float32)
    reach = np.exp(rng.normal(-2.5, 1.0, (len(parents), 1))).astype(np.float32)
    along = rng.standard_normal((len(parents), len(directions)), dtype=np.float32) @ directions
    return parents + reach * (along + 0.2 * rng.standard_normal(parents.shape, dtype=np.float32))


def scan_of(rows: NDArray[np.float32]) -> Index:
    index = Index(rows.shape[1], exact=NEVER)
    index.add(rows)
    return index


def clocked(work: Callable[[], NDArray[np.float32]]) -> tuple[NDArray[np.float32], float]:
    work()
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def say(case: str, **figures: float) -> None:
    print(json.dumps({"case": case, **figures}), flush=True)


if __name__ == "__main__":
    main()
