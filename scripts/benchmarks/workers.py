"""Two workers against one, in inputs per second of their own CPU time.

In turns: one worker alone, two that do the same on campaigns of their own at the same time, two that share the work of
one in one directory. Work is counted in inputs, so that a busy machine makes it longer and not less. One JSON line a
turn and one for all: `together` is the share of one worker's inputs a CPU second that two in one directory reach,
`apart` that of two that share nothing but the machine. Where `apart` falls short it is cache or memory bandwidth; what
`together` falls short of `apart` is the exchange. load: of the machine, one minute's mean.

    scripts/bench workers [--models mlp,lenet] [--rounds 3] [--batches 60] [--batch 1024]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

import torch
from loop_parts.campaigns import seeded, subject

from mlfuzz.budget import Budget
from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.campaign.worker.campaign import Campaign

WARM_BATCHES = 10
"""Before what counts: the first batches grow tables, and find most of what is new."""

LEAST = 0.9
"""Of one worker's inputs a CPU second, what each of two should reach."""


class Worker:
    """A process that runs one worker of a campaign; it waits for a line before it fuzzes."""

    def __init__(self, model: str, base: Path, batch: int, batches: int, *, number: int = 0, workers: int = 1) -> None:
        numbers = {"batch": batch, "batches": batches, "number": number, "workers": workers}
        named = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, __file__, "--models", model, "--worker", str(base), *named]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def begin(self) -> None:
        assert self._process.stdin is not None
        print("go", file=self._process.stdin, flush=True)

    def result(self) -> dict[str, float]:
        found: dict[str, float] = json.loads(self._line())
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self._process.wait()} before it had measured anything")
        return line


def work(model: str, base: Path, number: int, workers: int, batch: int, batches: int) -> dict[str, float]:
    """In a worker's own process: open, wait for the word, warm up, run."""
    target, _, _ = subject(model)
    shared: dict[str, Any] = {"lock": False, "worker": number, "workers": workers}
    with Campaign.open(base / "campaign", target, seeds=base / "seeds", batch=batch, **shared) as campaign:
        print("ready", flush=True)
        sys.stdin.readline()
        campaign.run(Budget(inputs=batch * WARM_BATCHES), triage_here=False)
        before, entries = campaign.loop.tally.inputs, len(campaign.corpus)
        clocks = [(time.monotonic(), time.process_time())]
        campaign.run(
            Budget(inputs=batch * batches), triage_here=False,
            on_progress=lambda _: clocks.append((time.monotonic(), time.process_time())),
        )  # fmt: skip
        # Up to the last record of progress: what ends a run is done once a worker, however much there is to share.
        wall, used = (last - first for first, last in zip(clocks[0], clocks[-1], strict=True))
        return {
            "inputs": campaign.loop.tally.inputs - before, "cpu_s": used, "wall_s": wall,
            "entries": len(campaign.corpus) - entries,
        }  # fmt: skip


def turn(model: str, kind: str, batch: int, batches: int) -> dict[str, Any]:
    """One turn of a kind: "alone", "apart" or "together"."""
    _, write, _ = subject(model)
    with ExitStack() as stack:
        count = 1 if kind == "alone" else 2
        bases = [stack.enter_context(seeded(write)) for _ in range(2 if kind == "apart" else 1)]
        workers = []
        for number in range(count):
            shared = {"number": number, "workers": count} if kind == "together" else {}
            each = batches // count if kind == "together" else batches
            worker = Worker(model, bases[number % len(bases)], batch, each, **shared)
            workers.append(stack.enter_context(closing(worker)))
        for worker in workers:
            worker.begin()
        found = [worker.result() for worker in workers]
    inputs, used = (sum(one[name] for one in found) for name in ("inputs", "cpu_s"))
    return {
        "bench": "workers", "model": model, "turn": kind, "inputs_per_cpu_s": round(inputs / used),
        "cpu_share": round(used / sum(one["wall_s"] for one in found), 2), "batch": batch,
        "entries": [one["entries"] for one in found], "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def measure(model: str, rounds: int, batch: int, batches: int) -> dict[str, Any]:
    """Rounds of all kinds in turn; each compared with the others of its round."""
    shares: dict[str, list[float]] = {"apart": [], "together": []}
    for _ in range(rounds):
        lines = {kind: turn(model, kind, batch, batches) for kind in ("alone", "apart", "together")}
        for line in lines.values():
            print(json.dumps(line), flush=True)
        for kind, found in shares.items():
            found.append(lines[kind]["inputs_per_cpu_s"] / lines["alone"]["inputs_per_cpu_s"])
    return {
        "bench": "workers", "model": model, "goal": LEAST,
        **{kind: round(median(found), 3) for kind, found in shares.items()},
        **{f"{kind}_all": [round(share, 3) for share in found] for kind, found in shares.items()},
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mlp,lenet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    tune_malloc()
    torch.set_num_threads(1)
    if options.worker:
        found = work(options.models, options.worker, options.number, options.workers, options.batch, options.batches)
        print(json.dumps(found))
        return 0
    for model in options.models.split(","):
        print(json.dumps(measure(model, options.rounds, options.batch, options.batches)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
