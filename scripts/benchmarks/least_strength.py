"""Least strengths by ladder and bisection against trying every level. One JSON line a target, and one for all.

    scripts/bench least_strength [--targets digits:fragile speech:fragile language:fragile] [--seeds 200] [--every 1]

pairs: (operator, seed) of operators that have strengths. evaluations, scan_evaluations: mutants run by each. share:
their ratio. off: mean difference of least strengths, of the full range, what holds counting as 1; near: share of the
pairs that differ by at most .05; missed: share that the scan breaks and the ladder does not; area, scan_area: the
model's number by each; worst_seed: largest difference of a seed's own mean. every: each n-th operator alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mlfuzz.campaign.least_strength import BATCH, LEVELS, LeastStrengths
from mlfuzz.campaign.spec import spec_of
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.targets.load import load

TWINS = ("digits:fragile", "speech:fragile", "language:fragile")
NEAR = 0.05

Strengths: TypeAlias = "np.ndarray[tuple[int, int], np.dtype[np.float64]]"


def main() -> None:
    """Print the lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--targets", nargs="+", default=TWINS)
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--every", type=int, default=1)
    asked = options.parse_args()
    whole = []
    for name in asked.targets:
        whole.append(against_scan(f"mlfuzz.examples.{name}", seeds=asked.seeds, every=asked.every))
        print(json.dumps({"target": name, **figures(*whole[-1])}), flush=True)
    least = np.concatenate([one[0].ravel() for one in whole])
    scan = np.concatenate([one[1].ravel() for one in whole])
    total = figures(least[None], scan[None], sum(one[2] for one in whole), sum(one[3] for one in whole))
    seeds = sum(one[0].shape[1] for one in whole)
    print(json.dumps({"target": "all", **total, "seeds": seeds, "worst_seed": None}))


def against_scan(
    name: str, *, seeds: int, every: int = 1
) -> tuple[
    np.ndarray[tuple[int, int], np.dtype[np.float64]], np.ndarray[tuple[int, int], np.dtype[np.float64]], int, int
]:
    """Least strengths (operators, seeds) found, and by the scan; the evaluations that each took."""
    target = load(name, directory=Path.cwd(), device="cpu")
    spec = spec_of({"target": "", "name": target.name, "seeds": str(target.seeds), "max_seeds": seeds, "batch": BATCH})
    with (
        tempfile.TemporaryDirectory(prefix="mlfuzz-least-") as folder,
        Campaign.open(Path(folder) / "c", target, spec=spec) as campaign,
    ):
        found = LeastStrengths(campaign.loop.parts, campaign.loop.seeds, campaign.pool)
        found.drawn = [one for one in found.drawn if one.scaled][::every]
        least = found.least()
        spent, found.evaluations = found.evaluations, 0
        pairs = np.arange(least.size)
        scan = np.zeros(least.size, np.int64)
        for level in range(LEVELS, 0, -1):
            failing, _ = found.run(pairs, np.full(len(pairs), level))
            scan[failing] = level
        levels = (least, scan.reshape(least.shape))
        one, other = (np.where(each <= 0, LEVELS, each) / LEVELS + (each <= 0) * 1e-9 for each in levels)
        return one, other, spent, found.evaluations


def figures(
    least: Strengths, scan: Strengths, spent: int, scanned: int
) -> dict[str, float | int | None]:  # fmt: skip
    """What the lines say."""
    off = least - scan
    return {
        "seeds": least.shape[1], "pairs": least.size, "evaluations": spent, "scan_evaluations": scanned,
        "share": round(spent / scanned, 4), "off": round(float(off.mean()), 5),
        "near": round(float((off <= NEAR).mean()), 5), "missed": round(float(((least > 1) & (scan <= 1)).mean()), 5),
        "broken": round(float((scan <= 1).mean()), 4), "area": round(float(least.mean()), 5),
        "scan_area": round(float(scan.mean()), 5), "worst_seed": round(float(off.mean(axis=0).max()), 5),
    }  # fmt: skip


if __name__ == "__main__":
    main()
