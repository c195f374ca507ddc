"""How long a campaign takes to be taken up again, from an open process to its first batch, torch imported already.

    scripts/bench resume [--entries 100000] [--profile]

One JSON line: entries, journal_mb, and CPU seconds: read (the journals alone), resume (all), first_batch, and inspect,
cold and warm (what `mlfuzz status` adds). The entries are made up, as large as those of the digits are.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from mlfuzz.budget import Budget
from mlfuzz.campaign.setup.calibration import calibration_key
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.corpus import entry as records
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.integrity.inspect import inspect
from mlfuzz.modality import raw
from mlfuzz.mutation import Mutation
from mlfuzz.storage.journal import Item, Journal
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.load import load

TARGET = "mlfuzz.examples.digits:fragile"
CHAIN = (
    Mutation("image.rotate", {"degrees": 11.25}),
    Mutation("image.blur_gauss", {"sigma": 0.699999988079071}),
    Mutation("image.noise_gauss", {"sigma": 0.05, "seed": 123456789}),
)

T = TypeVar("T")


def main() -> None:
    """Make the campaign, take it up, and print the line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--profile", action="store_true", help="also say where the time goes")
    asked = options.parse_args()
    target = load(TARGET, directory=Path.cwd(), device="cpu")
    with tempfile.TemporaryDirectory(prefix="mlfuzz-resume-") as folder:
        root = Path(folder) / "c"
        _make(root, target, asked.entries)
        workdir = Workdir.open(root)
        cold, _ = _timed(lambda: inspect(workdir))
        warm, whole = _timed(lambda: inspect(workdir))
        read, corpus = _timed(lambda: Corpus.open(workdir))
        profile = cProfile.Profile()
        if asked.profile:
            profile.enable()
        resume, campaign = _timed(lambda: _open(root, target))
        profile.disable()
        first, _ = _timed(lambda: campaign.run(Budget(inputs=1), triage_here=False))
        campaign.close()
        size = sum(path.stat().st_size for path in root.glob("journal/*/*.mlj")) / 1e6
        figures = {
            "read": read, "resume": resume, "first_batch": first, "inspect_cold": cold, "inspect_warm": warm,
        }  # fmt: skip
        assert whole.whole
        print(json.dumps({
            "bench": "resume", "entries": len(corpus), "journal_mb": round(size, 1),
            **{name: round(seconds, 3) for name, seconds in figures.items()},
        }))  # fmt: skip
        if asked.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


def _make(root: Path, target: object, entries: int) -> None:
    """A real campaign, and what a second worker of it might have kept since, written as it writes."""
    with _open(root, target) as campaign:
        campaign.run(Budget(inputs=2_000), triage_here=False)
        corpus, calibration = campaign.corpus, calibration_key(campaign.target, campaign.spec)
        parents = [corpus.identity(row) for row in range(len(corpus))]
        seeds, vectors = corpus.seeds.tolist(), corpus.vectors.copy()
        width, oracles = corpus.loads.shape[1], corpus.margins.shape[1]
        shape = np.shape(raw.loads(corpus.payload(0)))
    rng = np.random.default_rng(0)
    payloads = [raw.dumps(pixels) for pixels in rng.integers(0, 256, (1_000, *shape), np.uint8)]
    with Journal(Workdir.open(root), "w01-0001-00000000") as journal:
        for first in range(len(parents), entries, 1_000):
            items = []
            for at in range(first, min(first + 1_000, entries)):
                parent = at % len(parents)
                near = vectors[parent] + rng.normal(size=vectors.shape[1])
                made = Entry(
                    life=journal.life, sequence=at, parent=parents[parent], seed=seeds[parent], chain=CHAIN,
                    gain=float(rng.random()), margins=(-rng.random(oracles)).tolist(), loads=rng.random(width).tolist(),
                    calibration=calibration, batch=at // 256, seconds=at / 100,
                )  # fmt: skip
                items.append(Item(records.dumps(made), near.astype("<f4").tobytes(), payloads[at % 1_000]))
            journal.append_many(items)
    with _open(root, target) as campaign:  # whose checkpoint knows all of them
        campaign.run(Budget(inputs=1), triage_here=False)


def _open(root: Path, target: object) -> Campaign:
    return Campaign.open(root, target, spec=WorkerSpec(target=TARGET))  # type: ignore[arg-type]


def _timed(run: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    done = run()
    return time.process_time() - began, done


if __name__ == "__main__":
    main()
