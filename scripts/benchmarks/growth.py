"""What a corpus costs as it grows: LeNet with 1k to 1M entries. One JSON line a size.

    scripts/bench growth [--entries 1000,10000,100000,1000000] [--batches 40] [--batch 512]

Each size is a process of its own: a real campaign whose criterion is told to take in every row until there are so many
entries (their inputs, chains, vectors, journal, index and schedule are what the loop makes), and then to judge again.
us: CPU microseconds an input, by stage, each the least quarter's mean of so many batches; small_us: of a campaign of
1,000 entries in the same process, a batch of either in turns, so that a busy machine slows both alike; ratio: between
them. bytes_an_entry: how much the process grew while it was filled, over entries; cache_bytes: what of it is the
bounded cache of inputs; beyond_bytes: without that cache and one vector. wrong_novel, wrong_known: of fresh mutants,
what share is decided otherwise than by an exact scan, on either side of the radius; wrong_queries: of those alone that
the index is asked about, since their parent does not know them. resume_s: CPU
seconds to take the campaign up again; first_s: its first batch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from loop_parts.pictures import lenet, write_seeds
from numpy.typing import NDArray

import mlfuzz
from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.campaign.loop.counters import Clock
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.coverage.distance import nearest, norms_of, squared
from mlfuzz.coverage.novelty import Novelty

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SMALL = 1_000

BATCHES, BATCH = 40, 512

SETTLE_BATCHES = 60
"""The radius moves by a twentieth a batch: so many bring it from where filling left it to where it holds its rate."""

QUERIES = 8192
EXACT_BLOCK = 100_000
"""Vectors scanned at once."""


class CpuClock(Clock):
    """Seconds by phase, in CPU time of the process; one batch of them at a time."""

    def start(self) -> None:
        self._last = time.process_time()

    def lap(self, phase: str) -> None:
        now = time.process_time()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


def target() -> mlfuzz.ModuleTarget:
    """A LeNet with random weights: only its cost matters here."""
    torch.manual_seed(0)
    return mlfuzz.ModuleTarget("bench:lenet", mlfuzz.Image(size=(28, 28)), lenet())


def criterion_of(campaign: Campaign) -> Novelty:
    found = campaign.loop.parts.criterion
    assert isinstance(found, Novelty)
    return found


def fill(campaign: Campaign, entries: int) -> None:
    """Every row that may become an entry does, until there are so many."""
    criterion = criterion_of(campaign)

    def everything(features: NDArray[np.float32], parents: object) -> NDArray[np.float32]:
        criterion.load(features)
        return np.ones(len(features), np.float32)

    criterion.observe = everything  # type: ignore[method-assign,assignment]
    try:
        while len(campaign.corpus) < entries:
            campaign.loop.step()
    finally:
        del criterion.observe  # type: ignore[method-assign]


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def costs(campaigns: Sequence[Campaign], batches: int) -> list[dict[str, float]]:
    """CPU microseconds an input of each campaign, by stage and in all, a batch of each in turns."""
    rounds: list[list[dict[str, float]]] = [[] for _ in campaigns]
    for campaign in campaigns:
        campaign.tally.clock = CpuClock()
    for _ in range(batches):
        for campaign, seen in zip(campaigns, rounds, strict=True):
            clock = campaign.tally.clock
            clock.seconds.clear()
            inputs = campaign.loop.step()
            each = {stage: 1e6 * seconds / inputs for stage, seconds in clock.seconds.items()}
            seen.append({**each, "all": sum(each.values())})
    return [quiet(seen) for seen in rounds]


def quiet(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean over the quarter of the batches that took least: what else ran is in the others."""
    least = sorted(rounds, key=lambda each: each["all"])[: max(1, len(rounds) // 4)]
    stages = sorted({stage for each in rounds for stage in each})
    return {stage: round(float(np.mean([each.get(stage, 0.0) for each in least])), 2) for stage in stages}


def wrong(campaign: Campaign) -> dict[str, float]:
    """How often the index and an exact scan say otherwise of fresh mutants."""
    loop, criterion = campaign.loop, criterion_of(campaign)
    index, limit = criterion._index, float(criterion.radius.value**2)
    assert index is not None
    seen: list[NDArray[np.float32]] = []
    apart: list[NDArray[np.float32]] = []
    while sum(map(len, seen)) < QUERIES:
        launched = loop.launch()
        assert launched.execution.seen is not None
        seen.append(criterion.embed(launched.execution.seen).numpy())
        apart.append(squared(seen[-1], campaign.corpus.vectors[launched.picked[launched.execution.ran]]))
        loop.batches += 1  # the next launch draws anew
    queries, parents = np.concatenate(seen)[:QUERIES], np.concatenate(apart)[:QUERIES]
    asked = np.isfinite(queries).all(1) & ~(parents <= limit)
    queries = queries[asked]
    truth = np.full(len(queries), np.inf, np.float32)
    for start in range(0, len(index), EXACT_BLOCK):
        block = np.ascontiguousarray(index.vectors[start : start + EXACT_BLOCK])
        truth = np.minimum(truth, nearest(queries, block, norms_of(block)))
    answers = index.nearest(queries, enough=limit)
    known = truth <= limit
    missed, lost = int(np.sum(known & (answers > limit))), int(np.sum(~known & (answers <= limit)))
    return {
        "novel": round(float(np.sum(~known) / len(asked)), 4),
        "asked": round(float(np.mean(asked)), 4),
        "wrong_novel": round(missed / len(asked), 5),
        "wrong_known": round(lost / len(asked), 5),
        "wrong_queries": round((missed + lost) / max(1, len(queries)), 5),
    }


def cache_bytes(campaign: Campaign) -> int:
    """What the inputs take that are kept decoded; bounded by `POOL_BYTES`."""
    tables = campaign.pool._tables.values()
    return sum(table._data.numel() * table._data.element_size() for table in tables if table._data is not None)


def measure(entries: int, batches: int, batch: int, settle: int) -> dict[str, object]:
    """One line. Runs in a process of its own, whose memory is looked at."""
    with tempfile.TemporaryDirectory(prefix="mlfuzz-growth-") as folder:
        base, model = Path(folder), target()
        (base / "seeds").mkdir()
        write_seeds(base / "seeds", 28, 1)
        options = {"seeds": base / "seeds", "batch": batch}
        with Campaign.open(base / "small", target(), **options) as small:
            fill(small, SMALL)
            with Campaign.open(base / "grown", model, **options) as grown:
                fill(grown, SMALL)
                before, first = resident(), len(grown.corpus)
                began = time.process_time()
                fill(grown, entries)
                filled = time.process_time() - began
                gained, count = resident() - before, len(grown.corpus) - first
                for _ in range(settle):
                    small.loop.step()
                    grown.loop.step()
                few, many = costs((small, grown), batches)
                line: dict[str, object] = {
                    "bench": "growth", "entries": len(grown.corpus), "small_entries": len(small.corpus),
                    "batch": batch, "ratio": round(many["all"] / few["all"], 3), "us": many, "small_us": few,
                    "p_new": round(grown.tally.p_new, 4), "small_p_new": round(small.tally.p_new, 4),
                    **memory(grown, gained, count), **wrong(grown), "fill_s": round(filled, 1),
                }  # fmt: skip
        began = time.process_time()
        with Campaign.open(base / "grown", model, **options) as again:
            line["resume_s"] = round(time.process_time() - began, 2)
            began = time.process_time()
            again.loop.step()
            line["first_s"] = round(time.process_time() - began, 2)
            line["journal_mb"] = round(sum(f.stat().st_size for f in (base / "grown").glob("journal/*/*.mlj")) / 1e6)
    return {**line, "load": round(os.getloadavg()[0], 1)}


def memory(campaign: Campaign, gained: int, count: int) -> dict[str, object]:
    """Bytes an entry, where any were added to the first thousand."""
    vector = 4 * campaign.corpus.vectors.shape[1]
    if count < SMALL:
        return {"vector_bytes": vector, "bytes_an_entry": None, "cache_bytes": None, "beyond_bytes": None}
    each, cache = gained / count, cache_bytes(campaign) / count
    return {
        "vector_bytes": vector, "bytes_an_entry": round(each), "cache_bytes": round(cache),
        "beyond_bytes": round(each - cache - vector),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", default=",".join(map(str, SIZES)), help="sizes, with commas between them")
    parser.add_argument("--batches", type=int, default=BATCHES, help="of each campaign, that are measured")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--settle", type=int, default=SETTLE_BATCHES, help="before those, that are not")
    options = parser.parse_args()
    sizes = [int(size) for size in options.entries.split(",")]
    if len(sizes) > 1:
        rest = ["--batches", str(options.batches), "--batch", str(options.batch), "--settle", str(options.settle)]
        return max(subprocess.call([sys.executable, __file__, "--entries", str(size), *rest]) for size in sizes)
    tune_malloc()
    torch.set_num_threads(1)
    print(json.dumps(measure(sizes[0], options.batches, options.batch, options.settle)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
