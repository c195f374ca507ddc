"""Which K findings mend most when a model is retrained on them? A JSON line for each K and way to choose.

    scripts/bench export_budget [--campaigns 5] [--inputs 8000] [--budgets 10 25 50]

The fragile digits, fuzzed and every finding confirmed; for each K the twin is retrained on K of them among its own
digits (as scripts/retrain_digits.py does), and judged on all findings that no way was given. ways: budget
(`mlfuzz findings export --budget`), least_certain (the two best scores nearest to each other, what active learning
asks for first), severe (the largest margins), random. mended: distinct faults all of whose other findings pass then,
of `faults`; findings: share of the other findings that pass; clean: accuracy on digits. Means over the campaigns, and
of mended each one's.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Picture

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import retrain_digits  # type: ignore[import-not-found]
import train_fit  # type: ignore[import-not-found]

from mlfuzz.budget import Budget
from mlfuzz.campaign.minimize.pipeline import confirm_finding
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.examples.digits import LABELS, centre, fragile
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.selection import most_worth

WAYS = ("budget", "least_certain", "severe", "random")


def main() -> None:
    """Print the lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--campaigns", type=int, default=5)
    options.add_argument("--inputs", type=int, default=8_000)
    options.add_argument("--budgets", type=int, nargs="+", default=(10, 25, 50))
    asked = options.parse_args()
    train_fit.deterministic()
    rows: dict[tuple[int, str], list[tuple[int, int, float, float]]] = {}
    for seed in range(asked.campaigns):
        findings, pictures = _found(seed, asked.inputs)
        for most in asked.budgets:
            chosen = {way: _chosen(way, findings, most, seed) for way in WAYS}
            rest = sorted(set(range(len(findings))) - {at for some in chosen.values() for at in some})
            for way, some in chosen.items():
                rows.setdefault((most, way), []).append(_mended(findings, pictures, some, rest))
    for (most, way), found in rows.items():
        mended, faults, share, clean = (list(column) for column in zip(*found, strict=True))
        print(json.dumps({
            "budget": most, "way": way, "mended": round(float(np.mean(mended)), 1),
            "faults": round(float(np.mean(faults)), 1), "findings": round(float(np.mean(share)), 3),
            "clean": round(float(np.mean(clean)), 4), "each": mended,
        }))  # fmt: skip


def _found(seed: int, inputs: int) -> tuple[list[Finding], torch.Tensor]:
    """Confirmed findings of the label oracle, and their pictures (N, 1, 28, 28)."""
    target = fragile()
    findings, pictures = [], []
    with (
        tempfile.TemporaryDirectory(prefix="mlfuzz-export-") as folder,
        Campaign.open(Path(folder) / "c", target, seed=seed, batch=256) as campaign,
    ):
        campaign.run(Budget(inputs=inputs), triage_here=False)
        for one in list(campaign.findings.records()):
            done = confirm_finding(target, campaign.findings, one, alone_in="calling process")
            if done.verdict == "confirmed" and done.oracle.get("name") == "label":
                findings.append(done)
                data = campaign.findings.bytes_of(done, done.input)
                pictures.append(np.asarray(Picture.open(io.BytesIO(data)).convert("L"), np.float32) / 255)
    return findings, torch.from_numpy(np.stack(pictures))[:, None]


def _chosen(way: str, findings: Sequence[Finding], most: int, seed: int) -> list[int]:
    if way == "budget":
        return most_worth(findings, most)
    if way == "random":
        return [int(at) for at in np.random.default_rng(seed).permutation(len(findings))[:most]]
    margins = np.asarray([one.margin or 0.0 for one in findings])
    order = np.argsort(margins if way == "least_certain" else -margins, kind="stable")
    return [int(at) for at in order[:most]]


def _mended(
    findings: Sequence[Finding], pictures: torch.Tensor, chosen: Sequence[int], rest: Sequence[int]
) -> tuple[int, int, float, float]:
    classes = torch.tensor([LABELS.index(str(one.label)) for one in findings])
    clean, labels, held = retrain_digits.clean_digits()
    taught = retrain_digits.Found(pictures[list(chosen)], classes[list(chosen)])
    model = retrain_digits.retrained(fragile().model, taught, clean[~held], labels[~held])
    with torch.no_grad():
        right = (model(centre(pictures[list(rest)])).argmax(1) == classes[list(rest)]).tolist()
    by_fault: dict[str, list[bool]] = {}
    for at, passes in zip(rest, right, strict=True):
        by_fault.setdefault(findings[at].fault or fault_of(findings[at]), []).append(passes)
    mended = sum(all(passes) for passes in by_fault.values())
    return mended, len(by_fault), float(np.mean(right)), train_fit.accuracy(model, centre(clean[held]), labels[held])


if __name__ == "__main__":
    main()
