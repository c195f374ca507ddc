"""Is a campaign's own opinion on labels right? One JSON line a twin.

    scripts/bench label_opinion [--twins digits speech language] [--campaigns 3] [--inputs 4000] [--cache FOLDER]

The fragile twin is fuzzed and its findings confirmed, each with the opinion on its label, without reference models.
coverage: share of the findings of which the opinion says something; right: share of these of which the judge says the
same; kept: of all findings, by the judge. likeness: the same of likeness to the seed alone. The judge is a linear model
that learnt the seeds with all default operators: neither fuzzed, nor asked by the campaign, nor what the shares of
`mlfuzz/mutators/limits/label_shares.json` were measured with (those are the robust twins').
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from tasks.judge import Vote
from tasks.twins import jury

from mlfuzz.batch import from_payloads
from mlfuzz.budget import Budget
from mlfuzz.campaign.minimize.label_check import by_likeness, keep_label, load_validity
from mlfuzz.campaign.minimize.pipeline import confirm_finding
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.examples import digits, language, speech
from mlfuzz.findings.labels import opinion_of

TWINS = {"digits": digits, "speech": speech, "language": language}


def main() -> None:
    """Print the lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--twins", nargs="+", default=list(TWINS), choices=list(TWINS))
    options.add_argument("--campaigns", type=int, default=3)
    options.add_argument("--inputs", type=int, default=4_000)
    options.add_argument("--cache", type=Path)
    asked = options.parse_args()
    for name in asked.twins:
        counts: Counter[str] = Counter()
        with tempfile.TemporaryDirectory(prefix="mlfuzz-labels-") as scratch:
            vote = jury(TWINS[name].robust(), asked.cache or Path(scratch)).votes[1]
        for seed in range(asked.campaigns):
            counts += judged(name, seed, asked.inputs, vote)
        print(json.dumps({
            "twin": name, "findings": counts["all"], "kept": round(counts["kept"] / max(1, counts["all"]), 3),
            **_figures(counts, ""), "likeness": _figures(counts, "likeness "),
        }), flush=True)  # fmt: skip


def _figures(counts: Counter[str], way: str) -> dict[str, float]:
    right, kept, lost = (counts[f"{way}{what}"] for what in ("right", "wrong kept", "wrong lost"))
    said = right + kept + lost
    return {
        "coverage": round(said / max(1, counts["all"]), 3), "right": round(right / max(1, said), 3),
        "said_kept_but_lost": kept, "said_lost_but_kept": lost,
    }  # fmt: skip


def judged(name: str, seed: int, inputs: int, vote: Vote) -> Counter[str]:
    """Of one campaign."""
    target = TWINS[name].fragile()
    counts: Counter[str] = Counter()
    validity = load_validity((), target=target, directory=Path.cwd(), device="cpu", require=False)
    with (
        tempfile.TemporaryDirectory(prefix="mlfuzz-opinion-") as folder,
        Campaign.open(Path(folder) / "c", target, seed=seed, batch=128) as campaign,
    ):
        campaign.run(Budget(inputs=inputs), triage_here=False)
        for one in list(campaign.findings.records()):
            done = confirm_finding(target, campaign.findings, one, alone_in="calling process")
            done = keep_label(validity, campaign.findings, done)
            if done.verdict != "confirmed" or done.oracle.get("name") != "label":
                continue
            data = campaign.findings.bytes_of(done, done.input)
            payload = target.modality.decode(data, suffix=Path(done.input.file).suffix)
            rows = from_payloads([payload], target.modality, torch.device("cpu"))
            kept = bool(vote(rows, [str(done.label)])[0])
            counts["all"] += 1
            counts["kept"] += kept
            seeds = campaign.findings.bytes_of(done, done.seed) if done.seed else b""
            root = target.modality.decode(seeds, suffix=Path(done.input.file).suffix)
            for way, opinion in (("", opinion_of(done)), ("likeness ", by_likeness(done, payload, root))):
                if opinion is not None and opinion.kept is not None:
                    right = opinion.kept == kept
                    counts[way + ("right" if right else f"wrong {'kept' if opinion.kept else 'lost'}")] += 1
    return counts


if __name__ == "__main__":
    main()
