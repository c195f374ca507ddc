"""What each format-aware mutator gains over raw bytes, at equal time and from the same seeds.

    scripts/bench formats [--seconds 20] [--seeds 5] [harness ...]

Each pair runs A B A B: one session for raw bytes, one for the mutator, with one seed of chance after the other. Both
have the harness's dictionary. Told are libFuzzer's edges and features at the end, as the mutator's share of raw's:
median, lowest and highest over the seeds, and in how many of them the mutator had more; and the groups of failures that
each found. A mutator is on by default only where it gains edges or features, and loses none of the three.

Then, or alone with --minimising: twenty-two planted failures (minimising.py), in bytes: as found, as a person makes
them, and as the minimiser does, with the format's tree and without.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from minimising import ALLOWED, CASES, minimised

from mlfuzz.codefuzz.engine.default_engine import engine
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Options

ROOT = Path(__file__).resolve().parents[2]

PAIRS = (
    ("image_pillow", "png"), ("digits_model", "png"), ("wav_scipy", "riff"), ("audio_soundfile", "riff"),
    ("npz_numpy", "zip"), ("npy_numpy", "npy"), ("checkpoint_torch", "zip"), ("text_tokenizer", "json"),
    ("config_toml", "toml"), ("config_yaml", "yaml"),
)  # fmt: skip


@dataclass(frozen=True)
class Gain:
    """The mutator's figure over raw's, one for each seed of chance."""

    ratios: list[float]

    def __str__(self) -> str:
        more = sum(ratio > 1 for ratio in self.ratios)
        return (
            f"{statistics.median(self.ratios):.2f} ({min(self.ratios):.2f}-{max(self.ratios):.2f}), "
            f"more in {more} of {len(self.ratios)}"
        )


def fuzzed(harness: Harness, mutator: str, seed: int, seconds: float) -> tuple[FuzzProgress, int]:
    """One run from the shipped seeds, in a corpus of its own: how far it came, and the groups of failures it met."""
    groups: set[str] = set()
    declaration = msgspec.structs.replace(harness.declaration, mutator=mutator)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, file in enumerate(harness.seed_files()):
            shutil.copy(file, corpus / f"{number:03d}-{file.name}")
        with engine().prepare(declaration, Options(project=str(ROOT), seed=seed)) as session:
            progress = session.fuzz(
                corpus,
                seconds=seconds,
                on_failure=lambda payload, outcome: groups.add(outcome.group),
                on_progress=lambda progress: None,
            )
    return progress, len(groups)


def compare(name: str, mutator: str, seeds: int, seconds: float) -> str:
    """One row of the table."""
    harness = discovery.find(name, ROOT)
    raw, aware = [], []
    for seed in range(1, seeds + 1):
        raw.append(fuzzed(harness, "", seed, seconds))
        aware.append(fuzzed(harness, mutator, seed, seconds))
    pairs = [(a, b) for (a, _), (b, _) in zip(raw, aware, strict=True)]
    middle = statistics.median
    figures = [
        Gain([b.edges / max(1, a.edges) for a, b in pairs]),
        Gain([b.features / max(1, a.features) for a, b in pairs]),
        f"{middle(b.executions / max(1, a.executions) for a, b in pairs):.2f}",
        f"{middle(a.edges for a, _ in pairs):.0f} / {middle(a.features for a, _ in pairs):.0f}",
        f"{middle(groups for _, groups in raw):g} / {middle(groups for _, groups in aware):g}",
    ]
    return f"| {name} | {mutator} | " + " | ".join(map(str, figures)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("harness", nargs="*")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minimising", action="store_true", help="the second table alone")
    arguments = parser.parse_args()
    if arguments.minimising:
        minimising()
        return
    print(f"{arguments.seconds:g} s each, {arguments.seeds} seeds\n")
    print("| harness | mutator | edges over raw | features over raw | runs over raw | raw: edges / features | groups |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, mutator in PAIRS:
        if not arguments.harness or name in arguments.harness:
            print(compare(name, mutator, arguments.seeds, arguments.seconds), flush=True)
    if not arguments.harness:
        minimising()


def minimising() -> None:
    """The second table."""
    print("\n| failure | format | found | by hand | minimised | over by hand | by bytes alone | CPU seconds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    ratios = []
    for case in CASES:
        began = time.process_time()
        smaller = minimised(case)
        spent = time.process_time() - began
        ratios.append(len(smaller) / len(case.hand))
        figures = (
            len(case.found),
            len(case.hand),
            len(smaller),
            f"{ratios[-1]:.2f}",
            len(minimised(case, hints=False)),
        )
        print(
            f"| {case.name} | {case.form or 'by its bytes'} | {' | '.join(map(str, figures))} | {spent:.2f} |",
            flush=True,
        )
    within = sum(ratio <= ALLOWED for ratio in ratios)
    print(f"\n{within} of {len(CASES)} at most {ALLOWED:g} times as large as by hand; the largest {max(ratios):.2f}")


if __name__ == "__main__":
    main()
