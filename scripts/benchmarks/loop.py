"""The whole loop against the bare forward pass: fuzz inputs/s over forward inputs/s, interleaved, on CPU time.

One JSON line a model. ratio: same batch on both sides. best_bare: inputs/s of the bare pass at its best batch size, and
ratio_best the loop against that. phases: microseconds an input. Random weights: only the cost matters here.
--stages: where the time of making inputs goes, by stage and by operator, in a line of its own.
--counts: calls a batch, which no other work on the machine changes. --against FILE compares ratios and counts with
those of the lines in a file, and ends with 1 where a ratio is below 0.75 of its own there three times in a row, or a
count is above it.

    scripts/bench loop [--models mlp,lenet,resnet32,resnet224] [--seconds 4] [--coverage novelty] [--grow N] [--batch B]
    scripts/bench loop --stages --models mlp,lenet
    scripts/bench loop --counts --batch 256 --models mlp,lenet >scripts/benchmarks/baselines/loop.jsonl
    scripts/bench loop --against scripts/benchmarks/baselines/loop.jsonl --models mlp,lenet
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loop_parts.counts import counts
from loop_parts.stages import clocks
from loop_parts.subjects import SUBJECTS
from PIL import Image as Picture
from torch import Tensor, nn

import mlfuzz
from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import TargetLoadError

SEEDS = 64

LEAST_RATIO, ROUNDS = 0.75, 3
"""Of a baseline's ratio, and how often in a row it must be missed: two shared cores jitter by a fifth."""

GROWN = 1.1
"""A count may be so many times its baseline's: what a campaign draws depends on costs that it has measured."""

WARM_BATCHES = 10


class Block(nn.Module):
    """A basic residual block (He et al., CVPR 2016)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
        same = stride == 1 and channels == out
        self.skip = nn.Identity() if same else nn.Sequential(nn.Conv2d(channels, out, 1, stride), nn.BatchNorm2d(out))
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.two(self.one(x)) + self.skip(x))  # type: ignore[no-any-return]


def resnet18(*, stem: str) -> nn.Module:
    first = (
        [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        if stem == "small"
        else [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    )
    blocks = []
    for channels, out, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        blocks += [Block(channels, out, stride), Block(out, out, 1)]
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def mlp() -> nn.Module:
    layers = [nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 10)]
    return nn.Sequential(*layers)


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


MODELS: dict[str, tuple[Callable[[], nn.Module], int, int, float]] = {
    "mlp": (mlp, 28, 1, 0.55),
    "lenet": (lenet, 28, 1, 0.80),
    "resnet32": (lambda: resnet18(stem="small"), 32, 3, 0.93),
    "resnet224": (lambda: resnet18(stem="large"), 224, 3, 0.93),
}


def write_seeds(folder: Path, size: int, channels: int) -> None:
    """Smooth random pictures: blurred noise, stretched to the full range."""
    rng = np.random.default_rng(0)
    for at in range(SEEDS):
        coarse = rng.integers(0, 256, (7, 7, channels), dtype=np.uint8)
        picture = Picture.fromarray(coarse.squeeze(), "L" if channels == 1 else "RGB")
        picture.resize((size, size), Picture.Resampling.BICUBIC).save(folder / f"{at:03d}.png")


@contextmanager
def seeded(write: Callable[[Path], None]) -> Iterator[Path]:
    """A folder with seeds in it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "seeds").mkdir()
        write(Path(folder) / "seeds")
        yield Path(folder)


def opened(base: Path, target: mlfuzz.ModuleTarget, batch: int, coverage: str = "novelty") -> Campaign:
    """A campaign on those seeds. batch: 0 for the calibrated one."""
    return Campaign.open(base / "campaign", target, seeds=base / "seeds", coverage=coverage, batch=batch)


def measure(name: str, seconds: float, coverage: str, grow: int, batch: int) -> dict[str, object]:
    target, write, goal = _subject(name)
    with seeded(write) as base, opened(base, target, batch, coverage) as campaign:
        loop = campaign.loop
        started = time.monotonic()
        while time.monotonic() - started < max(2.0, seconds / 2) or len(campaign.corpus) < grow:
            loop.step()
        bare = step = 0.0
        inputs = 0
        loop.tally.clock.seconds.clear()
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            now = time.process_time()
            executed = loop.launch()
            loop.finish(executed)
            step += time.process_time() - now
            # The same mutated rows on both sides: pooling takes 6 % longer on noisy pictures than on smooth ones.
            now = time.process_time()
            target.forward(executed.mutated.rows)
            bare += time.process_time() - now
            inputs += len(executed.picked)
        bare_inputs = inputs
        table = best_bare(target, campaign)
        phases = {key: round(1e6 * value / inputs, 3) for key, value in loop.tally.clock.seconds.items()}
        best = max(table.values())
        return {
            "bench": "loop", "model": name, "batch": loop.parts.batch, "coverage": coverage,
            "entries": len(campaign.corpus), "units": sum(layer.units for layer in target.layers),
            "ratio": round(bare / step, 3), "goal": goal, "fuzz_per_s": round(inputs / step),
            "bare_per_s": round(bare_inputs / bare), "best_bare": round(best),
            "ratio_best": round(inputs / step / best, 3), "phases_us": phases, "p_new": round(loop.tally.p_new, 4),
        }  # fmt: skip


def _subject(name: str) -> tuple[mlfuzz.ModuleTarget, Callable[[Path], None], float]:
    """The target, how its seeds are written, and the ratio to reach."""
    torch.manual_seed(0)
    if name in SUBJECTS:
        return SUBJECTS[name].target(), SUBJECTS[name].write, SUBJECTS[name].goal
    make, size, channels, goal = MODELS[name]
    target = mlfuzz.ModuleTarget(f"bench:{name}", mlfuzz.Image(size=(size, size), channels=channels), make())
    return target, lambda folder: write_seeds(folder, size, channels), goal


def best_bare(target: mlfuzz.ModuleTarget, campaign: Campaign) -> dict[int, float]:
    table = {}
    for batch in (8, 16, 32, 64, 128, 256, 512, 1024, 2048):
        rows = campaign.pool.gather(np.arange(batch) % SEEDS)
        target.forward(rows)
        now, wall = time.process_time(), time.monotonic()
        count = 0
        while time.monotonic() - wall < 0.3:
            target.forward(rows)
            count += batch
        table[batch] = count / (time.process_time() - now)
        if batch / table[batch] > 0.5:
            break
    return table


def stages(name: str, seconds: float, batch: int) -> dict[str, object]:
    """Where the time of making inputs goes."""
    target, write, _ = _subject(name)
    with seeded(write) as base, clocks() as seen, opened(base, target, batch) as campaign:
        for _ in range(WARM_BATCHES):
            campaign.loop.step()
        seen.clear()
        inputs = batches = 0
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            inputs += campaign.loop.step()
            batches += 1
        size = campaign.loop.parts.batch
    return {"bench": "loop", "model": name, "batch": size, **seen.table(inputs, batches)}


def counted(name: str, batch: int) -> dict[str, float]:
    """Calls a batch of a campaign of a fixed seed."""
    target, write, _ = _subject(name)
    with seeded(write) as base, opened(base, target, batch) as campaign:
        for _ in range(WARM_BATCHES):
            campaign.loop.step()
        return counts(campaign.loop)


def compared(name: str, before: dict[str, Any], seconds: float) -> list[str]:
    """What is worse than it was, each a sentence. before: an earlier line with counts."""
    worse = []
    now = counted(name, before["batch"])
    for key, value in before["counts"].items():
        if now[key] > GROWN * value:
            worse.append(f"{name}: {key} a batch {now[key]:g}, before {value:g}")
    ratios: list[float] = []
    while len(ratios) < ROUNDS and all(ratio < LEAST_RATIO * before["ratio"] for ratio in ratios):
        ratios.append(float(measure(name, seconds, "novelty", 0, before["batch"])["ratio"]))  # type: ignore[arg-type]
    if all(ratio < LEAST_RATIO * before["ratio"] for ratio in ratios):
        worse.append(f"{name}: ratio {', '.join(map(str, ratios))}, before {before['ratio']:g}")
    print(json.dumps({"bench": "loop", "model": name, "ratios": ratios, "before": before["ratio"], "counts": now,
                      "worse": worse}), flush=True)  # fmt: skip
    return worse


def against(path: Path, names: list[str], seconds: float) -> int:
    """0 where no model is worse than its line in the file says."""
    lines = {line["model"]: line for line in map(json.loads, path.read_text().splitlines()) if "counts" in line}
    missing = [name for name in names if name not in lines]
    if missing:
        print(f"{path}: no line with counts of {', '.join(missing)}; write one with --counts", file=sys.stderr)
        return 2
    worse = [one for name in names for one in compared(name, lines[name], seconds)]
    for one in worse:
        print(f"slower: {one}", file=sys.stderr)
    return 1 if worse else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join([*MODELS, *SUBJECTS]))
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--coverage", default="novelty")
    parser.add_argument("--grow", type=int, default=0, help="entries to have before the measurement begins")
    parser.add_argument("--batch", type=int, default=0, help="0: the calibrated one")
    parser.add_argument("--stages", action="store_true", help="where the time of making inputs goes, instead")
    parser.add_argument("--counts", action="store_true", help="calls a batch too")
    parser.add_argument("--against", type=Path, help="compare with the lines in this file")
    options = parser.parse_args()
    tune_malloc()
    torch.set_num_threads(1)
    names = options.models.split(",")
    if options.against:
        return against(options.against, names, options.seconds)
    for name in names:
        try:
            if options.stages:
                line = stages(name, options.seconds, options.batch)
            else:
                line = measure(name, options.seconds, options.coverage, options.grow, options.batch)
                if options.counts:
                    line["counts"] = counted(name, options.batch)
        except TargetLoadError as error:  # a model of others, not installed
            line = {"bench": "loop", "model": name, "skipped": str(error)}
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
