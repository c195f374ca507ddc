"""The whole loop against the bare forward pass: fuzz inputs/s over forward inputs/s, interleaved, on CPU time.

One JSON line a model. ratio: same batch on both sides. best_bare: inputs/s of the bare pass at its best batch size, and
ratio_best the loop against that. phases: microseconds an input. Random weights: only the cost matters here.
--stages: where the time of making inputs goes, by stage and by operator, in a line of its own.
--counts: calls a batch too, which no other work on the machine changes.
--write FILE writes a baseline: ratios and counts of some models and of every default operator (about three minutes, on
a machine that does little else). --against FILE ends with 1 where a ratio is below 0.75 of the baseline's three times
in a row (of one operator: 0.6), or a count is above it, and with 2 where the file cannot be compared with. --short:
within 40 seconds, for continuous integration. On another processor than the baseline's, counts alone are judged.

    scripts/bench loop [--models mlp,lenet,resnet32,resnet224] [--seconds 4] [--coverage novelty] [--grow N] [--batch B]
    scripts/bench loop --stages --models mlp,lenet
    scripts/bench loop --write scripts/benchmarks/baselines/loop.jsonl
    scripts/bench loop --against scripts/benchmarks/baselines/loop.jsonl [--short] [--models mlp]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loop_parts import baseline, guard
from loop_parts.campaigns import opened, seeded, subject
from loop_parts.counts import counted
from loop_parts.operators import Bench
from loop_parts.pictures import MODELS, SEEDS
from loop_parts.stages import clocks
from loop_parts.subjects import SUBJECTS

import mlfuzz
from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import TargetLoadError

WARM_BATCHES = 10
SHORT_SECONDS, SHORT_ROUNDS = 1.0, 3


def measure(name: str, seconds: float, coverage: str, grow: int, batch: int) -> dict[str, object]:
    target, write, goal = subject(name)
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
    target, write, _ = subject(name)
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


def write(path: Path, models: list[str], seconds: float) -> int:
    """Measures, and writes what it measured: all of the file, or what was asked for by name."""
    names = models or list(guard.GUARDED)
    lines = []
    for line in guard.measured(names, guard.kinds_of(names, models), seconds):
        print(json.dumps({"bench": "loop", "name": line.name, "ratio": line.ratio, **line.counts}), flush=True)
        lines.append(line)
    (baseline.write if models else baseline.replace)(path, lines)
    return 0


def against(path: Path, models: list[str], seconds: float, *, short: bool) -> int:
    """0 where nothing is worse than the file says, 1 where something is."""
    before = baseline.read(path)
    names = models or list(guard.SHORT if short else guard.GUARDED)
    if not guard.same_cpu(before):
        print(f"made on {before.made.cpu}, this is {baseline.here().cpu}: ratios are not compared", file=sys.stderr)
    worse = []
    for kind in guard.kinds_of(names, models):
        bench = Bench(kind)
        if new := guard.unknown(before, bench):
            print(f"new, and not in {path}: {', '.join(new)}", file=sys.stderr)
        worse += list(guard.slower_operators(before, bench, rounds=SHORT_ROUNDS))
    worse += list(guard.slower_models(before, names, SHORT_SECONDS if short else seconds))
    for one in worse:
        print(f"slower: {one}", file=sys.stderr)
    print(guard.remedy(path) if worse else f"nothing is slower than {path} says", file=sys.stderr)
    return 1 if worse else 0


def figures(names: list[str], options: argparse.Namespace) -> None:
    """A line a model."""
    for name in names:
        line: dict[str, Any]
        try:
            if options.stages:
                line = stages(name, options.seconds, options.batch)
            else:
                line = measure(name, options.seconds, options.coverage, options.grow, options.batch)
                if options.counts:
                    line["counts"] = counted(name, options.batch or int(line["batch"]))
        except TargetLoadError as error:  # a model of others, not installed
            line = {"bench": "loop", "model": name, "skipped": str(error)}
        print(json.dumps(line), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="", help="comma between them; all where there are none")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--coverage", default="novelty")
    parser.add_argument("--grow", type=int, default=0, help="entries to have before the measurement begins")
    parser.add_argument("--batch", type=int, default=0, help="0: the calibrated one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stages", action="store_true", help="where the time of making inputs goes, instead")
    parser.add_argument("--counts", action="store_true", help="calls a batch too")
    parser.add_argument("--write", type=Path, help="measure a baseline and write it into this file")
    parser.add_argument("--against", type=Path, help="compare with the baseline in this file")
    parser.add_argument("--short", action="store_true", help="compare fewer models, for less long")
    options = parser.parse_args()
    tune_malloc()
    torch.set_num_threads(options.threads)
    models = [name for name in options.models.split(",") if name]
    every = [*MODELS, *SUBJECTS]
    if wrong := [name for name in models if name not in every]:
        parser.error(f"--models: {', '.join(wrong)} is none; known: {', '.join(every)}")
    try:
        if options.write:
            return write(options.write, models, options.seconds)
        if options.against:
            return against(options.against, models, options.seconds, short=options.short)
    except baseline.BaselineError as error:
        print(error, file=sys.stderr)
        return 2
    figures(models or every, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
