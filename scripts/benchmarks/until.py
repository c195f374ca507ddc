"""Does the interval of what is still to be found hold? One JSON line a puzzle and length, and one a real target.

    scripts/bench until [--runs 200] [--batches 64 100 400] [--targets digits:fragile] [--inputs 20000] [--lives 10]

A puzzle is a campaign in numbers: 600 faults, rare and frequent (lognormal), batches of 200 inputs, some of which
change what is found as guidance does. Its truth is known: new faults an input of the next batch, expected. told: share
of the runs that told an interval; held: share of these in which it held (90 % are promised); below, above: how often
the truth lay on that side of it; share: median of what was told. Of a real target the truth is what the same campaign
finds in a tenth more inputs: so few that chance is in it, which the line says (noise: share of its own spread).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from mlfuzz.discoveries import Discoveries, NewFaults, new_faults

FAULTS, BATCH, GROUP = 600, 200, 30
FAILING = 0.1
"""Of the inputs."""

PUZZLES = ("uniform", "lognormal", "zipf", "parents", "few parents", "rising", "falling", "flattening", "opening",
           "rewarded")  # fmt: skip
"""parents: a batch reaches a tenth (a fiftieth) of the faults. rising, falling: how much fails. flattening: guidance
turns to what is rare. opening, rewarded: what is met makes its neighbours likelier, for good or for a while."""

Shares = NDArray[np.float64]


def campaign(puzzle: str, batches: int, *, rng: np.random.Generator) -> tuple[NewFaults, float]:
    """What is told at its end, and the truth."""
    base = _base(puzzle, rng)
    factor = np.ones(FAULTS)
    met, known = Discoveries(), np.zeros(FAULTS, np.bool_)
    for number in range(batches):
        shares = _now(puzzle, base, factor, number / batches, rng)
        drawn = np.unique(rng.choice(FAULTS + 1, BATCH, p=np.append(shares, 1 - shares.sum())))
        drawn = drawn[drawn < FAULTS]
        fresh = drawn[~known[drawn]]
        known[drawn] = True
        met.batch(BATCH, [str(one) for one in drawn.tolist()])
        if puzzle == "rewarded":
            factor = factor * 0.95 + 0.05
        for fault in fresh.tolist():
            group = slice(fault // GROUP * GROUP, fault // GROUP * GROUP + GROUP)
            if puzzle == "opening":
                factor[group] *= 1.05
            elif puzzle == "rewarded":
                factor[group] += 2
    truths = [(1 - (1 - _now(puzzle, base, factor, 1.0, rng)[~known]) ** BATCH).sum() / BATCH for _ in range(40)]
    return new_faults(met), float(np.mean(truths))


def _base(puzzle: str, rng: np.random.Generator) -> Shares:
    shares = {
        "uniform": np.ones(FAULTS), "zipf": 1 / np.arange(1.0, FAULTS + 1) ** 1.2,
    }.get(puzzle, np.exp(rng.normal(0, 2, FAULTS)))  # fmt: skip
    return np.asarray(FAILING * shares / shares.sum())


def _now(puzzle: str, base: Shares, factor: Shares, time: float, rng: np.random.Generator) -> Shares:
    if puzzle in ("parents", "few parents"):
        reached = 0.1 if puzzle == "parents" else 0.02
        base = base * (rng.random(FAULTS) < reached) / reached
    elif puzzle == "rising":
        base = base * (0.3 + 0.7 * time)
    elif puzzle == "falling":
        base = base * (1 - 0.7 * time)
    elif puzzle == "flattening":
        base = base ** (1 - 0.5 * time)
        base = FAILING * base / base.sum()
    base = base * factor
    return np.asarray(base * min(1.0, 0.5 / max(base.sum(), 1e-9)))


def _planted(puzzle: str, batches: int, runs: int) -> dict[str, object]:
    all_of_them = [campaign(puzzle, batches, rng=np.random.default_rng(number)) for number in range(runs)]
    told = [(estimate, truth) for estimate, truth in all_of_them if not estimate.unknown]
    return {
        "puzzle": puzzle, "batches": batches, "runs": runs, "told": round(len(told) / runs, 3),
        "held": round(float(np.mean([one.low <= truth <= one.high for one, truth in told])), 3),
        "below": sum(truth < one.low for one, truth in told), "above": sum(truth > one.high for one, truth in told),
        "share": float(f"{median(one.share for one, _ in told):.2g}"),
    }  # fmt: skip


def _real(name: str, inputs: int, lives: int) -> dict[str, object]:
    """As many campaigns, each with another seed: what is told at `inputs`, and found in a tenth more."""
    from mlfuzz.budget import Budget
    from mlfuzz.campaign.spec import spec_of
    from mlfuzz.campaign.worker.campaign import Campaign
    from mlfuzz.targets.load import load

    held, told, pairs = 0, 0, []
    target = load(f"mlfuzz.examples.{name}", directory=Path.cwd(), device="cpu")
    for seed in range(lives):
        spec = spec_of({"target": "", "name": target.name, "seeds": str(target.seeds), "batch": 256, "seed": seed})
        with (
            tempfile.TemporaryDirectory(prefix="mlfuzz-until-") as folder,
            Campaign.open(Path(folder) / "c", target, spec=spec) as one,
        ):
            one.run(Budget(inputs=inputs), triage_here=False)
            met = one.loop.tally.discoveries
            kinds, ran, estimate = len(met.found), met.inputs, new_faults(met)
            one.run(Budget(inputs=inputs // 10), triage_here=False)
            truth = (len(met.found) - kinds) / (met.inputs - ran)
        if not estimate.unknown:
            told += 1
            spread = 1.645 * (truth / (inputs // 10)) ** 0.5
            held += estimate.low - spread <= truth <= estimate.high + spread
            pairs.append((float(f"{estimate.share:.2g}"), float(f"{truth:.2g}")))
    return {
        "target": name,
        "inputs": inputs,
        "campaigns": lives,
        "told": told,
        "held_within_chance": held,
        "pairs": pairs,
    }


def main() -> None:
    """Print the lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--batches", type=int, nargs="*", default=(64, 100, 400))
    options.add_argument("--targets", nargs="*", default=("digits:fragile",))
    options.add_argument("--inputs", type=int, default=20_000)
    options.add_argument("--lives", type=int, default=10)
    asked = options.parse_args()
    for puzzle in PUZZLES:
        for batches in asked.batches:
            print(json.dumps(_planted(puzzle, batches, asked.runs)), flush=True)
    for name in asked.targets:
        print(json.dumps(_real(name, asked.inputs, asked.lives)), flush=True)


if __name__ == "__main__":
    main()
